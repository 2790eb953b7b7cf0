"""Padding as users know it, as composites: with zeros, with a number, or with what lies near the border.

`low` and `high` hold a width for each axis; a negative one crops.
"""

from __future__ import annotations

from collections.abc import Callable

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const_offset
from retrograd.ops.movement import broadcast_to, concat, flip, pad, slice_, slice_put


@composite("pad.zeros")
def PAD_ZEROS(x: Node, low: Shape, high: Shape) -> Node:
    """x with zeros around it."""
    kept = _cropped(x, low, high)
    return pad(kept, _positive(low), _positive(high))


@composite("pad.constant")
def PAD_CONSTANT(x: Node, value: Node, low: Shape, high: Shape) -> Node:
    """x with a number around it."""
    kept = _cropped(x, low, high)
    shape = tuple(a + n + b for a, n, b in zip(_positive(low), kept.type.shape, _positive(high), strict=True))
    around = broadcast_to(e.cast(value, x.type.dtype), shape)
    return slice_put(around, kept, tuple(map(const_offset, _positive(low))), (1,) * len(low))


@composite("pad.reflect")
def PAD_REFLECT(x: Node, low: Shape, high: Shape) -> Node:
    """x with its mirror image around it; the outermost elements are the mirrors."""
    return _each_axis(x, low, high, _reflected)


@composite("pad.replicate")
def PAD_REPLICATE(x: Node, low: Shape, high: Shape) -> Node:
    """x with its outermost elements repeated around it."""
    return _each_axis(x, low, high, _replicated)


@composite("pad.circular")
def PAD_CIRCULAR(x: Node, low: Shape, high: Shape) -> Node:
    """x with itself around it: the end before the start, the start after the end."""
    return _each_axis(x, low, high, _wrapped)


def _positive(widths: Shape) -> Shape:
    return tuple(max(n, 0) for n in widths)


def _cropped(x: Node, low: Shape, high: Shape) -> Node:
    """x without what negative widths take away."""
    extents = tuple(n + min(a, 0) + min(b, 0) for a, n, b in zip(low, x.type.shape, high, strict=True))
    if extents == x.type.shape:
        return x
    if min(extents) < 0:
        raise ShapeError(f"pad: widths {low} and {high} take more away from the shape {x.type.shape} than there is")
    return slice_(x, tuple(const_offset(max(-a, 0)) for a in low), extents, (1,) * len(low))


def _each_axis(x: Node, low: Shape, high: Shape, around: Callable[[Node, int, int, int], Node]) -> Node:
    for axis, (before, after) in enumerate(zip(low, high, strict=True)):
        if before or after:
            x = around(x, axis, before, after)
    return x


def _part(x: Node, axis: int, start: int, extent: int) -> Node:
    """Positions start .. start + extent of an axis."""
    shape = tuple(extent if i == axis else n for i, n in enumerate(x.type.shape))
    starts = tuple(const_offset(start if i == axis else 0) for i in range(len(shape)))
    return slice_(x, starts, shape, (1,) * len(shape))


def _cropped_along(x: Node, axis: int, before: int, after: int) -> Node:
    low, high = ([0] * len(x.type.shape) for _ in range(2))
    low[axis], high[axis] = min(before, 0), min(after, 0)
    return _cropped(x, tuple(low), tuple(high))


def _reflected(x: Node, axis: int, before: int, after: int) -> Node:
    extent = x.type.shape[axis]
    if max(before, after) >= extent:
        raise ShapeError(
            f"pad: mode 'reflect' with widths {before} and {after} at axis {axis} of shape {x.type.shape}; they must "
            f"be smaller than its extent {extent}"
        )
    parts = []
    if before > 0:
        parts.append(flip(_part(x, axis, 1, before), (axis,)))
    parts.append(x)
    if after > 0:
        parts.append(flip(_part(x, axis, extent - 1 - after, after), (axis,)))
    return _cropped_along(concat(tuple(parts), axis), axis, before, after)


def _replicated(x: Node, axis: int, before: int, after: int) -> Node:
    """Element i of the result is the one at i - before, or the nearest there is: a crop may leave only copies."""
    extent, total = x.type.shape[axis], before + x.type.shape[axis] + after
    if not extent or total < 0:
        raise ShapeError(
            f"pad: mode 'replicate' with widths {before} and {after} at axis {axis} of shape {x.type.shape}; the axis "
            "must not be empty, nor its extent in the result negative"
        )
    left, right = min(max(before, 0), total), min(max(after, 0), total)
    shape = list(x.type.shape)
    parts = []
    for count, place in ((left, 0), (total - left - right, None), (right, extent - 1)):
        shape[axis] = count
        if count and place is None:
            parts.append(_part(x, axis, max(-before, 0), count))
        elif count and place is not None:
            parts.append(broadcast_to(_part(x, axis, place, 1), tuple(shape)))
    return concat(tuple(parts), axis) if parts else _part(x, axis, 0, 0)


def _wrapped(x: Node, axis: int, before: int, after: int) -> Node:
    if max(before, after) > x.type.shape[axis]:
        raise ShapeError(
            f"pad: mode 'circular' with widths {before} and {after} at axis {axis} of shape {x.type.shape}; they must "
            "not be larger than its extent"
        )
    x = _cropped_along(x, axis, before, after)
    extent = x.type.shape[axis]
    if max(before, after) > extent:
        raise ShapeError(
            f"pad: mode 'circular' with widths {before} and {after} at axis {axis}: cropped to {extent}, it is too "
            "short to go around once"
        )
    parts = []
    if before > 0:
        parts.append(_part(x, axis, extent - before, before))
    parts.append(x)
    if after > 0:
        parts.append(_part(x, axis, 0, after))
    return concat(tuple(parts), axis)
