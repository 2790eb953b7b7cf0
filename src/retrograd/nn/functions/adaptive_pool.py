"""Pooling to a given number of windows as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.operation import project, record
from retrograd.core.types import Shape
from retrograd.nn.functions.conv import extents
from retrograd.ops.adaptive_pooling import ADAPTIVE_AVG_POOL, ADAPTIVE_MAX_POOL, FRACTIONAL_MAX_POOL
from retrograd.tensor.base import wrap
from retrograd.tensor.random import rand


def _require_floats(name: str, dtype: DType) -> None:
    if not dtype.is_floating_point:
        raise DTypeError(f"{name} takes floating-point numbers, and received {dtype.name}; use .float() first")


def _sizes(name: str, input: Any, output_size: Any, count: int) -> Shape:
    """How many windows there are along each axis; None: as many as elements."""
    _require_floats(name, input.dtype)
    given = (output_size,) * count if output_size is None or isinstance(output_size, int) else tuple(output_size)
    own = input._type_shape()[-count:]
    if len(given) != count or len(own) != count:
        raise OptionError(
            f"{name}: output_size is {output_size}, and the input has shape {input._type_shape()}; it must be an "
            f"integer or None, or {count} of them, for an input with {count} spatial axes"
        )
    return tuple(n if size is None else int(size) for n, size in zip(own, given, strict=True))


def _adaptive_avg_pool(count: int, input: Any, output_size: Any) -> Any:
    sizes = _sizes(f"adaptive_avg_pool{count}d", input, output_size, count)
    return wrap(record(ADAPTIVE_AVG_POOL, (input._read(),), (sizes,)))


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The mean of each of output_size windows: window i of n elements is [floor(i n / out), ceil((i + 1) n / out)).

    Args:
        input: (batch, channels, length) or (channels, length).
        output_size: how many windows there are; None for as many as elements.

    Returns:
        (batch, channels, output_size).

    Raises:
        ShapeError: another number of axes, or a negative size. OptionError: more sizes than axes.
        DTypeError: an input of integers.

    Source: torch.nn.functional.adaptive_avg_pool1d.

    >>> import retrograd as rg
    >>> rg.nn.functional.adaptive_avg_pool1d(rg.tensor([[1.0, 2.0, 6.0]]), 2)
    tensor([[1.5000, 4.0000]])
    """
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Means of output_size windows of images; see `adaptive_avg_pool1d`.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        output_size: an integer or None, or one for each axis.

    Source: torch.nn.functional.adaptive_avg_pool2d.

    >>> import retrograd as rg
    >>> rg.nn.functional.adaptive_avg_pool2d(rg.ones(2, 8, 7, 5), (1, None)).shape
    retrograd.Size([2, 8, 1, 5])
    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """Means of output_size windows of volumes; see `adaptive_avg_pool1d`.

    Source: torch.nn.functional.adaptive_avg_pool3d.
    """
    return _adaptive_avg_pool(3, input, output_size)


def _adaptive_max_pool(count: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    sizes = _sizes(f"adaptive_max_pool{count}d", input, output_size, count)
    node = record(ADAPTIVE_MAX_POOL, (input._read(),), (sizes,))
    values = wrap(project(node, 0))
    return (values, wrap(project(node, 1))) if return_indices else values


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows, which are those of `adaptive_avg_pool1d`.

    Args:
        input: (batch, channels, length) or (channels, length).
        output_size: how many windows there are; None for as many as elements.
        return_indices: whether to give the int64 places of the maxima too.

    Returns:
        (batch, channels, output_size), and with `return_indices` the places, of the same shape.

    Raises:
        ShapeError: another number of axes, or a negative size. OptionError: more sizes than axes.
        DTypeError: an input of integers.

    Source: torch.nn.functional.adaptive_max_pool1d.

    >>> import retrograd as rg
    >>> rg.nn.functional.adaptive_max_pool1d(rg.tensor([[1.0, 2.0, 6.0]]), 2, return_indices=True)
    (tensor([[2., 6.]]), tensor([[1, 2]]))
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of output_size windows of images; see `adaptive_max_pool1d`.

    Source: torch.nn.functional.adaptive_max_pool2d.

    >>> import retrograd as rg
    >>> rg.nn.functional.adaptive_max_pool2d(rg.ones(2, 8, 7, 5), 3).shape
    retrograd.Size([2, 8, 3, 3])
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of output_size windows of volumes; see `adaptive_max_pool1d`.

    Source: torch.nn.functional.adaptive_max_pool3d.
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _fractional_max_pool(
    count: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    name = f"fractional_max_pool{count}d"
    _require_floats(name, input.dtype)
    kernel = extents(name, "kernel_size", kernel_size, count)
    shape = input._type_shape()
    if output_size is None:
        if output_ratio is None:
            raise OptionError(f"{name}: give output_size or output_ratio")
        ratios = (output_ratio,) * count if isinstance(output_ratio, (int, float)) else tuple(output_ratio)
        if len(ratios) != count:
            raise OptionError(f"{name}: output_ratio is {output_ratio}; it must be a number or {count} numbers")
        output_size = tuple(int(n * ratio) for n, ratio in zip(shape[-count:], ratios, strict=True))
    sizes = extents(name, "output_size", output_size, count)
    if samples is None:
        batch = shape[0] if len(shape) == count + 2 else 1
        samples = rand(batch, shape[-count - 1], count, dtype=input.dtype)
    node = record(FRACTIONAL_MAX_POOL, (input._read(), samples._read()), (kernel, sizes))
    values = wrap(project(node, 0))
    return (values, wrap(project(node, 1))) if return_indices else values


def fractional_max_pool2d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """Maxima of output_size windows that begin at pseudo-random places, anew for each plane.

    Along an axis of extent n with `out` windows of k elements, window i begins at trunc((i + u) a) - trunc(u a),
    a = (n - k) / (out - 1), and the last one at n - k.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        kernel_size: k; an integer, or one for each axis.
        output_size: how many windows there are; an integer, or one for each axis.
        output_ratio: in place of output_size: a number below 1, or one for each axis, that extents are multiplied by.
        return_indices: whether to give the int64 places of the maxima too.
        _random_samples: u, (batch, channels, 2) of numbers in [0, 1); drawn if left out.

    Raises:
        OptionError: neither output_size nor output_ratio. ShapeError: windows that do not fit.

    Source: torch.nn.functional.fractional_max_pool2d; Graham (2014).

    >>> import retrograd as rg
    >>> rg.nn.functional.fractional_max_pool2d(rg.ones(1, 4, 9, 9), 2, output_ratio=0.5).shape
    retrograd.Size([1, 4, 4, 4])
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """Fractional max pooling of volumes; see `fractional_max_pool2d`.

    Source: torch.nn.functional.fractional_max_pool3d.
    """
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
