"""Cumulative operations along an axis: sums, products, extrema, and the linear recurrence behind them.

    cumsum       y[k] = x[0] + ... + x[k]
    recurrence   y[0] = b[0],  y[k] = a[k] y[k-1] + b[k]
    cumarg       the last position up to k at which the extremum of x[0..k] stands; after a NaN, that of the last NaN

`reverse` runs from the other end. Sums and recurrences of float32 are carried in float64 and rounded once an element,
as PyTorch does. The gradient of a recurrence is a recurrence that runs the other way, so that products with zeros among
their factors need no special case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import DTYPES, bool_, float64, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, iota, like
from retrograd.ops.gather import gather
from retrograd.ops.movement import batched_alike, pad, slice_

Array = np.ndarray[Any, Any]


def _carried(x: Array) -> Any:
    """The dtype in which a running value is kept."""
    return float64.numpy if x.dtype.kind == "f" else x.dtype


# -- cumsum -----------------------------------------------------------------------------------------------------------


def _cumsum_reference(x: Array, axis: int, reverse: bool) -> Array:
    with np.errstate(all="ignore"):
        if reverse:
            x = np.flip(x, axis)
        y = np.cumsum(x, axis, dtype=_carried(x)).astype(x.dtype)
    return np.flip(y, axis) if reverse else y


CUMSUM = register(
    Primitive(
        "cumsum",
        lambda types, axis, reverse: types[0],
        _cumsum_reference,
        lambda g, x, y, attributes: (cumsum(g, attributes[0], not attributes[1]),),
        lambda x, has, attributes, size: cumsum(x[0], attributes[0] + 1, attributes[1]),
    )
)


def cumsum(x: Node, axis: int, reverse: bool = False) -> Node:
    """Sums of the elements up to each one along an axis; with `reverse`, from each one on."""
    return record(CUMSUM, (x,), (axis, reverse))


# -- the linear recurrence --------------------------------------------------------------------------------------------


def _infer_recurrence(types: tuple[TensorType, ...], axis: int, reverse: bool) -> TensorType:
    a, b = types
    if a.shape != b.shape:
        raise ShapeError(f"recurrence: factors {a.shape} and summands {b.shape} must have equal shapes")
    if a.dtype is not b.dtype:
        raise DTypeError(f"recurrence: factors and summands have dtypes {a.dtype.name} and {b.dtype.name}")
    return b


def _recurrence_reference(a: Array, b: Array, axis: int, reverse: bool) -> Array:
    out = np.empty(b.shape, b.dtype)
    factors, summands, results = (np.moveaxis(v, axis, 0) for v in (a, b, out))
    carried = _carried(b)
    order = range(len(summands))
    y: Array | None = None
    with np.errstate(all="ignore"):
        for k in reversed(order) if reverse else order:
            y = summands[k].astype(carried) if y is None else factors[k].astype(carried) * y + summands[k]
            results[k] = y
    return out


def _recurrence_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, Node]:
    """With u the gradient of the summands: u[k] = g[k] + a[k+1] u[k+1], and a's is u[k] y[k-1]."""
    axis, reverse = attributes
    u = recurrence(_shifted(x[0], axis, not reverse), g, axis, not reverse)
    return e.mul(u, _shifted(y, axis, reverse)), u


def _shifted(x: Node, axis: int, back: bool) -> Node:
    """x moved on by one along an axis, or back; 0 comes in."""
    shape = x.type.shape
    if shape[axis] == 0:
        return x
    size = tuple(n - (i == axis) for i, n in enumerate(shape))
    start = tuple(const_offset(int(back and i == axis)) for i in range(len(shape)))
    one, none = tuple(int(i == axis) for i in range(len(shape))), (0,) * len(shape)
    kept = slice_(x, start, size, (1,) * len(shape))
    return pad(kept, none, one) if back else pad(kept, one, none)


def _batch_recurrence(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    a, b = batched_alike(x, has, size)
    return recurrence(a, b, attributes[0] + 1, attributes[1])


RECURRENCE = register(
    Primitive("recurrence", _infer_recurrence, _recurrence_reference, _recurrence_gradient, _batch_recurrence)
)


def recurrence(factors: Node, summands: Node, axis: int, reverse: bool = False) -> Node:
    """y[k] = factors[k] y[k-1] + summands[k] along an axis, from y[0] = summands[0]."""
    return record(RECURRENCE, (factors, summands), (axis, reverse))


# -- positions of running extrema -------------------------------------------------------------------------------------


def _cumarg_reference(x: Array, axis: int, kind: str) -> Array:
    best = np.maximum if kind == "max" else np.minimum
    reached = (x == best.accumulate(x, axis)) | (x != x) if x.size else np.zeros(x.shape, bool)
    line = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.maximum.accumulate(np.where(reached, line, 0), axis) if x.size else np.zeros(x.shape, np.int64)


CUMARG: Primitive = register(
    Primitive(
        "cumarg",
        lambda types, axis, kind: tensor_type(types[0].shape, int64),
        _cumarg_reference,
        None,
        lambda x, has, attributes, size: record(CUMARG, (x[0],), (attributes[0] + 1, attributes[1])),
    )
)


# -- composites -------------------------------------------------------------------------------------------------------


@composite("cumsum")
def CUMSUM_ALONG(x: Node, axis: int, dtype: str) -> Node:
    """Sums up to each element, in the named dtype."""
    return cumsum(e.cast(x, DTYPES[dtype]), axis)


@composite("cumprod")
def CUMPROD(x: Node, axis: int, dtype: str) -> Node:
    """Products up to each element: the recurrence whose factors are the elements."""
    x = e.cast(x, DTYPES[dtype])
    first = e.eq(iota(x.type.shape, axis), const(0, int64, x.type.shape))
    return recurrence(x, e.select(first, x, like(0, x)), axis)


@composite("cumextremum")
def CUMEXTREMUM(x: Node, axis: int, kind: str) -> tuple[Node, Node]:
    """The maximum ("max") or minimum ("min") of the elements up to each one, and where it stands last."""
    places = record(CUMARG, (x,), (axis, kind))
    return gather(x, places, axis), places


def _exp_of_difference(a: Node, b: Node) -> Node:
    """exp(a - b), where equal infinities differ by 0."""
    return e.select(e.eq(a, b), like(1, a), e.exp(e.sub(a, b)))


def _logcumsumexp_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    """sum_{k >= i} g[k] exp(x[i] - y[k]), carried from the end so that no exponent is positive."""
    (axis,) = attributes
    following = _exp_of_difference(y, _shifted(y, axis, back=True))
    return (e.mul(_exp_of_difference(x[0], y), recurrence(following, g, axis, reverse=True)),)


@composite("logcumsumexp", _logcumsumexp_gradient)
def LOGCUMSUMEXP(x: Node, axis: int) -> Node:
    """log sum_{j <= k} exp(x[j]), each sum scaled by the largest of its summands."""
    largest = gather(x, record(CUMARG, (x,), (axis, "max")), axis)
    scale = _exp_of_difference(_shifted(largest, axis, back=False), largest)
    total = recurrence(scale, _exp_of_difference(x, largest), axis)
    return e.add(largest, e.log(total))


@composite("diff")
def DIFF(x: Node, axis: int, times: int) -> Node:
    """Differences of neighbours along an axis, taken `times` times; of booleans, whether they differ."""
    for _ in range(min(times, x.type.shape[axis])):
        size = tuple(n - (i == axis) for i, n in enumerate(x.type.shape))
        low, high = (
            slice_(x, tuple(const_offset(int(first and i == axis)) for i in range(len(size))), size, (1,) * len(size))
            for first in (False, True)
        )
        x = e.ne(high, low) if x.type.dtype is bool_ else e.sub(high, low)
    return x
