"""PyTorch's functions that read and write along an axis at given positions, each one node.

The index of `gather` and `scatter` may be smaller than the tensor beside the axis, and than the source: then a corner
of them is meant. That of `index_add` and its like has one axis: whole slices are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import DType, bool_, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, like
from retrograd.ops.cumulative import cumsum
from retrograd.ops.gather import along, gather, scatter
from retrograd.ops.index_arrays import from_end
from retrograd.ops.indexing import take
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape, slice_, slice_put
from retrograd.ops.spread import spread

# PyTorch's names of reductions.
_KINDS = {"sum": "add", "mean": "add", "prod": "mul", "amax": "max", "amin": "min"}


def _corner(x: Node, shape: Shape) -> Node:
    """The first elements of x along each axis."""
    starts = (const_offset(0),) * len(shape)
    return x if x.type.shape == shape else slice_(x, starts, shape, (1,) * len(shape))


def _beside(shape: Shape, index: Shape, axis: int) -> Shape:
    """The shape of the part that an index speaks of."""
    return tuple(n if i == axis else m for i, (n, m) in enumerate(zip(shape, index, strict=True)))


def _check_fits(name: str, x: Node, index: Node, axis: int) -> None:
    if index.type.size and index.type.dtype.name not in ("int64", "int32"):
        raise DTypeError(f"{name}: the index has dtype {index.type.dtype.name}; it must be int64 (use .long())")
    shape, wanted = x.type.shape, index.type.shape
    if len(shape) != len(wanted):
        raise ShapeError(f"{name}: the index {wanted} must have as many axes as the tensor {shape}")
    if index.type.size and any(m > n for i, (n, m) in enumerate(zip(shape, wanted, strict=True)) if i != axis):
        raise ShapeError(f"{name}: the index {wanted} must not be larger than {shape} but along axis {axis}")


@composite("gather")
def GATHER_ALONG(x: Node, index: Node, axis: int) -> Node:
    """out[i, j, k] = x[i, index[i, j, k], k]."""
    _check_fits("gather", x, index, axis)
    return gather(_corner(x, _beside(x.type.shape, index.type.shape, axis)), e.cast(index, int64), axis)


@composite("take_along_dim")
def TAKE_ALONG_DIM(x: Node, index: Node, axis: int, beside: Shape) -> Node:
    """As `gather`, with the other axes broadcast to those of `beside`; negative positions count from the end."""
    index = from_end(index, x.type.shape[axis])
    x, index = (
        broadcast_to(v, tuple(v.type.shape[axis] if i == axis else n for i, n in enumerate(beside))) for v in (x, index)
    )
    return gather(x, index, axis)


# -- scatter ----------------------------------------------------------------------------------------------------------

# What writes a source to places along the axis of a part: the part, the places, the source, the axis.
_Write = Callable[[Node, Node, Node, int], Node]


def _scattered(name: str, base: Node, index: Node, source: Node, axis: int, write: _Write) -> Node:
    """base with a source, or one number, written to the corner that the index speaks of."""
    _check_fits(name, base, index, axis)
    shape = index.type.shape
    if not index.type.size:
        return base
    if not source.type.shape:
        source = spread(source, const(0, base.type.dtype, shape))
    else:
        if len(source.type.shape) != len(shape) or any(m > n for n, m in zip(source.type.shape, shape, strict=True)):
            raise ShapeError(f"{name}: the index {shape} must not be larger than the source {source.type.shape}")
        source = _corner(source, shape)
    if source.type.dtype is not base.type.dtype:
        raise DTypeError(
            f"{name}: the tensor is {base.type.dtype.name} and the source {source.type.dtype.name}; cast one with .to()"
        )
    part = _corner(base, _beside(base.type.shape, shape, axis))
    written = write(part, e.cast(index, int64), source, axis)
    if part is base:
        return written
    return slice_put(base, written, (const_offset(0),) * len(shape), (1,) * len(shape))


@composite("scatter")
def SCATTER_ALONG(base: Node, index: Node, source: Node, axis: int, kind: str) -> Node:
    """out[i, index[i, j, k], k] = source[i, j, k], or op=; the last one counts where places repeat."""
    return _scattered("scatter", base, index, source, axis, lambda b, i, s, at: scatter(b, i, s, at, kind))


@composite("scatter_reduce")
def SCATTER_REDUCE(base: Node, index: Node, source: Node, axis: int, kind: str, include_self: bool) -> Node:
    """Each place gets the sum, product, mean or extremum of what is written there, and of what was, if included."""
    return _scattered(
        "scatter_reduce", base, index, source, axis, lambda b, i, s, at: _reduced(b, i, s, at, kind, include_self)
    )


def _reduced(base: Node, index: Node, source: Node, axis: int, kind: str, include_self: bool) -> Node:
    if not include_self:
        start = like(_identity(kind, source.type.dtype), source)
        base = scatter(base, index, start, axis, "set")
    out = scatter(base, index, source, axis, _KINDS[kind])
    if kind != "mean":
        return out
    count = scatter(like(int(include_self), base), index, like(1, source), axis, "add")
    count = e.maximum(count, like(1, count))
    return (e.div if out.type.dtype.is_floating_point else e.floor_divide)(out, count)


def _identity(kind: str, dtype: DType) -> int | float:
    """What changes nothing."""
    if kind not in ("amax", "amin"):
        return int(kind == "prod")
    low, high = (-math.inf, math.inf) if dtype.is_floating_point else (dtype.lowest, dtype.highest)
    return low if kind == "amax" else high


# -- whole slices -----------------------------------------------------------------------------------------------------


def _slices(name: str, base: Node, index: Node, source: Node, axis: int, write: _Write) -> Node:
    """base with a source, or one number, written to the slices at positions `index` along an axis."""
    if len(index.type.shape) != 1:
        raise ShapeError(f"{name}: the index {index.type.shape} must have one axis")
    shape = tuple(index.type.size if i == axis else n for i, n in enumerate(base.type.shape))
    if source.type.shape and source.type.shape != shape:
        raise ShapeError(f"{name}: the source {source.type.shape} must have the shape {shape}")
    if not index.type.size:
        return base
    source = broadcast_to(e.cast(source, base.type.dtype), shape)
    return write(base, along(e.cast(index, int64), shape, axis), source, axis)


@composite("index_add")
def INDEX_ADD(base: Node, index: Node, source: Node, *rest: Any) -> Node:
    """base with source[j], times a number if one is given, added to slice index[j]; the last argument is the axis."""
    *alpha, axis = rest
    source = e.cast(source, base.type.dtype)
    for number in alpha:
        source = e.mul(source, spread(number, source))
    return _slices("index_add", base, index, source, axis, lambda b, i, s, at: scatter(b, i, s, at, "add"))


@composite("index_copy")
def INDEX_COPY(base: Node, index: Node, source: Node, axis: int) -> Node:
    """base with slice index[j] replaced by source[j]."""
    return _slices("index_copy", base, index, source, axis, lambda b, i, s, at: scatter(b, i, s, at, "set"))


@composite("index_fill")
def INDEX_FILL(base: Node, index: Node, value: Node, axis: int) -> Node:
    """base with the slices at `index` filled with a number; negative positions count from the end."""
    if len(index.type.shape) != 1 or value.type.shape:
        raise ShapeError(
            f"index_fill: the index {index.type.shape} must have one axis, and the value {value.type.shape} none"
        )
    extent = base.type.shape[axis]
    if not index.type.size:
        return base
    # Where the positions are is all that counts: a gradient of the value must not count a repeated one twice.
    places = from_end(index, extent)
    filled = scatter(const(False, bool_, (extent,)), places, const(True, bool_, places.type.shape), 0, "set")
    return e.select(along(filled, base.type.shape, axis), spread(value, base), base)


@composite("index_reduce")
def INDEX_REDUCE(base: Node, index: Node, source: Node, axis: int, kind: str, include_self: bool) -> Node:
    """As `scatter_reduce`, by slices."""
    return _slices(
        "index_reduce", base, index, source, axis, lambda b, i, s, at: _reduced(b, i, s, at, kind, include_self)
    )


# -- all elements in a row --------------------------------------------------------------------------------------------


@composite("take")
def TAKE_FLAT(x: Node, index: Node) -> Node:
    """The elements of x at positions in row-major order; negative ones count from the end."""
    index = from_end(index, x.type.size)
    return take(reshape(x, (x.type.size,)), index)


@composite("put")
def PUT(base: Node, index: Node, source: Node, accumulate: bool) -> Node:
    """base with a source written, or added, at positions in row-major order."""
    size = index.type.size
    if source.type.size != size:
        raise ShapeError(f"put_: {size} positions and {source.type.size} elements; there must be as many of both")
    flat = reshape(base, (base.type.size,))
    places = reshape(from_end(index, base.type.size), (size,))
    values = reshape(e.cast(source, base.type.dtype), (size,))
    return reshape(scatter(flat, places, values, 0, "add" if accumulate else "set"), base.type.shape)


# -- by masks ---------------------------------------------------------------------------------------------------------


@composite("masked_fill")
def MASKED_FILL(x: Node, mask: Node, value: Node) -> Node:
    """`value` where the mask holds, else x; they broadcast."""
    if mask.type.dtype is not bool_:
        raise DTypeError(f"masked_fill: the mask has dtype {mask.type.dtype.name}; it must be bool (compare first)")
    shape = broadcast_shapes("masked_fill", x.type.shape, mask.type.shape)
    x = broadcast_to(x, shape)
    return e.select(broadcast_to(mask, shape), spread(value, x), x)


@composite("masked_scatter")
def MASKED_SCATTER(x: Node, mask: Node, source: Node) -> Node:
    """The elements of a source, in order, where the mask holds, else x; the two broadcast."""
    if mask.type.dtype is not bool_:
        raise DTypeError(f"masked_scatter: the mask has dtype {mask.type.dtype.name}; it must be bool (compare first)")
    if source.type.dtype is not x.type.dtype:
        raise DTypeError(
            f"masked_scatter: the tensor is {x.type.dtype.name} and the source {source.type.dtype.name}; cast one"
        )
    shape = broadcast_shapes("masked_scatter", x.type.shape, mask.type.shape)
    x, mask = broadcast_to(x, shape), broadcast_to(mask, shape)
    if not source.type.size:
        return x
    size = x.type.size
    count = cumsum(e.cast(reshape(mask, (size,)), int64), 0)
    taken = take(reshape(source, (source.type.size,)), e.sub(count, like(1, count)))
    return e.select(mask, reshape(taken, shape), x)
