"""jvp: Jacobian-vector products, derivatives along a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.autograd.level import Level, filled, output_nodes, outside, outside_tree, pull_back, seeds_for
from retrograd.core import mode, tree
from retrograd.core.errors import GraphError
from retrograd.core.node import Node
from retrograd.func.grad import split_aux
from retrograd.ops.constant import zeros


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of a function, and J v: its derivative along v.

    It is computed by two backward passes, exactly: u -> u^T J is linear in u, and its gradient with respect to u,
    weighted by v, is J v.

    Args:
        func: returns tensors, or with `has_aux` a pair of these and anything else.
        primals: a tuple of its arguments, trees of tensors.
        tangents: a tuple of the same form, the direction.
        strict: refuse outputs that depend on no primal, in place of zeros.
        has_aux: whether `func` returns something beside.

    Returns:
        The output, the derivative in its form, and, with `has_aux`, what `func` returns beside.

    Source: torch.func.jvp; J. Townsend, "A new trick for calculating Jacobian vector products" (2017).

    >>> import retrograd as rg
    >>> rg.func.jvp(lambda x: x**2, (rg.tensor([1.0, 2.0]),), (rg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    linear = _Linear("jvp", func, _tuple("primals", primals), has_aux)
    derivative = linear.derivative(_tuple("tangents", tangents), strict)
    output = linear.output()
    return (output, derivative, outside_tree(linear.aux)) if has_aux else (output, derivative)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function, and its derivative there as a function of the direction.

    Source: torch.func.linearize.

    >>> import retrograd as rg
    >>> output, along = rg.func.linearize(lambda x: x**2, rg.tensor(3.0))
    >>> output, along(rg.tensor(1.0)), along(rg.tensor(2.0))
    (tensor(9.), tensor(6.), tensor(12.))
    """
    linear = _Linear("linearize", func, primals, has_aux=False)
    return linear.output(), lambda *tangents: linear.derivative(tangents, strict=False)


class _Linear:
    """A function that was run once, with v^T J recorded for a v that stands for any."""

    def __init__(self, name: str, func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool) -> None:
        self.name = name
        level = Level(name, primals)
        with level.open():
            self.tree, self.aux = split_aux(name, func(*level.arguments), has_aux)
            self.outputs = output_nodes(name, self.tree)
            self.vectors = [_any_vector(node) for node in self.outputs]
            self.gradients = filled(level.pull_back(self.outputs, self.vectors), level.inputs)
        self.inputs = level.inputs

    def output(self) -> Any:
        return tree.rebuild(self.tree, iter([outside(node) for node in self.outputs]))

    def derivative(self, tangents: tuple[Any, ...], strict: bool) -> Any:
        if strict and not all(node.requires_grad for node in self.outputs):
            raise GraphError(f"{self.name}: an output depends on no primal, and strict=True refuses that")
        with mode.enable_grad():
            seeds = seeds_for(self.name, self.inputs, tangents)
            found = filled(pull_back(self.vectors, self.gradients, seeds), self.vectors)
        return tree.rebuild(self.tree, iter([outside(node) for node in found]))


def _any_vector(output: Node) -> Node:
    """A node of an output's type, by which gradients can be differentiated; its value is never read."""
    vector = zeros(output.type)
    vector.requires_grad = output.type.dtype.is_floating_point
    return vector


def _tuple(what: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, tuple):
        raise TypeError(f"jvp: {what} must be a tuple with an entry for each argument, and is {type(given).__name__}")
    return given
