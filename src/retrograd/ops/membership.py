"""Elements found among others, and counted, each one node."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import bool_, int64
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype
from retrograd.ops.constant import const, iota, like
from retrograd.ops.gather import scatter
from retrograd.ops.indexing import take
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import max_keepdim, min_keepdim
from retrograd.ops.sort import SEARCHSORTED, argsort


@composite("isin")
def ISIN(x: Node, elements: Node, invert: bool) -> Node:
    """Whether each element of x is among others: found by bisection in their order."""
    dtype, shape = common_dtype(x, elements), x.type.shape
    if not elements.type.size:
        return const(invert, bool_, shape)
    known, wanted = (reshape(e.cast(v, dtype), (v.type.size,)) for v in (elements, x))
    known = take(known, argsort(known, 0))
    found = take(known, record(SEARCHSORTED, (known, wanted), (False,)))
    return reshape((e.ne if invert else e.eq)(found, wanted), shape)


@composite("bincount")
def BINCOUNT(x: Node, *rest: Any) -> Node:
    """How often each of 0 .. length - 1 occurs, or the sum of its weights; the last argument is the length."""
    *weights, length = rest
    if weights:
        (source,) = weights
    else:
        source = const(1, int64, x.type.shape)
    return scatter(const(0, source.type.dtype, (length,)), e.cast(x, int64), source, 0, "add")


@composite("histc")
def HISTC(x: Node, low: Node, high: Node, bins: int) -> Node:
    """How many elements fall in each of `bins` parts of low .. high; equal bounds mean those of the elements."""
    dtype, size = x.type.dtype, x.type.size
    flat = reshape(x, (size,))
    if not size:
        return const(0, dtype, (bins,))
    low, high = (reshape(e.cast(v, dtype), (1,)) for v in (low, high))
    given = e.ne(low, high)
    low, high = (
        e.select(given, bound, extreme)
        for bound, extreme in ((low, min_keepdim(flat, (0,))), (high, max_keepdim(flat, (0,))))
    )
    one = like(1, low)
    alike = e.eq(low, high)
    low, high = e.select(alike, e.sub(low, one), low), e.select(alike, e.add(high, one), high)
    width = broadcast_to(e.sub(high, low), flat.type.shape)
    low, high = (broadcast_to(v, flat.type.shape) for v in (low, high))
    inside = e.logical_and(e.ge(flat, low), e.le(flat, high))
    place = e.mul(e.div(e.sub(flat, low), width), like(bins, flat))
    place = e.select(inside, place, like(0, place))
    place = e.minimum(e.cast(place, int64), const(bins - 1, int64, (size,)))
    return scatter(const(0, dtype, (bins,)), place, e.cast(inside, dtype), 0, "add")


@composite("one_hot")
def ONE_HOT(x: Node, classes: int) -> Node:
    """1 at the class of each element along a new last axis, 0 elsewhere."""
    shape = (*x.type.shape, classes)
    line = broadcast_to(reshape(e.cast(x, int64), (*x.type.shape, 1)), shape)
    return e.cast(e.eq(iota(shape, len(shape) - 1), line), int64)
