"""Loops over time as users write them: a function of a carry and a slice, taken over and over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.autodiff.reverse import pull_back_values
from retrograd.core import mode
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import project, record
from retrograd.core.types import tensor_type
from retrograd.ops.loop import Loop
from retrograd.ops.movement import permute
from retrograd.ops.scan import SCAN
from retrograd.ops.scan_gradient import saving
from retrograd.tensor.base import wrap
from retrograd.tensor.body import as_tensor, leaves_of, rebuild, trace


def scan(
    combine_fn: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    dim: int = 0,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """A loop that hands a carry from step to step: carry, y_t = combine_fn(carry, x_t).

    However many steps there are, the loop is one operation: its gradient is backpropagation through time, and where
    all that the function does has a native kernel, so has the loop. The function is called once, to record it. Tensors
    that it uses beside its arguments may require gradients; random numbers that it draws are the same in every step.

    Args:
        combine_fn: takes the carry and one step of `xs`; returns the next carry, of the same form, shapes and dtypes,
            and what is stacked. Both may be tensors, or tuples, lists and dictionaries of tensors, or None.
        init: the first carry.
        xs: what is read step by step, along `dim`; None where `length` says how many steps there are.
        length: how many steps; may be left out with `xs`.
        dim: the axis of time, in `xs` and in what is stacked.
        reverse: go from the last step to the first.

    Returns:
        The last carry, and the stacked y.

    Raises:
        OptionError: neither `xs` nor `length`, or a function that does not return a pair of tensors.
        ShapeError: lengths that differ, or a carry that changes its form, shape or dtype (DTypeError).
        GraphError: the function looks at a value, or changes a tensor from outside.

    Source: torch._higher_order_ops.scan; jax.lax.scan.

    >>> import retrograd as rg
    >>> total, sums = rg.scan(lambda c, x: (c + x, c + x), rg.tensor(0.0), rg.tensor([1.0, 2.0, 3.0]))
    >>> total, sums
    (tensor(6.), tensor([1., 3., 6.]))
    """
    starts = [as_tensor(leaf)._read() for leaf in leaves_of(init)]
    streams = [_time_first(as_tensor(leaf), dim) for leaf in leaves_of(xs)]
    steps = _length(streams, length)
    types = [*(x.type for x in starts), *(tensor_type(x.type.shape[1:], x.type.dtype) for x in streams)]
    if not types:
        raise OptionError("scan: there is neither a carry nor xs, so that every step would be the same")

    def step(given: list[Any]) -> tuple[Any, Any]:
        return _pair(combine_fn(rebuild(init, given[: len(starts)]), rebuild(xs, given[len(starts) :])))

    body = trace("scan", "one step", step, types)
    carry, y = body.result
    if len(leaves_of(carry)) != len(starts):
        raise ShapeError(
            f"scan: the first carry has {len(starts)} tensors, the next one {len(leaves_of(carry))}; their forms must "
            "agree"
        )
    loop = Loop(body.graph(body.constants), len(starts), len(streams), steps, reverse)
    outputs = iter(_recorded(loop, (*starts, *streams, *body.constants)))
    last = rebuild(carry, [next(outputs) for _ in starts])
    return last, rebuild(y, [_time_at(x, dim) for x in outputs])


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise OptionError("scan: the function must return a pair, the next carry and what is stacked")
    return result


def _recorded(loop: Loop, inputs: tuple[Node, ...]) -> list[Any]:
    """The outputs of the loop, which saves what its gradient will read."""
    shown = len(loop.body.outputs)
    needs = [x.requires_grad for x in inputs]
    if mode.state.grad_enabled and any(needs):
        loop = saving(loop, needs, pull_back_values)
    node = record(SCAN, inputs, loop.attributes)
    assert node.signature is not None
    count = len(node.signature.outputs)
    if count == 1:
        return [wrap(node)]
    beside = tuple(project(node, i) for i in range(shown, count))
    return [wrap(project(node, i, beside)) for i in range(shown)]


# -- the arguments ----------------------------------------------------------------------------------------------------


def _time_first(x: Any, dim: int) -> Node:
    if not x.ndim:
        raise ShapeError("scan: xs has a 0-dimensional tensor, which has no steps")
    axis = x._axis(dim)
    node: Node = x._read()
    return permute(node, (axis, *(i for i in range(x.ndim) if i != axis)))


def _time_at(stack: Any, dim: int) -> Any:
    """A stack with time where it is in `xs`."""
    axis = stack._axis(dim)
    order = list(range(1, stack.ndim))
    order.insert(axis, 0)
    return stack if axis == 0 else stack.permute(*order)


def _length(streams: Sequence[Node], length: int | None) -> int:
    found = {x.type.shape[0] for x in streams} | ({length} if length is not None else set())
    if not found:
        raise OptionError("scan: give xs, or length, which says how many steps there are")
    if len(found) > 1:
        raise ShapeError(f"scan: xs and length must have equally many steps, and have {sorted(found)}")
    (steps,) = found
    return steps
