"""Positions along one axis, by an index of any shape that is data: taken, and added up again."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops.indexing import TAKE_ADD, take
from retrograd.ops.movement import permute


def take_along(x: Node, index: Node, axis: int) -> Node:
    """out[..., i..., ...] = x[..., index[i...], ...]: the axes of the index stand where the axis was."""
    taken = take(permute(x, _front((axis,), len(x.type.shape))), index)
    return permute(taken, _back(axis, len(index.type.shape), len(taken.type.shape)))


def add_along(values: Node, index: Node, axis: int, extent: int) -> Node:
    """out[..., j, ...] = the sum of values[..., i..., ...] over all i with index[i...] = j: `take_along` reversed."""
    count = len(index.type.shape)
    rows = permute(values, _front(tuple(range(axis, axis + count)), len(values.type.shape)))
    shape = (extent, *rows.type.shape[count:])
    added = record(TAKE_ADD, (rows, index), (shape,))
    return permute(added, _back(axis, 1, len(shape)))


def _front(axes: Shape, ndim: int) -> Shape:
    return (*axes, *(i for i in range(ndim) if i not in axes))


def _back(axis: int, count: int, ndim: int) -> Shape:
    """The first `count` axes come to stand from `axis` on."""
    rest = range(count, ndim)
    return (*rest[:axis], *range(count), *rest[axis:])
