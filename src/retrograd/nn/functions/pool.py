"""Pooling as functions, under PyTorch's names: the maximum, the mean or the p-norm of windows that slide."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.operation import project, record
from retrograd.core.types import Shape
from retrograd.nn.functions.conv import extents
from retrograd.ops.pooling import AVG_POOL, LP_POOL, MAX_POOL, MAX_POOL_INDICES
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of


def _kernel_and_stride(name: str, kernel_size: Any, stride: Any, count: int) -> tuple[Shape, Shape]:
    """Both with an entry for each axis; the stride is the kernel if it is left out."""
    kernel = extents(name, "kernel_size", kernel_size, count)
    return kernel, kernel if stride is None or stride == () else extents(name, "stride", stride, count)


def _max_pool(
    count: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, indices: bool
) -> Any:
    name = f"max_pool{count}d"
    kernel, steps = _kernel_and_stride(name, kernel_size, stride, count)
    given = (("padding", padding), ("dilation", dilation))
    attributes = (kernel, steps, *(extents(name, what, value, count) for what, value in given), bool(ceil_mode))
    if not indices:
        return wrap(record(MAX_POOL, (input._read(),), attributes))
    node = record(MAX_POOL_INDICES, (input._read(),), attributes)
    return wrap(project(node, 0)), wrap(project(node, 1))


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window: y[n, c, i] = max over k < kernel_size of x[n, c, stride i + dilation k - padding].

    The gradient goes to the first of equal maxima. A NaN is greater than any number. Padding is never chosen.

    Args:
        input: x, (batch, channels, length) or (channels, length).
        kernel_size: elements of a window.
        stride: from one window to the next; default: kernel_size.
        padding: how far windows reach over each end, at most half of kernel_size.
        dilation: from one element of a window to the next.
        ceil_mode: whether a last window may hang over the end, if it begins before.
        return_indices: whether to give the places of the maxima too.

    Returns:
        (batch, channels, (length + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1), rounded up instead of
        down with `ceil_mode`; with `return_indices` also the int64 places, for `max_unpool1d`.

    Raises:
        ShapeError: an argument out of range, or an input smaller than a window. OptionError: not one integer an axis.

    Source: torch.nn.functional.max_pool1d.

    >>> import retrograd as rg
    >>> rg.nn.functional.max_pool1d(rg.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
    tensor([[5., 3.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of images: `max_pool1d` over two spatial axes.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        kernel_size, stride, padding, dilation: an integer, or one for each axis.
        ceil_mode, return_indices: as for `max_pool1d`; places count along the rows of a plane.

    Source: torch.nn.functional.max_pool2d.

    >>> import retrograd as rg
    >>> y, places = rg.nn.functional.max_pool2d(rg.tensor([[[1.0, 4.0], [2.0, 3.0]]]), 2, return_indices=True)
    >>> y.item(), places.item()
    (4.0, 1)
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of volumes: `max_pool1d` over three spatial axes.

    Args:
        input: (batch, channels, depth, height, width), or without the batch.
        kernel_size, stride, padding, dilation, ceil_mode, return_indices: as for `max_pool2d`.

    Source: torch.nn.functional.max_pool3d.

    >>> import retrograd as rg
    >>> rg.nn.functional.max_pool3d(rg.ones(1, 2, 4, 4, 4), 2).shape
    retrograd.Size([1, 2, 2, 2, 2])
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    count: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    include_pad: bool,
    divisor: int | None,
) -> Any:
    name = f"avg_pool{count}d"
    kernel, steps = _kernel_and_stride(name, kernel_size, stride, count)
    widths = extents(name, "padding", padding, count)
    if divisor == 0:
        raise OptionError(f"{name}: divisor_override must not be 0")
    nodes = [input._read()] + ([] if divisor is None else [node_of(divisor, input.dtype)])
    attributes = (kernel, steps, widths, bool(ceil_mode), bool(include_pad), divisor is not None)
    return wrap(record(AVG_POOL, tuple(nodes), attributes))


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window: y[n, c, i] = sum over k < kernel_size of x[n, c, stride i + k - padding] / count.

    Args:
        input: x, (batch, channels, length) or (channels, length); zeros stand in the padding.
        kernel_size: elements of a window.
        stride: from one window to the next; default: kernel_size.
        padding: how far windows reach over each end, at most half of kernel_size.
        ceil_mode: whether a last window may hang over the end, if it begins before; what hangs over is not counted.
        count_include_pad: whether padding counts.

    Returns:
        (batch, channels, (length + 2 padding - kernel_size) // stride + 1), rounded up with `ceil_mode`.

    Raises:
        ShapeError: an argument out of range, or an input smaller than a window. OptionError: not one integer an axis.

    Source: torch.nn.functional.avg_pool1d.

    >>> import retrograd as rg
    >>> rg.nn.functional.avg_pool1d(rg.tensor([[1.0, 5.0, 2.0, 4.0]]), 2)
    tensor([[3., 3.]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of images: `avg_pool1d` over two spatial axes.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        kernel_size, stride, padding: an integer, or one for each axis.
        ceil_mode, count_include_pad: as for `avg_pool1d`.
        divisor_override: what sums are divided by, in place of the count.

    Raises:
        OptionError: divisor_override is 0.

    Source: torch.nn.functional.avg_pool2d.

    >>> import retrograd as rg
    >>> rg.nn.functional.avg_pool2d(rg.ones(1, 2, 2), 2, divisor_override=2)
    tensor([[[2.]]])
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of volumes: `avg_pool2d` over three spatial axes.

    Args:
        input: (batch, channels, depth, height, width), or without the batch.
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as for `avg_pool2d`.

    Source: torch.nn.functional.avg_pool3d.

    >>> import retrograd as rg
    >>> rg.nn.functional.avg_pool3d(rg.ones(1, 2, 4, 4, 4), 2).shape
    retrograd.Size([1, 2, 2, 2, 2])
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(count: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    name = f"lp_pool{count}d"
    if not input.dtype.is_floating_point:
        raise DTypeError(f"{name} takes floating-point numbers, and received {input.dtype.name}; use .float() first")
    if norm_type == 0:
        raise OptionError(f"{name}: norm_type must not be 0, since 1 / norm_type is a power")
    if math.isinf(norm_type):
        sign = 1 if norm_type > 0 else -1
        return _max_pool(count, abs(input) * sign, kernel_size, stride, 0, 1, ceil_mode, False) * sign
    kernel, steps = _kernel_and_stride(name, kernel_size, stride, count)
    nodes = (input._read(), node_of(float(norm_type), input.dtype))
    return wrap(record(LP_POOL, nodes, (kernel, steps, bool(ceil_mode))))


def lp_pool1d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The p-norm of each window: y[n, c, i] = (sum over k < kernel_size of x[n, c, stride i + k]^p)^(1/p).

    Args:
        input: x, (batch, channels, length) or (channels, length).
        norm_type: p; `inf` is the greatest magnitude. At 1 it is the sum.
        kernel_size, stride, ceil_mode: as for `avg_pool1d`.

    Raises:
        OptionError: p is 0. ShapeError: as for `avg_pool1d`. DTypeError: an input of integers.

    Source: torch.nn.functional.lp_pool1d; Gulcehre et al. (2014). As there, a sum below 0 is kept out of the root
    only by its sign, and windows of zeros have a NaN for a gradient.

    >>> import retrograd as rg
    >>> rg.nn.functional.lp_pool1d(rg.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The p-norm of each window of images; see `lp_pool1d`. Source: torch.nn.functional.lp_pool2d."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The p-norm of each window of volumes; see `lp_pool1d`. Source: torch.nn.functional.lp_pool3d."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)
