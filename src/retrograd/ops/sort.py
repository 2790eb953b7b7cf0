"""Sorting: `argsort`, a stable order of positions along an axis, and what is read by it; `searchsorted`.

A NaN counts as greater than every number, as in PyTorch. Equal elements stay in their order, also in a descending sort.
Values come by `gather`, so that gradients go to the elements that were chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype
from retrograd.ops.constant import iota, like
from retrograd.ops.cumulative import CUMARG
from retrograd.ops.gather import gather
from retrograd.ops.movement import batched_alike, broadcast_to, permute, reshape
from retrograd.ops.reduce import argmax_keepdim, drop_axes, sum_keepdim

Array = np.ndarray[Any, Any]

# -- argsort ----------------------------------------------------------------------------------------------------------


def _infer_argsort(types: tuple[TensorType, ...], axis: int, descending: bool, count: int) -> TensorType:
    shape = types[0].shape
    if not 0 <= count <= shape[axis]:
        raise ShapeError(f"argsort: axis {axis} of {shape} has no {count} elements to choose")
    return tensor_type((*shape[:axis], count, *shape[axis + 1 :]), int64)


def _argsort_reference(x: Array, axis: int, descending: bool, count: int) -> Array:
    if descending:
        # From the end, so that equal elements come out in their own order when all is turned around.
        order = x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis, kind="stable")
        order = np.flip(order, axis)
    else:
        order = np.argsort(x, axis, kind="stable")
    return np.asarray(np.take(order, np.arange(count), axis), np.int64)


ARGSORT: Primitive = register(
    Primitive(
        "argsort",
        _infer_argsort,
        _argsort_reference,
        None,
        lambda x, has, attributes, size: record(ARGSORT, (x[0],), (attributes[0] + 1, *attributes[1:])),
    )
)


def argsort(x: Node, axis: int, descending: bool = False, count: int | None = None) -> Node:
    """The positions along an axis in the order of their elements; only the first `count` if that is given."""
    return record(ARGSORT, (x,), (axis, descending, x.type.shape[axis] if count is None else count))


@composite("argsort")
def ARGSORT_ALONG(x: Node, axis: int, descending: bool) -> Node:
    return argsort(x, axis, descending)


@composite("sort")
def SORT(x: Node, axis: int, descending: bool) -> tuple[Node, Node]:
    """Values in order along an axis, and where they stood."""
    order = argsort(x, axis, descending)
    return gather(x, order, axis), order


@composite("topk")
def TOPK(x: Node, axis: int, largest: bool, count: int) -> tuple[Node, Node]:
    """The largest or smallest elements along an axis in order, the first of equal ones, and where they stood."""
    order = argsort(x, axis, largest, count)
    return gather(x, order, axis), order


# -- one element of the order -----------------------------------------------------------------------------------------


def _chosen(x: Node, order: Node, rank: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The element that stands at `rank` in the order, and its position."""
    place = gather(order, rank, axis)
    value = gather(x, place, axis)
    return (value, place) if keepdim else (drop_axes(value, (axis,)), drop_axes(place, (axis,)))


def _line(x: Node, axis: int) -> tuple[int, ...]:
    """The shape of x with one element along an axis."""
    return tuple(1 if i == axis else n for i, n in enumerate(x.type.shape))


def nan_count(x: Node, axis: int) -> Node:
    """How many NaN there are along an axis."""
    return sum_keepdim(e.cast(e.ne(x, x), int64), (axis,))


@composite("kthvalue")
def KTHVALUE(x: Node, k: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The k-th smallest element along an axis, k counted from 1, and its position."""
    rank = broadcast_to(e.sub(k, like(1, k)), _line(x, axis))
    return _chosen(x, argsort(x, axis), rank, axis, keepdim)


def median(x: Node, axis: int, keepdim: bool, ignore_nan: bool) -> tuple[Node, Node]:
    """The lower median along an axis and its position; a NaN among the elements is taken for it, or ignored."""
    order = argsort(x, axis)
    extent, nans = x.type.shape[axis], nan_count(x, axis)
    zero, one, two = like(0, nans), like(1, nans), like(2, nans)
    rest = e.sub(like(extent, nans), nans)
    if ignore_nan:
        rank = e.maximum(e.floor_divide(e.sub(rest, one), two), zero)
    else:
        rank = e.select(e.eq(nans, zero), like((extent - 1) // 2, nans), rest)
    return _chosen(x, order, rank, axis, keepdim)


@composite("median")
def MEDIAN(x: Node, axis: int, keepdim: bool, ignore_nan: bool) -> tuple[Node, Node]:
    return median(x, axis, keepdim, ignore_nan)


def _median_of_all_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    """Shared evenly among all elements that are the median, as in PyTorch."""
    value, shape = x[0], x[0].type.shape
    median = broadcast_to(y, shape)
    at = e.logical_or(e.eq(value, median), e.logical_and(e.ne(value, value), e.ne(median, median)))
    count = broadcast_to(sum_keepdim(e.cast(at, g.type.dtype), tuple(range(len(shape)))), shape)
    return (e.select(at, e.div(broadcast_to(g, shape), count), like(0, value)),)


@composite("median.all", _median_of_all_gradient)
def MEDIAN_OF_ALL(x: Node, ignore_nan: bool) -> Node:
    """The lower median of all elements."""
    return median(reshape(x, (x.type.size,)), 0, False, ignore_nan)[0]


@composite("mode")
def MODE(x: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The most frequent element along an axis, the smallest of several, and where it stands last."""
    order = argsort(x, axis)
    values = gather(x, order, axis)
    shape = x.type.shape
    place = iota(shape, axis)
    before = e.maximum(e.sub(place, like(1, place)), like(0, place))
    starts = e.logical_or(e.ne(values, gather(values, before, axis)), e.eq(place, like(0, place)))
    start = e.select(starts, place, like(0, place))
    start = gather(start, record(CUMARG, (start,), (axis, "max")), axis)
    rank = argmax_keepdim(e.sub(place, start), axis)
    return _chosen(x, order, rank, axis, keepdim)


# -- quantiles --------------------------------------------------------------------------------------------------------


@composite("quantile")
def QUANTILE(x: Node, q: Node, axis: int, keepdim: bool, interpolation: str, ignore_nan: bool) -> Node:
    """The elements at the places q (n - 1) of the order along an axis, one of them or a mixture of two neighbours.

    The axis of q, if it has one, comes first.
    """
    shape, dtype = x.type.shape, x.type.dtype
    last = len(shape) - 1
    x = permute(x, (*(i for i in range(last + 1) if i != axis), axis))
    values = gather(x, argsort(x, last), last)
    ranks = _ranks(x, q, ignore_nan)
    if interpolation in ("lower", "higher", "nearest"):
        rounding = {"lower": e.floor, "higher": e.ceil, "nearest": e.rint}[interpolation]
        found = gather(values, e.cast(rounding(ranks), int64), last)
    else:
        floor = e.floor(ranks)
        low, high = (gather(values, e.cast(rank, int64), last) for rank in (floor, e.ceil(ranks)))
        weight = e.sub(ranks, floor) if interpolation == "linear" else like(0.5, ranks)
        found = _mixed(low, high, weight)
    found = permute(found, (last, *range(last)))
    rest = tuple(1 if i == axis else n for i, n in enumerate(shape) if keepdim or i != axis)
    return e.cast(reshape(found, (*q.type.shape, *rest)), dtype)


def _ranks(x: Node, q: Node, ignore_nan: bool) -> Node:
    """Where quantiles lie in the order along the last axis, as real numbers. One of a line with a NaN is that NaN."""
    lines, extent = x.type.shape[:-1], x.type.shape[-1]
    ranks = broadcast_to(reshape(q, (*(1 for _ in lines), q.type.size)), (*lines, q.type.size))
    nans = broadcast_to(nan_count(x, len(lines)), ranks.type.shape)
    if ignore_nan:
        top = e.cast(e.sub(like(extent - 1, nans), nans), ranks.type.dtype)
        return e.maximum(e.mul(ranks, top), like(0, ranks))
    return e.select(e.eq(nans, like(0, nans)), e.mul(ranks, like(extent - 1, ranks)), like(extent - 1, ranks))


def _mixed(a: Node, b: Node, weight: Node) -> Node:
    """a + weight (b - a), reckoned from the nearer end."""
    way = e.sub(b, a)
    from_a = e.add(a, e.mul(weight, way))
    from_b = e.sub(b, e.mul(way, e.sub(like(1, weight), weight)))
    return e.select(e.lt(weight, like(0.5, weight)), from_a, from_b)


# -- searching --------------------------------------------------------------------------------------------------------


def _infer_searchsorted(types: tuple[TensorType, ...], right: bool) -> TensorType:
    sequence, values = types
    if sequence.shape[:-1] != values.shape[:-1] or not sequence.shape:
        raise ShapeError(
            f"searchsorted: the sequence {sequence.shape} and the values {values.shape} must agree but in the last axis"
        )
    if sequence.dtype is not values.dtype:
        raise DTypeError(f"searchsorted: the sequence and the values are {sequence.dtype.name} and {values.dtype.name}")
    return tensor_type(values.shape, int64)


def _searchsorted_reference(sequence: Array, values: Array, right: bool) -> Array:
    """By bisection, as PyTorch compares: what is not beyond a value lies before it, and a NaN is beyond nothing."""
    length = sequence.shape[-1]
    wanted = values.reshape(*sequence.shape[:-1], -1)
    low, high = np.zeros(wanted.shape, np.int64), np.full(wanted.shape, length)
    while np.any(low < high):
        middle = (low + high) // 2
        found = np.take_along_axis(sequence, np.minimum(middle, length - 1), -1)
        goes_on = (low < high) & ~(found > wanted if right else found >= wanted)
        low, high = np.where(goes_on, middle + 1, low), np.where(goes_on, high, np.minimum(middle, high))
    return low.reshape(values.shape)


SEARCHSORTED: Primitive = register(
    Primitive(
        "searchsorted",
        _infer_searchsorted,
        _searchsorted_reference,
        None,
        lambda x, has, attributes, size: record(SEARCHSORTED, batched_alike(x, has, size), attributes),
    )
)


@composite("searchsorted")
def SEARCH(sequence: Node, values: Node, right: bool) -> Node:
    """Where values would go in a sorted sequence: before equal elements, or behind them if `right`."""
    dtype = common_dtype(sequence, values)
    sequence, values = e.cast(sequence, dtype), e.cast(values, dtype)
    if len(sequence.type.shape) != 1:
        return record(SEARCHSORTED, (sequence, values), (right,))
    flat = reshape(values, (values.type.size,))
    return reshape(record(SEARCHSORTED, (sequence, flat), (right,)), values.type.shape)
