"""Pools whose windows are not evenly spaced: adaptive ones, and fractional max pooling.

Window i of an axis of extent n with `out` windows is [floor(i n / out), ceil((i + 1) n / out)). Where out divides n
that is a plain pool. Otherwise the axis is laid out window after window, as many elements each as the longest has, and
pooled plainly then: a maximum sees the last element of a shorter window again, a sum sees zeros.
"""

from __future__ import annotations

import math

from retrograd.core.dtype import int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, iota, like
from retrograd.ops.indexing import take
from retrograd.ops.max_pool import max_pool, max_pool_gather
from retrograd.ops.movement import broadcast_to, permute, reshape, slice_
from retrograd.ops.pooling import like_input, places, with_batch
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.sum_pool import sum_pool
from retrograd.ops.window import Windows


def _side_by_side(kernel: Shape) -> Windows:
    """Windows that touch and do not overlap."""
    spatial = len(kernel)
    return Windows(kernel, kernel, ((0, 0),) * spatial, (1,) * spatial)


def _input(name: str, x: Node, sizes: Shape) -> Node:
    """x as (batch, channels, *spatial), for as many windows as `sizes` says."""
    if min(sizes) < 0:
        raise ShapeError(f"{name}{len(sizes)}d: output_size is {sizes}; it must not be negative")
    return with_batch(name, x, len(sizes))


def _longest(n: int, out: int) -> int:
    """The extent of the longest window."""
    return max((-(-(i + 1) * n // out) - i * n // out for i in range(out)), default=1)


def _positions(n: int, out: int) -> tuple[Node, Node]:
    """Where the elements of each window stand, (out, longest), and whether they do or repeat the last one."""
    shape = (out, _longest(n, out))
    window, k = iota(shape, 0), iota(shape, 1)
    extent, count, one = (const(value, int64, shape) for value in (n, out, 1))
    start = e.floor_divide(e.mul(window, extent), count)
    end = e.floor_divide(e.add(e.mul(e.add(window, one), extent), e.sub(count, one)), count)
    position = e.add(start, k)
    return e.minimum(position, e.sub(end, one)), e.lt(position, end)


def _laid_out(x: Node, axis: int, positions: Node) -> Node:
    """x with an axis laid out window after window."""
    ndim = len(x.type.shape)
    rows = permute(x, (axis, *(i for i in range(ndim) if i != axis)))
    taken = take(rows, reshape(positions, (positions.type.size,)))
    return permute(taken, (*range(1, axis + 1), 0, *range(axis + 1, ndim)))


def _along(values: Node, shape: Shape, axis: int) -> Node:
    """Values of the positions of an axis, repeated along the others."""
    column = tuple(n if i == axis else 1 for i, n in enumerate(shape))
    return broadcast_to(reshape(values, column), shape)


@composite("adaptive_avg_pool")
def ADAPTIVE_AVG_POOL(x: Node, sizes: Shape) -> Node:
    """The mean of each window, `sizes` of them along the last axes."""
    batch = _input("adaptive_avg_pool", x, sizes)
    extents = batch.type.shape[2:]
    if not math.prod(sizes):
        return like_input(const(0, x.type.dtype, (*batch.type.shape[:2], *sizes)), x)
    if max(sizes) == 1:
        total = sum_keepdim(batch, tuple(range(2, 2 + len(sizes))))
        return like_input(e.div(total, like(math.prod(extents), total)), x)
    kernel = tuple(map(_longest, extents, sizes))
    counts = const(1, x.type.dtype, sizes)
    for axis, (n, out) in enumerate(zip(extents, sizes, strict=True)):
        if n % out:
            positions, inside = _positions(n, out)
            batch = _laid_out(batch, axis + 2, positions)
            batch = e.select(_along(inside, batch.type.shape, axis + 2), batch, like(0, batch))
            counts = e.mul(counts, _along(sum_keepdim(e.cast(inside, x.type.dtype), (1,)), sizes, axis))
        else:
            counts = e.mul(counts, like(n // out, counts))
    total = sum_pool(batch, _side_by_side(kernel))
    return like_input(e.div(total, broadcast_to(counts, total.type.shape)), x)


def _max_laid_out(x: Node, sizes: Shape) -> tuple[Node, Node, Windows]:
    """The input and where its elements stand, both laid out, and the plain windows over them."""
    extents, found = x.type.shape[2:], places(x)
    for axis, (n, out) in enumerate(zip(extents, sizes, strict=True), 2):
        if n % out:
            positions, _ = _positions(n, out)
            x, found = _laid_out(x, axis, positions), _laid_out(found, axis, positions)
    return x, found, _side_by_side(tuple(map(_longest, extents, sizes)))


@composite("adaptive_max_pool")
def ADAPTIVE_MAX_POOL(x: Node, sizes: Shape) -> tuple[Node, Node]:
    """The maximum of each window, `sizes` of them along the last axes, and where it stands in its plane."""
    batch = _input("adaptive_max_pool", x, sizes)
    if not math.prod(sizes):
        shape = (*batch.type.shape[:2], *sizes)
        return like_input(const(0, x.type.dtype, shape), x), like_input(const(0, int64, shape), x)
    laid, found, windows = _max_laid_out(batch, sizes)
    return like_input(max_pool(laid, windows), x), like_input(max_pool_gather(found, laid, windows), x)


# -- fractional max pooling -------------------------------------------------------------------------------------------


def _starts(sample: Node, n: int, kernel: int, out: int) -> Node:
    """Where windows begin: trunc((i + u) a) - trunc(u a), a = (n - kernel) / (out - 1); the last as late as it can.

    Args:
        sample: u for each plane, (planes,), in [0, 1).
        n, kernel, out: extents of the axis, of a window, and how many windows there are.
    """
    shape = (*sample.type.shape, out)
    column = broadcast_to(reshape(sample, (*sample.type.shape, 1)), shape)
    step = like((n - kernel) / max(out - 1, 1), column)
    begin = e.trunc(e.mul(e.add(e.cast(iota(shape, 1), sample.type.dtype), column), step))
    start = e.cast(e.sub(begin, e.trunc(e.mul(column, step))), int64)
    last = e.eq(iota(shape, 1), const(out - 1, int64, shape))
    return e.select(last, const(n - kernel, int64, shape), start)


def _window_places(samples: Node, extents: Shape, kernel: Shape, sizes: Shape) -> Node:
    """Where the elements of all windows stand in their planes, (planes, *laid out); samples are (planes, axes)."""
    planes, spatial = samples.type.shape
    laid = tuple(out * k for out, k in zip(sizes, kernel, strict=True))
    place = const(0, int64, (planes, *laid))
    # PyTorch's order of the samples: in two dimensions the first belongs to the last axis.
    order = (1, 0) if spatial == 2 else range(spatial)
    for axis, (column, n, k, out) in enumerate(zip(order, extents, kernel, sizes, strict=True), 1):
        sample = slice_(samples, (const_offset(0), const_offset(column)), (planes, 1), (1, 1))
        start = broadcast_to(
            reshape(_starts(reshape(sample, (planes,)), n, k, out), (planes, out, 1)), (planes, out, k)
        )
        position = e.add(start, iota((planes, out, k), 2))
        column_shape = tuple(planes if i == 0 else out * k if i == axis else 1 for i in range(1 + spatial))
        spread_out = broadcast_to(reshape(position, column_shape), place.type.shape)
        place = e.add(e.mul(place, like(n, place)), spread_out)
    return place


@composite("fractional_max_pool")
def FRACTIONAL_MAX_POOL(x: Node, samples: Node, kernel: Shape, sizes: Shape) -> tuple[Node, Node]:
    """Maxima of windows that begin at pseudo-random places, and where these stand in their planes.

    Args:
        x: (batch, channels, *spatial) or (channels, *spatial).
        samples: (batch, channels, axes) of numbers in [0, 1).
        kernel, sizes: extents of the windows, and how many there are along each axis.
    """
    spatial = len(kernel)
    batch = with_batch("fractional_max_pool", x, spatial)
    lead, extents = batch.type.shape[:2], batch.type.shape[2:]
    name = f"fractional_max_pool{spatial}d"
    if any(out < 1 or k < 1 or out + k - 1 > n for n, k, out in zip(extents, kernel, sizes, strict=True)):
        raise ShapeError(
            f"{name}: {sizes} windows of {kernel} do not fit in extents {extents}; along each axis output_size + "
            "kernel_size - 1 must be at most the extent"
        )
    if samples.type.shape[1:] != (lead[1], spatial) or samples.type.shape[0] < lead[0]:
        raise ShapeError(
            f"{name}: _random_samples has shape {samples.type.shape}; it must be {(*lead, spatial)}, or longer in front"
        )
    needed = slice_(samples, (const_offset(0),) * 3, (*lead, spatial), (1, 1, 1))
    place = _window_places(reshape(needed, (math.prod(lead), spatial)), extents, kernel, sizes)
    plane = e.mul(iota(place.type.shape, 0), like(math.prod(extents), place))
    values = take(reshape(batch, (batch.type.size,)), e.add(place, plane))
    values, place = (reshape(v, (*lead, *v.type.shape[1:])) for v in (values, place))
    windows = _side_by_side(kernel)
    return like_input(max_pool(values, windows), x), like_input(max_pool_gather(place, values, windows), x)
