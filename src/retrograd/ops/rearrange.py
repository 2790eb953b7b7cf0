"""Elements in another order, or repeated, each one node. Shifts are run-time inputs."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops.constant import const_offset
from retrograd.ops.movement import broadcast_to, concat, flip, reshape, slice_


@composite("roll")
def ROLL(x: Node, *rest: Any) -> Node:
    """Elements from a start on along each of some axes, and then those before it; the last argument is the axes."""
    *starts, axes = rest
    for start, axis in zip(starts, axes, strict=True):
        shape = x.type.shape
        if shape[axis] > 1:
            first = tuple(start if i == axis else const_offset(0) for i in range(len(shape)))
            x = slice_(concat((x, x), axis), first, shape, (1,) * len(shape))
    return x


@composite("flip")
def FLIP_ALONG(x: Node, axes: Shape) -> Node:
    """x in reverse order along some axes."""
    return flip(x, axes)


@composite("repeat_interleave")
def REPEAT_INTERLEAVE(x: Node, count: int, axis: int) -> Node:
    """Each slice along an axis `count` times."""
    shape = x.type.shape
    lead, extent, tail = shape[:axis], shape[axis], shape[axis + 1 :]
    grown = broadcast_to(reshape(x, (*lead, extent, 1, *tail)), (*lead, extent, count, *tail))
    return reshape(grown, (*lead, extent * count, *tail))
