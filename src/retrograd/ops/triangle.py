"""Triangles and diagonals of matrices, each one node. Which diagonal is a run-time input where it fixes no shape."""

from __future__ import annotations

import math

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, iota, like
from retrograd.ops.movement import broadcast_to, inverse_order, permute, reshape, slice_put


def _right_of(x: Node, offset: Node) -> Node:
    """column - row - offset for each place of a matrix."""
    if len(x.type.shape) < 2:
        raise ShapeError(f"tril/triu: a tensor of shape {x.type.shape} has no matrices; it needs two axes")
    shape = x.type.shape[-2:]
    place = e.sub(e.sub(iota(shape, 1), iota(shape, 0)), broadcast_to(offset, shape))
    return broadcast_to(place, x.type.shape)


@composite("tril")
def TRIL(x: Node, offset: Node) -> Node:
    """Zeros above the diagonal number `offset` of each matrix."""
    place = _right_of(x, offset)
    return e.select(e.le(place, like(0, place)), x, like(0, x))


@composite("triu")
def TRIU(x: Node, offset: Node) -> Node:
    """Zeros below the diagonal number `offset` of each matrix."""
    place = _right_of(x, offset)
    return e.select(e.ge(place, like(0, place)), x, like(0, x))


@composite("diag_embed")
def DIAG_EMBED(x: Node, offset: int, axis1: int, axis2: int) -> Node:
    """Square matrices, in the two axes named, whose diagonal number `offset` is the last axis of x."""
    *lead, count = x.type.shape
    extent = count + abs(offset)
    rows = math.prod(lead)
    flat = const(0, x.type.dtype, (rows, extent * extent))
    start = (const_offset(0), const_offset(offset if offset >= 0 else -offset * extent))
    flat = slice_put(flat, reshape(x, (rows, count)), start, (1, extent + 1))
    whole = reshape(flat, (*lead, extent, extent))
    ndim = len(lead) + 2
    rest = [i for i in range(ndim) if i not in (axis1, axis2)]
    return permute(whole, inverse_order((*rest, axis1, axis2)))
