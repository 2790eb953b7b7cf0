"""Elements at offset + sum_k i_k stride_k of a value's memory in row-major order, read and written, as composites."""

from __future__ import annotations

from retrograd.core.dtype import bool_, int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, iota, like
from retrograd.ops.indexing import TAKE_ADD, take
from retrograd.ops.movement import reshape


def _positions(x: Node, shape: Shape, strides: Shape, offset: int) -> Node:
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if 0 not in shape and (offset < 0 or last >= x.type.size or min(strides, default=0) < 0):
        raise ShapeError(
            f"as_strided: shape {shape}, strides {strides} and offset {offset} reach outside of {x.type.size} elements"
        )
    places = const(offset, int64, shape)
    for axis, stride in enumerate(strides):
        places = e.add(places, e.mul(iota(shape, axis), const(stride, int64, shape)))
    return places


@composite("as_strided")
def AS_STRIDED(x: Node, shape: Shape, strides: Shape, offset: int) -> Node:
    """The elements that this geometry names; one element may be named many times."""
    if 0 in shape:
        return const(0, x.type.dtype, shape)
    return take(reshape(x, (x.type.size,)), _positions(x, shape, strides, offset))


@composite("as_strided.put")
def AS_STRIDED_PUT(x: Node, value: Node, strides: Shape, offset: int) -> Node:
    """x with the elements that this geometry names, each once, replaced by those of value."""
    if 0 in value.type.shape:
        return x
    places = _positions(x, value.type.shape, strides, offset)
    named = record(TAKE_ADD, (e.cast(like(1, value), int64), places), ((x.type.size,),))
    is_named = reshape(e.cast(named, bool_), x.type.shape)
    is_bool = value.type.dtype is bool_
    put = record(TAKE_ADD, (e.cast(value, int64) if is_bool else value, places), ((x.type.size,),))
    return e.select(is_named, reshape(e.cast(put, x.type.dtype), x.type.shape), x)
