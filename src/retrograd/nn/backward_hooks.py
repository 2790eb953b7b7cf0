"""Backward hooks of modules: code that sees the gradients of a module's outputs and inputs as they pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import GraphError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.function import Function, FunctionCtx

Hooks = dict[int, Callable[..., Any]]
Gradients = tuple[Any, ...]


class BackwardBoundary:
    """One call of a module that has backward hooks: its inputs and outputs pass through here.

    Args:
        module: whose hooks are called.
        before: called as hook(module, grad_output) when the gradients of the outputs arrive.
        after: called as hook(module, grad_input, grad_output) when those of the inputs are known.

    What a hook returns, if anything, takes the place of the gradients: grad_output for the former, grad_input for the
    latter.
    """

    def __init__(self, module: Any, before: Hooks, after: Hooks) -> None:
        self._module = module
        self._before, self._after = list(before.values()), list(after.values())
        self._inputs = 0
        self._enters = False
        self._grad_output: Gradients | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, as the module gets them."""
        self._inputs = len(args)
        places = _tensor_places(args)
        self._enters = bool(self._after) and _is_followed(args, places)
        return _passed(args, places, self._leave_backward) if self._enters else args

    def leave(self, result: Any) -> Any:
        """The result, as the caller gets it."""
        outputs = result if isinstance(result, tuple) else (result,)
        places = _tensor_places(outputs)
        if not _is_followed(outputs, places):
            return result
        outputs = _passed(outputs, places, self._enter_backward)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _enter_backward(self, gradients: Gradients) -> Gradients:
        """The gradients of the outputs arrive."""
        for hook in self._before:
            replaced = hook(self._module, gradients)
            gradients = gradients if replaced is None else _checked(replaced, gradients, "grad_output")
        self._grad_output = gradients
        if self._after and not self._enters:
            absent = (None,) * self._inputs
            for hook in self._after:
                replaced = hook(self._module, absent, gradients)
                if replaced is not None and any(g is not None for g in _tuple(replaced)):
                    raise GraphError(
                        f"a backward hook of {type(self._module).__name__} returned gradients for inputs of which none "
                        "requires one; return None"
                    )
        return gradients

    def _leave_backward(self, gradients: Gradients) -> Gradients:
        """The gradients of the inputs are known."""
        grad_output, self._grad_output = self._grad_output, None
        if grad_output is None:
            # A second backward pass comes from the first, and not through the outputs.
            return gradients
        for hook in self._after:
            replaced = hook(self._module, gradients, grad_output)
            gradients = gradients if replaced is None else _checked(replaced, gradients, "grad_input")
        return gradients


class _Passage(Function):
    """The identity; gradients pass through a function, as a tuple with None where there is no tensor."""

    @staticmethod
    def forward(ctx: FunctionCtx, of_gradients: Any, count: int, places: tuple[int, ...], *tensors: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(x for x in tensors if not x.requires_grad))
        ctx.of_gradients, ctx.count, ctx.places = of_gradients, count, places  # type: ignore[attr-defined]
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        given: list[Any] = [None] * ctx.count
        for place, g in zip(ctx.places, gradients, strict=True):
            given[place] = g
        found = ctx.of_gradients(tuple(given))
        return None, None, None, *(found[place] for place in ctx.places)


def _passed(
    values: tuple[Any, ...], places: tuple[int, ...], of_gradients: Callable[[Gradients], Gradients]
) -> tuple[Any, ...]:
    passed = list(values)
    made = _Passage.apply(of_gradients, len(values), places, *(values[place] for place in places))
    for place, x in zip(places, made, strict=True):
        passed[place] = x
    return tuple(passed)


def _tensor_places(values: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(place for place, x in enumerate(values) if isinstance(x, TensorBase))


def _is_followed(values: tuple[Any, ...], places: tuple[int, ...]) -> bool:
    return mode.state.grad_enabled and any(values[place].requires_grad for place in places)


def _tuple(replaced: Any) -> Gradients:
    return replaced if isinstance(replaced, tuple) else (replaced,)


def _checked(replaced: Any, gradients: Gradients, name: str) -> Gradients:
    result = _tuple(replaced)
    if len(result) != len(gradients):
        raise GraphError(
            f"a backward hook returned {len(result)} gradients in the place of {len(gradients)}; it must return as "
            f"many as {name} has"
        )
    return result
