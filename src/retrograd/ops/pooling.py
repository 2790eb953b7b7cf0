"""Pooling as composites, for inputs (batch, channels, *spatial) or (channels, *spatial).

What a window is follows PyTorch: with `ceil_mode` the last window may hang over the end, but must begin inside the
input or its padding in front; what hangs over counts for nothing, in a mean too.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.activation import RELU
from retrograd.ops.constant import const, iota, like
from retrograd.ops.conv import dilated_extent
from retrograd.ops.max_pool import max_pool, max_pool_gather
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.spread import spread
from retrograd.ops.sum_pool import sum_pool
from retrograd.ops.window import Windows


class Pooling(NamedTuple):
    """The arguments of a pooling layer, each with one entry a spatial axis, and whether extents round up."""

    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    ceil_mode: bool


def with_batch(name: str, x: Node, spatial: int) -> Node:
    """x as (batch, channels, *spatial).

    Raises:
        ShapeError: x has another number of axes, or an empty one beside the batch.
    """
    shape = x.type.shape
    if len(shape) not in (spatial + 1, spatial + 2) or 0 in shape[len(shape) - spatial - 1 :]:
        raise ShapeError(
            f"{name}{spatial}d: the input has shape {shape}; it must be (channels, *spatial) or "
            f"(batch, channels, *spatial) with {spatial} spatial axes, and only the batch may be empty"
        )
    return x if len(shape) == spatial + 2 else reshape(x, (1, *shape))


def like_input(y: Node, x: Node) -> Node:
    """y without the batch axis that the input does not have."""
    return y if len(y.type.shape) == len(x.type.shape) else reshape(y, y.type.shape[1:])


def windows_of(name: str, shape: Shape, options: Pooling) -> Windows:
    """The windows over (batch, channels, *spatial), with as much padding at the end as the last one needs.

    Raises:
        ShapeError: an argument out of range, or an input smaller than a window.
    """
    extents = shape[2:]
    name = f"{name}{len(extents)}d"
    if min((*options.kernel, *options.stride, *options.dilation)) < 1:
        raise ShapeError(
            f"{name}: kernel_size {options.kernel}, stride {options.stride} and dilation {options.dilation} must be "
            "positive"
        )
    if any(not 0 <= 2 * pad <= kernel for pad, kernel in zip(options.padding, options.kernel, strict=True)):
        raise ShapeError(
            f"{name}: padding is {options.padding}; it must be at least 0 and at most half of kernel_size, "
            f"{options.kernel}"
        )
    padding = []
    for n, kernel, stride, pad, dilation in zip(extents, *options[:4], strict=True):
        span = dilated_extent(kernel, dilation)
        count = (n + 2 * pad - span + (stride - 1 if options.ceil_mode else 0)) // stride + 1
        if options.ceil_mode and (count - 1) * stride >= n + pad:
            count -= 1
        if count < 1:
            raise ShapeError(
                f"{name}: the input has extents {extents}, and with padding {options.padding} no window of kernel_size "
                f"{options.kernel}, dilation {options.dilation}, fits; take a larger input or a smaller kernel"
            )
        needed = max((count - 1) * stride + span - n - pad, 0)
        padding.append((pad, needed if options.ceil_mode else pad))
    return Windows(options.kernel, options.stride, tuple(padding), options.dilation)


# -- max --------------------------------------------------------------------------------------------------------------


def places(x: Node) -> Node:
    """Where each element of (batch, channels, *spatial) stands in its plane, in row-major order."""
    extents = x.type.shape[2:]
    return broadcast_to(reshape(iota((math.prod(extents),), 0), extents), x.type.shape)


@composite("max_pool")
def MAX_POOL(x: Node, *arguments: Any) -> Node:
    """max over each window; the gradient goes to the first maximum. See `Pooling` for the other arguments."""
    options = Pooling(*arguments)
    batch = with_batch("max_pool", x, len(options.kernel))
    return like_input(max_pool(batch, windows_of("max_pool", batch.type.shape, options)), x)


@composite("max_pool.indices")
def MAX_POOL_INDICES(x: Node, *arguments: Any) -> tuple[Node, Node]:
    """The maximum of each window, and where it stands in its plane."""
    options = Pooling(*arguments)
    batch = with_batch("max_pool", x, len(options.kernel))
    windows = windows_of("max_pool", batch.type.shape, options)
    found = max_pool_gather(places(batch), batch, windows)
    return like_input(max_pool(batch, windows), x), like_input(found, x)


# -- mean and norm ----------------------------------------------------------------------------------------------------


def _divided(total: Node, count: Node) -> Node:
    """total / count; for integers without the fraction."""
    if total.type.dtype.is_floating_point:
        return e.div(total, count)
    return e.mul(e.sign(total), e.floor_divide(e.absolute(total), count))


def _counts(x: Node, total: Node, windows: Windows, padding: Shape, include_pad: bool) -> Node:
    """How many elements each window has, padding among them or not; what hangs over the end is never counted."""
    own = tuple(zip(padding, padding, strict=True))
    size = math.prod(windows.kernel)
    if windows.padding == own and (include_pad or not any(padding)):
        return like(size, total)
    extents, around = x.type.shape[2:], windows.padding
    if include_pad:
        extents = tuple(n + 2 * pad for n, pad in zip(extents, padding, strict=True))
        around = tuple((0, max(high - pad, 0)) for (_, high), pad in zip(around, padding, strict=True))
    ones = const(1, total.type.dtype, (1, 1, *extents))
    return broadcast_to(sum_pool(ones, windows._replace(padding=around)), total.type.shape)


@composite("avg_pool")
def AVG_POOL(x: Node, *rest: Any) -> Node:
    """The sum of each window over the count of its elements.

    The arguments after x: a divisor in place of the count, if there is one; kernel, stride and padding; whether
    extents round up, padding counts, and there is a divisor.
    """
    *divisor, kernel, stride, padding, ceil_mode, include_pad, _ = rest
    options = Pooling(kernel, stride, padding, (1,) * len(kernel), ceil_mode)
    batch = with_batch("avg_pool", x, len(options.kernel))
    windows = windows_of("avg_pool", batch.type.shape, options)
    total = sum_pool(batch, windows)
    count = _counts(batch, total, windows, options.padding, include_pad) if not divisor else spread(divisor[0], total)
    return like_input(_divided(total, count), x)


@composite("lp_pool")
def LP_POOL(x: Node, p: Node, kernel: Shape, stride: Shape, ceil_mode: bool) -> Node:
    """(sum over the window of x^p)^(1/p), as PyTorch computes it: from the mean, where it is positive."""
    spatial = len(kernel)
    plain = ((0,) * spatial, ceil_mode, True, False)
    mean = record(AVG_POOL, (e.power(x, spread(p, x)),), (kernel, stride, *plain))
    positive = e.mul(e.sign(mean), record(RELU, (e.absolute(mean),)))
    total = e.mul(positive, like(math.prod(kernel), mean))
    return e.power(total, e.div(like(1, total), spread(p, total)))
