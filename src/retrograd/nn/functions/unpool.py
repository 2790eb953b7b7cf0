"""The partial inverse of max pooling as functions, under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.nn.functions.conv import extents
from retrograd.ops.unpooling import MAX_UNPOOL
from retrograd.tensor.base import wrap
from retrograd.tensor.bounds import known_extremes


def _sizes(
    name: str, shape: Shape, kernel: Shape, stride: Shape, padding: Shape, wanted: Sequence[int] | None
) -> Shape:
    """The extents of the result: those that a pool without remainder came from, or `wanted` if they are near."""
    count = len(kernel)
    if len(shape) not in (count + 1, count + 2):
        raise ShapeError(
            f"{name}: the input has shape {shape}; it must be (channels, *spatial) or (batch, channels, *spatial) with "
            f"{count} spatial axes"
        )
    plain = tuple((n - 1) * s + k - 2 * p for n, s, k, p in zip(shape[-count:], stride, kernel, padding, strict=True))
    if wanted is None:
        return plain
    sizes = tuple(int(n) for n in wanted)[-count:] if len(wanted) == count + 2 else tuple(int(n) for n in wanted)
    if len(sizes) != count:
        raise OptionError(f"{name}: output_size is {tuple(wanted)}; it must have {count} or {count + 2} entries")
    if any(not n - s < size < n + s for n, s, size in zip(plain, stride, sizes, strict=True)):
        raise OptionError(
            f"{name}: output_size is {sizes}; each entry must differ from {plain} by less than the stride, {stride}"
        )
    return sizes


def _require_places(name: str, indices: Any, sizes: Shape) -> None:
    count = math.prod(sizes)
    extremes = known_extremes(indices._read())
    if extremes is not None and not (extremes[0] >= 0 and extremes[1] < count):
        wrong = extremes[0] if extremes[0] < 0 else extremes[1]
        raise IndexRangeError(f"{name}: index {wrong} is no place in planes of {sizes}, which have {count} elements")


def _max_unpool(
    count: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Any:
    name = f"max_unpool{count}d"
    kernel = extents(name, "kernel_size", kernel_size, count)
    steps = kernel if stride is None else extents(name, "stride", stride, count)
    widths = extents(name, "padding", padding, count)
    sizes = _sizes(name, input._type_shape(), kernel, steps, widths, output_size)
    result = wrap(record(MAX_UNPOOL, (input._read(), indices._read()), (sizes,)))
    _require_places(name, indices, sizes)
    return result


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Zeros, with what a max pool chose written back to where it stood.

    Args:
        input: what `max_pool1d` gave, (batch, channels, length) or (channels, length).
        indices: the places that it gave beside, int64, of the same shape.
        kernel_size, stride, padding: as the max pool had them.
        output_size: the extents of the result, or the whole shape; by default those that leave no remainder.

    Returns:
        (batch, channels, (length - 1) stride + kernel_size - 2 padding), or with output_size as its length.

    Raises:
        ShapeError, DTypeError: input and indices do not fit. OptionError: an output_size from which the pool would not
        give this input. IndexRangeError: an index, known already, that is no place.

    Source: torch.nn.functional.max_unpool1d; Zeiler et al. (2011).

    >>> import retrograd as rg
    >>> y, places = rg.nn.functional.max_pool1d(rg.tensor([[1.0, 5.0, 4.0, 3.0]]), 2, return_indices=True)
    >>> rg.nn.functional.max_unpool1d(y, places, 2)
    tensor([[0., 5., 4., 0.]])
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """`max_unpool1d` for images. Source: torch.nn.functional.max_unpool2d."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """`max_unpool1d` for volumes. Source: torch.nn.functional.max_unpool3d."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
