"""Reductions. They keep the reduced axes with extent 1; a reshape above drops them.

The order in which a backend adds is fixed by the shape alone; empty sums are 0, empty products 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import bool_, int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import const, iota, like
from retrograd.ops.elementwise import cast, div, eq, logical_or, minimum, mul, ne, select
from retrograd.ops.movement import broadcast_to, reshape


def _infer(types: tuple[TensorType, ...], axes: Shape) -> TensorType:
    shape = types[0].shape
    return tensor_type(tuple(1 if i in axes else n for i, n in enumerate(shape)), types[0].dtype)


def _infer_extremum(types: tuple[TensorType, ...], axes: Shape) -> TensorType:
    shape = types[0].shape
    empty = [axis for axis in axes if shape[axis] == 0]
    if empty:
        raise ShapeError(f"max/min: axis {empty[0]} of {shape} is empty, and an empty set has no extremum")
    return _infer(types, axes)


def _reference(function: Any) -> Any:
    def rule(x: np.ndarray, axes: Shape) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(x, axis=axes, keepdims=True), x.dtype)

    return rule


def _batch(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int, name: str) -> Node:
    return record(_MADE[name], x, (tuple(axis + 1 for axis in attributes[0]),))


def _batch_rule(name: str) -> Any:
    return lambda x, has, attributes, size: _batch(x, has, attributes, size, name)


def _sum_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    return (broadcast_to(g, x[0].type.shape),)


def _prod_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    """The product of the others: y / x_i, done without division where a zero is about."""
    (axes,) = attributes
    value, shape = x[0], x[0].type.shape
    zero_at = eq(value, like(0, value))
    zeros_count = sum_keepdim(cast(zero_at, value.type.dtype), axes)
    rest = prod_keepdim(select(zero_at, like(1, value), value), axes)
    none = eq(zeros_count, like(0, zeros_count))
    one = eq(zeros_count, like(1, zeros_count))
    safe = select(zero_at, like(1, value), value)
    without = div(broadcast_to(mul(g, rest), shape), safe)
    only = broadcast_to(mul(g, rest), shape)
    zero = like(0, value)
    at_zero = select(broadcast_to(one, shape), only, zero)
    return (select(zero_at, at_zero, select(broadcast_to(none, shape), without, zero)),)


def _extremum_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    """Shared evenly among all elements that attain the extremum, as PyTorch's amax and amin do."""
    (axes,) = attributes
    shape = x[0].type.shape
    at = _equal_or_nan(x[0], broadcast_to(y, shape))
    count = sum_keepdim(cast(at, g.type.dtype), axes)
    return (select(at, broadcast_to(div(g, count), shape), like(0, x[0])),)


def _equal_or_nan(a: Node, b: Node) -> Node:
    same = eq(a, b)
    if not a.type.dtype.is_floating_point:
        return same
    both = ne(a, a)
    return logical_or(same, both)


SUM = register(Primitive("sum", _infer, _reference(np.sum), _sum_gradient, _batch_rule("sum")))
PROD = register(Primitive("prod", _infer, _reference(np.prod), _prod_gradient, _batch_rule("prod")))
MAX = register(Primitive("max", _infer_extremum, _reference(np.max), _extremum_gradient, _batch_rule("max")))
MIN = register(Primitive("min", _infer_extremum, _reference(np.min), _extremum_gradient, _batch_rule("min")))
_MADE = {"sum": SUM, "prod": PROD, "max": MAX, "min": MIN}


def _reduce(primitive: Primitive, x: Node, axes: Shape) -> Node:
    return record(primitive, (x,), (axes,)) if axes else x


def sum_keepdim(x: Node, axes: Shape) -> Node:
    return _reduce(SUM, x, axes)


def prod_keepdim(x: Node, axes: Shape) -> Node:
    return _reduce(PROD, x, axes)


def max_keepdim(x: Node, axes: Shape) -> Node:
    return _reduce(MAX, x, axes)


def min_keepdim(x: Node, axes: Shape) -> Node:
    return _reduce(MIN, x, axes)


def drop_axes(x: Node, axes: Shape) -> Node:
    """x without the named axes, which have extent 1."""
    return reshape(x, tuple(n for i, n in enumerate(x.type.shape) if i not in axes))


def argmax_keepdim(x: Node, axis: int) -> Node:
    """The first position of the maximum along an axis; a NaN counts as the maximum."""
    return _position(x, max_keepdim(x, (axis,)), axis)


def argmin_keepdim(x: Node, axis: int) -> Node:
    """The first position of the minimum along an axis; a NaN counts as the minimum."""
    return _position(x, min_keepdim(x, (axis,)), axis)


def _position(x: Node, extremum: Node, axis: int) -> Node:
    shape = x.type.shape
    at = _equal_or_nan(x, broadcast_to(extremum, shape))
    places = select(at, iota(shape, axis), const(shape[axis], int64, shape))
    found = min_keepdim(places, (axis,))
    return minimum(found, const(shape[axis] - 1, int64, found.type.shape))


def any_keepdim(x: Node, axes: Shape) -> Node:
    """Whether an element is not 0; of no elements, False."""
    return _of_nothing(x, axes, False) or max_keepdim(cast(x, bool_), axes)


def all_keepdim(x: Node, axes: Shape) -> Node:
    """Whether no element is 0; of no elements, True."""
    return _of_nothing(x, axes, True) or min_keepdim(cast(x, bool_), axes)


def _of_nothing(x: Node, axes: Shape, value: bool) -> Node | None:
    """The reduction of empty axes, or None if none of them is empty."""
    shape = x.type.shape
    if all(shape[axis] for axis in axes):
        return None
    return const(value, bool_, tuple(1 if i in axes else n for i, n in enumerate(shape)))
