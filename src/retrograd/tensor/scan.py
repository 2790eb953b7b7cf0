"""Loops over time as users write them: a function of a carry and a slice, taken over and over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.autodiff.reverse import pull_back_values
from retrograd.core import mode, tree
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.graph import Graph, reachable
from retrograd.core.node import Node, input_node
from retrograd.core.operation import project, record
from retrograd.core.types import tensor_type
from retrograd.ops.loop import Loop
from retrograd.ops.movement import permute
from retrograd.ops.scan import SCAN
from retrograd.ops.scan_gradient import saving
from retrograd.ops.stop_gradient import STOP_GRADIENT
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.storage import traced
from retrograd.tensor.tensor import tensor


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
    starts = [_as_tensor(leaf)._read() for leaf in _leaves(init)]
    streams = [_time_first(_as_tensor(leaf), dim) for leaf in _leaves(xs)]
    steps = _length(streams, length)
    body, constants, result = _traced(combine_fn, init, xs, starts, streams)
    inputs = (*starts, *streams, *constants)
    loop = Loop(body, len(starts), len(streams), steps, reverse)
    shown = len(body.outputs)
    needs = [x.requires_grad for x in inputs]
    if mode.state.grad_enabled and any(needs):
        loop = saving(loop, needs, pull_back_values)
    outputs = iter(_recorded(loop, inputs, shown))
    carry, y = result
    last = _rebuild(carry, [next(outputs) for _ in starts])
    stacked = [_time_at(x, dim) for x in outputs]
    return last, _rebuild(y, stacked)


def _recorded(loop: Loop, inputs: tuple[Node, ...], shown: int) -> list[Any]:
    """The first outputs of the loop; the others are what its gradient reads."""
    node = record(SCAN, inputs, loop.attributes)
    assert node.signature is not None
    count = len(node.signature.outputs)
    if count == 1:
        return [wrap(node)]
    beside = tuple(project(node, i) for i in range(shown, count))
    return [wrap(project(node, i, beside)) for i in range(shown)]


# -- the arguments ----------------------------------------------------------------------------------------------------


def _leaves(value: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(value) if leaf is not None]


def _rebuild(form: Any, values: Sequence[Any]) -> Any:
    """A tree of the same form; None stays None."""
    given = iter(values)
    return tree.map_leaves(lambda leaf: None if leaf is None else next(given), form)


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, TensorBase) else tensor(value)


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


# -- recording the body -----------------------------------------------------------------------------------------------


def _traced(
    combine_fn: Callable[[Any, Any], Any], init: Any, xs: Any, starts: Sequence[Node], streams: Sequence[Node]
) -> tuple[Graph, list[Node], tuple[Any, Any]]:
    """The body as a graph, the values from outside that it reads, and what the function returned."""
    types = [*(x.type for x in starts), *(tensor_type(x.type.shape[1:], x.type.dtype) for x in streams)]
    if not types:
        raise OptionError("scan: there is neither a carry nor xs, so that every step would be the same")
    places = [input_node(type_, None) for type_ in types]
    for place in places:
        place.requires_grad = place.type.dtype.is_floating_point
    with traced(places[0].number, "scan", "one step"):
        inside = [wrap(place) for place in places]
        result = combine_fn(_rebuild(init, inside[: len(starts)]), _rebuild(xs, inside[len(starts) :]))
    if not isinstance(result, tuple) or len(result) != 2:
        raise OptionError("scan: the function must return a pair, the next carry and what is stacked")
    carry, y = result
    following = [_node_of(x) for x in _leaves(carry)]
    if len(following) != len(starts):
        raise ShapeError(
            f"scan: the first carry has {len(starts)} tensors, and the next one {len(following)}; their forms must agree"
        )
    outputs = [*following, *map(_node_of, _leaves(y))]
    return (*_closed(places, outputs), (carry, y))


def _node_of(value: Any) -> Node:
    if not isinstance(value, TensorBase):
        raise OptionError(f"scan: the function must return tensors, and returned {type(value).__name__}")
    return value._read()


def _closed(places: list[Node], outputs: list[Node]) -> tuple[Graph, list[Node]]:
    """The graph of what depends on the placeholders, and the values that it reads beside them."""
    inside: dict[Node, Node] = {place: place for place in places}
    constants: dict[Node, None] = {}

    def of(x: Node) -> Node:
        if x in inside:
            return inside[x]
        if x.signature is not None and not x.inputs and x.buffer is None:
            return x  # a constant of the structure
        constants[x] = None
        return x

    for node in reachable(outputs, set(places)):
        if any(x in inside for x in node.inputs):
            inside[node] = _copied(node, of)
    made = [of(x) for x in outputs]
    return Graph.from_nodes([*places, *constants], made), list(constants)


def _copied(node: Node, of: Callable[[Node], Node]) -> Node:
    """A node on other inputs; what was recorded without gradients lets none through."""
    assert node.signature is not None
    stops = node.signature.differentiable and not node.requires_grad and node.signature.projects is None
    with mode.no_grad():
        inputs = [record(STOP_GRADIENT, (of(x),)) if stops and x.requires_grad else of(x) for x in node.inputs]
    return Node(node.signature, tuple(inputs), False)

