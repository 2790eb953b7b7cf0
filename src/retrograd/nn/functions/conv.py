"""Convolutions as functions, under PyTorch's names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops.conv import Padding
from retrograd.ops.conv_layer import CONV, CONV_TRANSPOSE
from retrograd.tensor.base import wrap


def extents(name: str, what: str, value: Any, count: int) -> Shape:
    """An integer for every spatial axis, or one for each.

    Raises:
        OptionError: another number of integers.
    """
    values = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    values = values * count if len(values) == 1 else values
    if len(values) != count:
        raise OptionError(f"{name}: {what} is {value}; it must be an integer or {count} integers")
    return values


def same_padding(kernel: Shape, dilation: Shape) -> Padding:
    """As much on each side as keeps the extents; the odd one goes to the end."""
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in total)


def _widths(name: str, padding: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Padding:
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if max(stride) > 1:
            raise OptionError(
                f"{name}: padding='same' keeps extents, which a stride of {stride} does not; give numbers"
            )
        return same_padding(kernel, dilation)
    if isinstance(padding, str):
        raise OptionError(f"{name}: padding {padding!r} is not known; it must be 'same', 'valid' or integers")
    values = extents(name, "padding", padding, len(kernel))
    if min(values) < 0:
        raise OptionError(f"{name}: padding is {padding}; it must not be negative: crop the input instead")
    return tuple((n, n) for n in values)


def _spatial(name: str, shape: Shape, count: int) -> Shape:
    """The extents of a kernel, from the weight's."""
    if len(shape) != count + 2:
        raise ShapeError(
            f"{name}: the weight has shape {shape}; it must have {count + 2} axes, {count} of them spatial"
        )
    return shape[2:]


@lru_cache(maxsize=1024)
def _attributes(
    count: int, weight: Shape, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Shape, Padding, Shape, int]:
    """Those of a convolution as the operation takes them."""
    name = f"conv{count}d"
    kernel = _spatial(name, weight, count)
    steps, spread = (extents(name, w, v, count) for w, v in (("stride", stride), ("dilation", dilation)))
    return steps, _widths(name, padding, kernel, steps, spread), spread, int(groups)


@lru_cache(maxsize=1024)
def _transposed_attributes(
    count: int, weight: Shape, stride: Any, padding: Any, output_padding: Any, dilation: Any, groups: int
) -> tuple[Shape | int, ...]:
    name = f"conv_transpose{count}d"
    _spatial(name, weight, count)
    given = (("stride", stride), ("padding", padding), ("output_padding", output_padding), ("dilation", dilation))
    return (*(extents(name, what, value, count) for what, value in given), int(groups))


def _frozen(*values: Any) -> tuple[Any, ...]:
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)


def convolve(
    count: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """The convolution with `count` spatial axes."""
    shape = weight._type_shape()
    try:
        attributes = _attributes(count, shape, stride, padding, dilation, groups)
    except TypeError:
        # Lists, which the cache does not take.
        attributes = _attributes(count, shape, *_frozen(stride, padding, dilation), groups)
    if bias is None:
        return wrap(record(CONV, (input._read(), weight._read()), attributes))
    return wrap(record(CONV, (input._read(), weight._read(), bias._read()), attributes))


def convolve_transposed(
    count: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    """The transposed convolution with `count` spatial axes."""
    given = _frozen(stride, padding, output_padding, dilation)
    attributes = _transposed_attributes(count, weight._type_shape(), *given, groups)
    operands = (input, weight) if bias is None else (input, weight, bias)
    return wrap(record(CONV_TRANSPOSE, tuple(t._read() for t in operands), attributes))


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """y[n, o, i] = b[o] + sum over c, k of x[n, c, stride i + dilation k - padding] w[o, c, k].

    Outside of the input there are zeros; c runs over the input channels of o's group.

    Args:
        input: x, (batch, in_channels, length) or (in_channels, length).
        weight: w, (out_channels, in_channels / groups, kernel).
        bias: b, (out_channels,), or None.
        stride: how far the kernel moves from one output to the next.
        padding: zeros at each end; or 'valid' (none), or 'same' (as many as keep the length).
        dilation: how far apart the elements are that a kernel meets.
        groups: in how many parts channels are divided that do not see one another.

    Returns:
        (batch, out_channels, (length + 2 padding - dilation (kernel - 1) - 1) // stride + 1).

    Raises:
        ShapeError: shapes that do not fit. DTypeError: dtypes that differ. OptionError: padding that is not known.

    Source: torch.nn.functional.conv1d.

    >>> import retrograd as rg
    >>> rg.conv1d(rg.tensor([[[1.0, 2.0, 4.0, 8.0]]]), rg.tensor([[[-1.0, 1.0]]])).tolist()
    [[[1.0, 2.0, 4.0]]]
    """
    return convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolution of images: `conv1d` over two spatial axes.

    Args:
        input: (batch, in_channels, height, width) or (in_channels, height, width).
        weight: (out_channels, in_channels / groups, *kernel).
        bias, stride, padding, dilation, groups: as for `conv1d`; an integer, or one for each axis.

    Raises:
        ShapeError, DTypeError, OptionError: as for `conv1d`.

    Source: torch.nn.functional.conv2d.

    >>> import retrograd as rg
    >>> rg.conv2d(rg.ones(1, 3, 8, 8), rg.ones(4, 3, 3, 3), stride=2, padding=1).shape
    retrograd.Size([1, 4, 4, 4])
    """
    return convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolution of volumes: `conv1d` over three spatial axes.

    Args:
        input: (batch, in_channels, depth, height, width) or without the batch.
        weight: (out_channels, in_channels / groups, *kernel).
        bias, stride, padding, dilation, groups: as for `conv1d`; an integer, or one for each axis.

    Raises:
        ShapeError, DTypeError, OptionError: as for `conv1d`.

    Source: torch.nn.functional.conv3d.

    >>> import retrograd as rg
    >>> rg.conv3d(rg.ones(1, 1, 4, 4, 4), rg.ones(2, 1, 2, 2, 2)).shape
    retrograd.Size([1, 2, 3, 3, 3])
    """
    return convolve(3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The gradient of `conv1d` with respect to its input, as a function of its own.

    y[n, o, stride i + dilation k - padding] is the sum over c, i, k of x[n, c, i] w[c, o, k], plus b[o].

    Args:
        input: x, (batch, in_channels, length) or (in_channels, length).
        weight: w, (in_channels, out_channels / groups, kernel).
        bias: b, (out_channels,), or None.
        stride, padding, dilation, groups: of the convolution whose gradient this is.
        output_padding: how much longer the output is at its end, for several lengths have the same convolved length.

    Returns:
        (batch, out_channels, (length - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1).

    Raises:
        ShapeError: shapes that do not fit, or an output_padding that is not below stride or dilation.
        DTypeError: dtypes that differ.

    Source: torch.nn.functional.conv_transpose1d.

    >>> import retrograd as rg
    >>> rg.conv_transpose1d(rg.tensor([[[1.0, 2.0]]]), rg.tensor([[[1.0, 1.0, 1.0]]]), stride=2).tolist()
    [[[1.0, 1.0, 3.0, 2.0, 2.0]]]
    """
    return convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The gradient of `conv2d` with respect to its input, as a function; see `conv_transpose1d`.

    Args:
        input: (batch, in_channels, height, width) or without the batch.
        weight: (in_channels, out_channels / groups, *kernel).
        bias, stride, padding, output_padding, groups, dilation: as for `conv_transpose1d`, for one axis or each.

    Raises:
        ShapeError, DTypeError: as for `conv_transpose1d`.

    Source: torch.nn.functional.conv_transpose2d.

    >>> import retrograd as rg
    >>> rg.conv_transpose2d(rg.ones(1, 4, 4, 4), rg.ones(4, 3, 2, 2), stride=2).shape
    retrograd.Size([1, 3, 8, 8])
    """
    return convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The gradient of `conv3d` with respect to its input, as a function; see `conv_transpose1d`.

    Args:
        input: (batch, in_channels, depth, height, width) or without the batch.
        weight: (in_channels, out_channels / groups, *kernel).
        bias, stride, padding, output_padding, groups, dilation: as for `conv_transpose1d`, for one axis or each.

    Raises:
        ShapeError, DTypeError: as for `conv_transpose1d`.

    Source: torch.nn.functional.conv_transpose3d.

    >>> import retrograd as rg
    >>> rg.conv_transpose3d(rg.ones(1, 2, 2, 2, 2), rg.ones(2, 1, 3, 3, 3)).shape
    retrograd.Size([1, 1, 4, 4, 4])
    """
    return convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)
