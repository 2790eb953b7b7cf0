"""Sampling an image, or a volume, at positions that are data: `grid_sample` and `affine_grid` as composites.

Positions run from -1 to 1 over the extent of the input. Source: Jaderberg et al. (2015), Spatial Transformer Networks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, iota, like
from retrograd.ops.cubic import cubic_weights
from retrograd.ops.indexing import take
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, concat, permute, reshape, slice_, transpose

# A tap: its place along each axis, as whole floating-point numbers, and its weight, or None for 1.
Tap = tuple[tuple[Node, ...], Node | None]


@composite("grid_sample")
def GRID_SAMPLE(x: Node, grid: Node, mode: str, padding: str, align_corners: bool) -> Node:
    """x (batch, channels, *spatial) at grid (batch, *out, axes), whose last coordinate comes first: (x, y, z)."""
    _check(x, grid, mode)
    extents = x.type.shape[2:]
    places = [_from_unit(_coordinate(grid, len(extents) - 1 - i), n, align_corners) for i, n in enumerate(extents)]
    if mode == "bicubic":
        taps: Iterator[Tap] = _cubic(places, extents, padding, align_corners)
    else:
        places = [_into(p, n, padding, align_corners) for p, n in zip(places, extents, strict=True)]
        taps = _linear(places) if mode == "bilinear" else iter([(tuple(e.rint(p) for p in places), None)])
    batch, channels, *_ = x.type.shape
    rows = reshape(permute(x, (0, *range(2, len(x.type.shape)), 1)), (batch * math.prod(extents), channels))
    total = None
    for where, weight in taps:
        part = _tap(rows, where, weight, extents)
        total = part if total is None else e.add(total, part)
    assert total is not None
    return permute(total, (0, len(extents) + 1, *range(1, len(extents) + 1)))


def _check(x: Node, grid: Node, mode: str) -> None:
    shape, wanted = x.type.shape, len(x.type.shape) - 2
    if x.type.dtype is not grid.type.dtype or not x.type.dtype.is_floating_point:
        raise DTypeError(
            f"grid_sample: input and grid have dtypes {x.type.dtype.name} and {grid.type.dtype.name}; they must be the "
            "same floating-point one"
        )
    if len(shape) not in (4, 5) or len(grid.type.shape) != len(shape) or grid.type.shape[-1] != wanted:
        raise ShapeError(
            f"grid_sample: the input has shape {shape} and the grid {grid.type.shape}; they must be (batch, channels, "
            "height, width) and (batch, out_height, out_width, 2), or the same with a depth and 3"
        )
    if grid.type.shape[0] != shape[0]:
        raise ShapeError(f"grid_sample: the input has {shape[0]} rows and the grid {grid.type.shape[0]}")
    if not math.prod(shape[2:]):
        raise ShapeError(f"grid_sample: the input {shape} has an empty spatial axis, where there is nothing to sample")
    if mode == "bicubic" and wanted != 2:
        raise ShapeError(f"grid_sample: mode 'bicubic' needs (batch, channels, height, width), and received {shape}")


def _coordinate(grid: Node, i: int) -> Node:
    """grid[..., i]."""
    *lead, _ = grid.type.shape
    starts = tuple(const_offset(0) for _ in lead)
    part = slice_(grid, (*starts, const_offset(i)), (*lead, 1), (1,) * len(grid.type.shape))
    return reshape(part, tuple(lead))


def _scaled(x: Node, factor: float, shift: float) -> Node:
    """x factor + shift."""
    return e.add(e.mul(x, like(factor, x)), like(shift, x))


def _from_unit(x: Node, extent: int, align_corners: bool) -> Node:
    """From [-1, 1] to elements: -1 and 1 are the centres of the outermost elements, or their outer edges."""
    up = e.add(x, like(1, x))
    if align_corners:
        return e.mul(up, like((extent - 1) / 2, x))
    return e.div(e.sub(e.mul(up, like(extent, x)), like(1, x)), like(2, x))


# -- what lies outside ------------------------------------------------------------------------------------------------


def _into(x: Node, extent: int, padding: str, align_corners: bool) -> Node:
    """Places outside brought inside, if padding is 'border' or 'reflection'."""
    if padding == "zeros":
        return x
    if padding == "reflection":
        low, high = (0.0, extent - 1.0) if align_corners else (-0.5, extent - 0.5)
        x = _mirrored(x, low, high)
    return _clipped(x, extent)


def _clipped(x: Node, extent: int) -> Node:
    """Within [0, extent - 1]; no gradient flows where that, or its border, decides."""
    low, high = like(0, x), like(extent - 1, x)
    return e.select(e.le(x, low), low, e.select(e.ge(x, high), high, x))


def _mirrored(x: Node, low: float, high: float) -> Node:
    """Thrown back by mirrors at low and high, as often as it takes."""
    if low == high:
        return like(0, x)
    away = e.sub(x, like(low, x))
    away = e.select(e.lt(away, like(0, x)), e.neg(away), away)
    span = like(high - low, x)
    rest = e.remainder(away, span)
    even = e.eq(e.remainder(e.floor(e.div(away, span)), like(2, x)), like(0, x))
    return e.add(e.select(even, rest, e.sub(span, rest)), like(low, x))


# -- taps -------------------------------------------------------------------------------------------------------------


def _linear(places: list[Node]) -> Iterator[Tap]:
    """The corners of the cell around each place, by what is left to the corner across."""
    lower = [e.floor(p) for p in places]
    upper = [e.add(p, like(1, p)) for p in lower]
    weights = [(e.sub(b, p), e.sub(p, a)) for p, a, b in zip(places, lower, upper, strict=True)]
    for corner in itertools.product((0, 1), repeat=len(places)):
        where = tuple(upper[i] if side else lower[i] for i, side in enumerate(corner))
        yield where, _product([weights[i][side] for i, side in enumerate(corner)])


def _cubic(places: list[Node], extents: Shape, padding: str, align_corners: bool) -> Iterator[Tap]:
    """Four taps along each axis; what is outside is brought inside tap by tap."""
    lower = [e.floor(p) for p in places]
    weights = [cubic_weights(e.sub(p, a)) for p, a in zip(places, lower, strict=True)]
    for taps in itertools.product(range(4), repeat=len(places)):
        where = (e.add(lower[i], like(tap - 1, lower[i])) for i, tap in enumerate(taps))
        inside = tuple(_into(p, n, padding, align_corners) for p, n in zip(where, extents, strict=True))
        yield inside, _product([weights[i][tap] for i, tap in enumerate(taps)])


def _product(factors: list[Node]) -> Node:
    result = factors[0]
    for factor in factors[1:]:
        result = e.mul(result, factor)
    return result


def _tap(rows: Node, where: tuple[Node, ...], weight: Node | None, extents: Shape) -> Node:
    """The elements at one tap, (batch, *out, channels), weighted; zeros where it is outside."""
    shape = where[0].type.shape
    index = e.mul(iota(shape, 0), const(math.prod(extents), int64, shape))
    inside, step = None, math.prod(extents)
    for place, extent in zip(where, extents, strict=True):
        step //= extent
        low, high = like(0, place), like(extent - 1, place)
        within = e.logical_and(e.ge(place, low), e.le(place, high))
        inside = within if inside is None else e.logical_and(inside, within)
        element = e.cast(e.minimum(e.maximum(place, low), high), int64)
        index = e.add(index, e.mul(element, const(step, int64, shape)))
    assert inside is not None
    found = take(rows, index)
    full = found.type.shape
    if weight is not None:
        found = e.mul(found, broadcast_to(reshape(weight, (*shape, 1)), full))
    return e.select(broadcast_to(reshape(inside, (*shape, 1)), full), found, like(0, found))


# -- affine grid ------------------------------------------------------------------------------------------------------


@composite("affine_grid")
def AFFINE_GRID(theta: Node, size: Shape, align_corners: bool) -> Node:
    """Where theta (batch, axes, axes + 1) sends the centres of (batch, channels, *spatial): (batch, *spatial, axes)."""
    batch, _, *extents = size
    axes = len(extents)
    if theta.type.shape != (batch, axes, axes + 1):
        raise ShapeError(
            f"affine_grid: theta has shape {theta.type.shape}; for size {size} it must be {(batch, axes, axes + 1)}"
        )
    shape = (*extents, 1)
    columns = [_centres(theta, shape, i, align_corners) for i in reversed(range(axes))]
    base = concat((*columns, const(1, theta.type.dtype, shape)), axes)
    points = reshape(base, (1, math.prod(extents), axes + 1))
    moved = matmul(broadcast_to(points, (batch, *points.type.shape[1:])), transpose(theta))
    return reshape(moved, (batch, *extents, axes))


def _centres(theta: Node, shape: Shape, axis: int, align_corners: bool) -> Node:
    """Coordinates of the elements along an axis in [-1, 1]."""
    line, extent = e.cast(iota(shape, axis), theta.type.dtype), shape[axis]
    if extent == 1:
        return like(0, line)
    if align_corners:
        return _scaled(line, 2 / (extent - 1), -1)
    return _scaled(line, 2 / extent, 1 / extent - 1)
