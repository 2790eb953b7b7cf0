"""Convolution as layers know it, as composites: `conv` and `conv_transpose`, with a bias and an optional batch axis."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.conv import Padding, convolution, dilated_extent, exchange_channels
from retrograd.ops.movement import broadcast_to, flip, reshape


@composite("conv")
def CONV(x: Node, w: Node, *rest: Any) -> Node:
    """x met by w (out, in / groups, *kernel), and b; the other arguments: stride, padding, dilation, groups."""
    *bias, stride, padding, dilation, groups = rest
    _check("conv", x, w, tuple(bias))
    ones = (1,) * len(stride)
    batch = _with_batch(x, len(stride))
    y = convolution(batch, w, stride, padding, ones, dilation, groups)
    return _finished(y, x, tuple(bias))


@composite("conv_transpose")
def CONV_TRANSPOSE(x: Node, w: Node, *rest: Any) -> Node:
    """The gradient of a convolution with respect to its input, as a layer: w is (in, out / groups, *kernel).

    The other arguments: b, and stride, padding, output_padding, dilation, groups.
    """
    *bias, stride, padding, output_padding, dilation, groups = rest
    _check("conv_transpose", x, w, tuple(bias))
    _check_transposed(x, w, stride, output_padding, dilation, groups)
    batch = _with_batch(x, len(stride))
    kernel = exchange_channels(flip(w, tuple(range(2, len(w.type.shape)))), groups)
    widths = _transposed_padding(w.type.shape[2:], padding, output_padding, dilation)
    for i, (extent, (low, high)) in enumerate(zip(batch.type.shape[2:], widths, strict=True)):
        found = dilated_extent(extent, stride[i]) + low + high - dilated_extent(w.type.shape[2 + i], dilation[i]) + 1
        if found < 1:
            raise ShapeError(
                f"conv_transpose: along spatial axis {i} the output of an input {x.type.shape} and a weight "
                f"{w.type.shape} would have extent {found}; it must be at least 1: take less padding"
            )
    y = convolution(batch, kernel, (1,) * len(stride), widths, stride, dilation, groups)
    return _finished(y, x, tuple(bias))


def _transposed_padding(kernel: Shape, padding: Shape, output_padding: Shape, dilation: Shape) -> Padding:
    return tuple(
        (dilated_extent(k, d) - 1 - p, dilated_extent(k, d) - 1 - p + more)
        for k, p, more, d in zip(kernel, padding, output_padding, dilation, strict=True)
    )


def _check(name: str, x: Node, w: Node, bias: tuple[Node, ...]) -> None:
    spatial = len(w.type.shape) - 2
    if len(x.type.shape) not in (spatial + 1, spatial + 2):
        raise ShapeError(
            f"{name}: the input has shape {x.type.shape}; for a weight {w.type.shape} it must be (batch, channels, "
            f"*spatial) or (channels, *spatial) with {spatial} spatial axes"
        )
    for b in bias:
        if len(b.type.shape) != 1:
            raise ShapeError(f"{name}: the bias has shape {b.type.shape}; it must be (out_channels,)")
        if b.type.dtype is not x.type.dtype:
            raise DTypeError(
                f"{name}: input and bias have dtypes {x.type.dtype.name} and {b.type.dtype.name}; cast one with "
                ".to(dtype)"
            )


def _check_transposed(x: Node, w: Node, stride: Shape, output_padding: Shape, dilation: Shape, groups: int) -> None:
    channels = x.type.shape[len(x.type.shape) - len(stride) - 1]
    if channels != w.type.shape[0] or groups < 1 or channels % groups:
        raise ShapeError(
            f"conv_transpose: the input {x.type.shape} has {channels} channels; the weight {w.type.shape} expects "
            f"{w.type.shape[0]}, and groups, {groups}, must be positive and divide them"
        )
    for i, more in enumerate(output_padding):
        if not 0 <= more < max(stride[i], dilation[i]):
            raise ShapeError(
                f"conv_transpose: output_padding is {output_padding}; along each axis it must be smaller than the "
                f"larger of stride {stride} and dilation {dilation}, and not negative"
            )


def _with_batch(x: Node, spatial: int) -> Node:
    return x if len(x.type.shape) == spatial + 2 else reshape(x, (1, *x.type.shape))


def _finished(y: Node, x: Node, bias: tuple[Node, ...]) -> Node:
    """With the bias, and without the batch axis if the input had none."""
    shape = y.type.shape
    for b in bias:
        if b.type.shape[0] != shape[1]:
            raise ShapeError(f"conv: the bias has shape {b.type.shape}; it must be ({shape[1]},), one number a channel")
        y = e.add(y, broadcast_to(reshape(b, (1, shape[1], *[1] * (len(shape) - 2))), shape))
    return y if len(x.type.shape) == len(shape) else reshape(y, shape[1:])
