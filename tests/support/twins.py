"""Pairs of tensors, one of retrograd and one of PyTorch, that go through the same operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import retrograd as rg

ERRORS = (RuntimeError, IndexError, ValueError, TypeError)
TOLERANCE = 1e-9
LARGEST = 1e3
POOL_SIZE = 8


@dataclass(eq=False)
class Pair:
    """The same value on both sides."""

    ours: Any
    theirs: Any


class Difference(AssertionError):
    """The two sides disagree."""


@dataclass
class World:
    """All that a sequence of operations has made.

    Attributes:
        pool: tensors that operations may pick.
        arrays: NumPy arrays that share memory with a tensor of their side.
        optimizers: the optimizers that were made, the last of which steps.
        hook_calls: how often hooks ran, [ours, theirs].
        kept: leaves whose gradients somebody looks at.
        hooked_views: PyTorch's views with hooks.
        released: PyTorch's writes through views that a backward pass without `retain_graph` has been through.
    """

    pool: list[Pair] = field(default_factory=list)
    arrays: list[Pair] = field(default_factory=list)
    optimizers: list[Pair] = field(default_factory=list)
    hook_calls: list[int] = field(default_factory=lambda: [0, 0])
    kept: list[Pair] = field(default_factory=list)
    hooked_views: list[Any] = field(default_factory=list)
    released: list[Any] = field(default_factory=list)
    _next: int = 0

    def pick(self, number: int, wanted: Callable[[Any], bool] = lambda theirs: True) -> Pair | None:
        """One of the tensors that satisfy a condition on PyTorch's side."""
        fitting = [pair for pair in self.pool if wanted(pair.theirs)]
        return fitting[number % len(fitting)] if fitting else None

    def add(self, pair: Pair | None) -> None:
        """Let a new tensor into the pool, in the place of an old one when it is full."""
        if pair is None or not is_moderate(pair.theirs):
            return
        if len(self.pool) < POOL_SIZE:
            self.pool.append(pair)
        else:
            self.pool[self._next % POOL_SIZE] = pair
            self._next += 1

    def run(self, function: Callable[..., Any], *pairs: Pair) -> Pair | None:
        """`function(library, *tensors)` on both sides; None where both refuse.

        Raises:
            Difference: one side refuses what the other does.
        """
        refusal = None
        try:
            theirs = function(torch, *(pair.theirs for pair in pairs))
        except ERRORS as error:
            refusal = error
        try:
            ours = function(rg, *(pair.ours for pair in pairs))
        except ERRORS as error:
            if refusal is None:
                raise Difference(f"only retrograd refuses: {type(error).__name__}: {error}") from error
            return None
        if refusal is not None:
            raise Difference(f"only PyTorch refuses: {refusal}") from refusal
        return Pair(ours, theirs)

    def make(self, function: Callable[..., Any], *pairs: Pair) -> None:
        """Run a function whose result is a new tensor with memory of its own; PyTorch's is made row-major."""
        made = self.run(function, *pairs)
        if made is not None:
            if not made.theirs.is_contiguous():
                made.theirs = made.theirs.contiguous()
            self.add(made)

    def forget_large(self) -> None:
        """Drop what has grown so much that rounding would show."""
        self.pool = [pair for pair in self.pool if is_moderate(pair.theirs)]
        for pair in self.pool:
            if pair.theirs.is_leaf and pair.theirs.grad is not None and not is_moderate(pair.theirs.grad):
                pair.ours.grad = pair.theirs.grad = None
        if any(not is_moderate(p) for o in self.optimizers for p in o.theirs.param_groups[0]["params"]):
            self.optimizers.clear()

    def check(self) -> None:
        """Compare everything that is still there.

        Raises:
            Difference: values, gradients, geometry, or marks differ.
        """
        for place, pair in enumerate(self.pool):
            _compare(f"tensor {place}", pair)
        for optimizer in self.optimizers:
            params = zip(
                optimizer.ours.param_groups[0]["params"], optimizer.theirs.param_groups[0]["params"], strict=True
            )
            for place, (ours, theirs) in enumerate(params):
                _compare(f"parameter {place}", Pair(ours, theirs))
        for place, array in enumerate(self.arrays):
            _close(f"array {place}", array.ours, array.theirs)
        if self.hook_calls[0] != self.hook_calls[1]:
            raise Difference(f"hooks ran {self.hook_calls[0]} times, PyTorch's {self.hook_calls[1]} times")


def is_moderate(theirs: torch.Tensor) -> bool:
    values = theirs.detach()
    return values.numel() == 0 or bool(values.abs().max() < LARGEST)


def _compare(name: str, pair: Pair) -> None:
    ours, theirs = pair.ours, pair.theirs
    _same(f"{name}.shape", tuple(ours.shape), tuple(theirs.shape))
    _same(f"{name}.requires_grad", ours.requires_grad, theirs.requires_grad)
    _same(f"{name}.is_leaf", ours.is_leaf, theirs.is_leaf)
    if theirs.numel():
        _same(f"{name}.is_contiguous()", ours.is_contiguous(), theirs.is_contiguous())
    _close(name, ours.detach().clone().numpy(), theirs.detach().numpy())
    if theirs.is_leaf:
        _same(f"{name}.grad is None", ours.grad is None, theirs.grad is None)
        if theirs.grad is not None:
            _close(f"{name}.grad", ours.grad.detach().clone().numpy(), theirs.grad.detach().numpy())


def _same(name: str, ours: Any, theirs: Any) -> None:
    if ours != theirs:
        raise Difference(f"{name} is {ours}, PyTorch's {theirs}")


def _close(name: str, ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> None:
    _same(f"{name}'s shape", ours.shape, theirs.shape)
    size = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    if not np.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE * size, equal_nan=True):
        raise Difference(f"{name} is\n{ours}\nPyTorch's\n{theirs}")


@contextmanager
def saved_values_kept() -> Iterator[None]:
    """Deviation 1: PyTorch refuses a backward pass whose saved values were changed in place; retrograd keeps the old
    version and gives the gradient. Here PyTorch saves copies, and so gives the same gradient."""
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: saved.clone(), lambda kept: kept):
        yield


def history(theirs: torch.Tensor) -> list[Any]:
    """PyTorch's nodes behind a tensor, those of leaves excepted."""
    stack = [theirs.grad_fn] if theirs.grad_fn is not None else []
    seen = list(stack)
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is not None and type(node).__name__ != "AccumulateGrad" and not any(node is x for x in seen):
                seen.append(node)
                stack.append(node)
    return seen
