"""Convolution in any number of spatial dimensions, with every knob that its own gradients need.

    y[n, o, p] = sum over c, k of  x'[n, c, stride p + kernel_dilation k]  w[o, c, k]

where c runs over the input channels of o's group, and x' is x with input_dilation - 1 zeros between neighbours and
then `padding` zeros at each end (a negative width crops). As in all of deep learning this is a cross-correlation: the
kernel is not flipped. Both gradients are convolutions again, with stride and dilations exchanged.
"""

from __future__ import annotations

import math

import numpy as np

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import zeros
from retrograd.ops.movement import flip, permute, reshape, transpose

Padding = tuple[tuple[int, int], ...]
ConvAttributes = tuple[Shape, Padding, Shape, Shape, int]


def dilated_extent(extent: int, dilation: int) -> int:
    """The extent of an axis after dilation - 1 zeros went between neighbours.

    >>> dilated_extent(3, 2), dilated_extent(0, 2)
    (5, 0)
    """
    return (extent - 1) * dilation + 1 if extent else 0


# -- shape rule -------------------------------------------------------------------------------------------------------


def _infer(
    types: tuple[TensorType, ...], stride: Shape, padding: Padding, input_dilation: Shape, dilation: Shape, groups: int
) -> TensorType:
    x, w = types
    _check_operands(x, w, groups)
    _check_attributes(x, stride, padding, input_dilation, dilation)
    extents = []
    for i, (extent, kernel) in enumerate(zip(x.shape[2:], w.shape[2:], strict=True)):
        low, high = padding[i]
        padded = dilated_extent(extent, input_dilation[i]) + low + high
        span = dilated_extent(kernel, dilation[i])
        if kernel < 1 or span > padded:
            raise ShapeError(
                f"convolution: along spatial axis {i} the kernel of {kernel} (dilation {dilation[i]}) spans {span}, "
                f"and the padded input has extent {padded}; the kernel must span at least 1 and at most that: pad the "
                "input or take a smaller kernel"
            )
        extents.append((padded - span) // stride[i] + 1)
    return tensor_type((x.shape[0], w.shape[0], *extents), x.dtype)


def _check_operands(x: TensorType, w: TensorType, groups: int) -> None:
    if x.dtype is not w.dtype:
        raise DTypeError(
            f"convolution: input and weight have dtypes {x.dtype.name} and {w.dtype.name}; cast one with .to(dtype)"
        )
    if x.dtype is bool_:
        raise DTypeError("convolution takes numbers, and received bool; cast with .to(dtype) first")
    if len(x.shape) != len(w.shape) or len(x.shape) < 3:
        raise ShapeError(
            f"convolution: the input {x.shape} must be (batch, channels, *spatial) and the weight {w.shape} "
            "(out_channels, in_channels / groups, *kernel), with equally many spatial axes, at least one"
        )
    if groups < 1 or x.shape[1] % groups or w.shape[0] % groups:
        raise ShapeError(
            f"convolution: groups is {groups}; it must be positive and divide both the {x.shape[1]} input channels of "
            f"{x.shape} and the {w.shape[0]} output channels of {w.shape}"
        )
    if x.shape[1] != w.shape[1] * groups:
        raise ShapeError(
            f"convolution: the weight {w.shape} with groups {groups} expects {w.shape[1] * groups} input channels, and "
            f"the input {x.shape} has {x.shape[1]}"
        )


def _check_attributes(x: TensorType, stride: Shape, padding: Padding, input_dilation: Shape, dilation: Shape) -> None:
    spatial = len(x.shape) - 2
    for name, values in (("stride", stride), ("input_dilation", input_dilation), ("kernel_dilation", dilation)):
        if len(values) != spatial or min(values) < 1:
            raise ShapeError(f"convolution: {name} is {values}; it must hold {spatial} positive integers")
    if len(padding) != spatial:
        raise ShapeError(f"convolution: padding is {padding}; it must hold {spatial} pairs (low, high)")


# -- reference --------------------------------------------------------------------------------------------------------


def _reference(
    x: np.ndarray,
    w: np.ndarray,
    stride: Shape,
    padding: Padding,
    input_dilation: Shape,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """One product of matrices a group: rows are windows of the input, columns are kernels."""
    padded = _pad_or_crop(_dilate(x, input_dilation), padding)
    windows = _windows(padded, w.shape[2:], stride, dilation)
    batch, channels, *rest = windows.shape
    spatial = len(stride)
    extents, kernel = tuple(rest[:spatial]), tuple(rest[spatial:])
    per_group = channels // groups
    grouped = windows.reshape(batch, groups, per_group, *extents, *kernel)
    last = range(3 + spatial, 3 + 2 * spatial)
    rows = grouped.transpose(1, 0, *range(3, 3 + spatial), 2, *last)
    rows = rows.reshape(groups, batch * math.prod(extents), per_group * math.prod(kernel))
    columns = w.reshape(groups, w.shape[0] // groups, per_group * math.prod(kernel)).swapaxes(1, 2)
    with np.errstate(all="ignore"):
        y = np.matmul(rows, columns)
    y = y.reshape(groups, batch, *extents, w.shape[0] // groups)
    y = y.transpose(1, 0, 2 + spatial, *range(2, 2 + spatial))
    return np.ascontiguousarray(y.reshape(batch, w.shape[0], *extents))


def _dilate(x: np.ndarray, dilation: Shape) -> np.ndarray:
    if max(dilation) == 1:
        return x
    out = np.zeros((*x.shape[:2], *map(dilated_extent, x.shape[2:], dilation)), x.dtype)
    out[_every((1, 1, *dilation))] = x
    return out


def _pad_or_crop(x: np.ndarray, padding: Padding) -> np.ndarray:
    """Pads before it crops: a crop may reach into the padding of the other end."""
    wide = np.pad(x, [(0, 0), (0, 0), *((max(low, 0), max(high, 0)) for low, high in padding)])
    crop = [slice(max(-low, 0), n - max(-high, 0)) for (low, high), n in zip(padding, wide.shape[2:], strict=True)]
    return wide[(slice(None), slice(None), *crop)]


def _windows(x: np.ndarray, kernel: Shape, stride: Shape, dilation: Shape) -> np.ndarray:
    """A view (batch, channels, *positions, *kernel)."""
    spans = tuple(map(dilated_extent, kernel, dilation))
    axes = tuple(range(2, x.ndim))
    every = np.lib.stride_tricks.sliding_window_view(x, spans, axes)
    return every[_every((1, 1, *stride, *dilation))]


def _every(steps: Shape) -> tuple[slice, ...]:
    return tuple(slice(None, None, step) for step in steps)


# -- gradients --------------------------------------------------------------------------------------------------------


def _gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: ConvAttributes) -> tuple[Node, Node]:
    x, w = inputs
    if not (x.type.size and w.type.size and y.type.size):
        return zeros(x.type), zeros(w.type)
    return _input_gradient(g, x, w, attributes), _weight_gradient(g, x, w, attributes)


def _input_gradient(g: Node, x: Node, w: Node, attributes: ConvAttributes) -> Node:
    """Every output hands its gradient back through the kernel: g spread by the stride, met by the mirrored kernel."""
    stride, padding, input_dilation, dilation, groups = attributes
    widths = []
    for i, (low, _) in enumerate(padding):
        span = dilated_extent(w.type.shape[2 + i], dilation[i])
        wanted = dilated_extent(x.type.shape[2 + i], input_dilation[i]) + span - 1
        before = span - 1 - low
        widths.append((before, wanted - before - dilated_extent(g.type.shape[2 + i], stride[i])))
    kernel = exchange_channels(flip(w, tuple(range(2, len(w.type.shape)))), groups)
    return convolution(g, kernel, input_dilation, tuple(widths), stride, dilation, groups)


def exchange_channels(w: Node, groups: int) -> Node:
    """(out, in / groups, *kernel) to (in, out / groups, *kernel)."""
    out, per_group, *kernel = w.type.shape
    parts = reshape(w, (groups, out // groups, per_group, *kernel))
    return reshape(transpose(parts, 1, 2), (groups * per_group, out // groups, *kernel))


def _weight_gradient(g: Node, x: Node, w: Node, attributes: ConvAttributes) -> Node:
    """The input met by g as the kernel, summed over the batch, which takes the place of the channels."""
    stride, padding, input_dilation, dilation, groups = attributes
    widths = []
    for i, (low, _) in enumerate(padding):
        wanted = dilated_extent(w.type.shape[2 + i], dilation[i]) + dilated_extent(g.type.shape[2 + i], stride[i]) - 1
        widths.append((low, wanted - low - dilated_extent(x.type.shape[2 + i], input_dilation[i])))
    batch, channels, *extents = x.type.shape
    parts = reshape(x, (batch, groups, channels // groups, *extents))
    parts = permute(parts, (2, 1, 0, *range(3, len(parts.type.shape))))
    data = reshape(parts, (channels // groups, groups * batch, *extents))
    found = convolution(data, transpose(g, 0, 1), dilation, tuple(widths), input_dilation, stride, groups)
    return transpose(found, 0, 1)


# -- batching ---------------------------------------------------------------------------------------------------------


def _batch(inputs: tuple[Node, ...], has: tuple[bool, ...], attributes: ConvAttributes, size: int) -> Node:
    x, w = inputs
    if not has[1]:
        batch = x.type.shape[1]
        y = record(CONVOLUTION, (reshape(x, (size * batch, *x.type.shape[2:])), w), attributes)
        return reshape(y, (size, batch, *y.type.shape[1:]))
    return _batch_both(x, w, attributes, size) if has[0] else _batch_weight(x, w, attributes, size)


def _batch_both(x: Node, w: Node, attributes: ConvAttributes, size: int) -> Node:
    """Each example has groups of its own."""
    _, batch, channels, *extents = x.type.shape
    merged = reshape(transpose(x, 0, 1), (batch, size * channels, *extents))
    kernels = reshape(w, (size * w.type.shape[1], *w.type.shape[2:]))
    y = record(CONVOLUTION, (merged, kernels), (*attributes[:-1], size * attributes[-1]))
    return transpose(reshape(y, (batch, size, w.type.shape[1], *y.type.shape[2:])), 0, 1)


def _batch_weight(x: Node, w: Node, attributes: ConvAttributes, size: int) -> Node:
    """All kernels see the same input: they are more output channels of each group."""
    groups = attributes[-1]
    _, out, *rest = w.type.shape
    parts = transpose(reshape(w, (size, groups, out // groups, *rest)), 0, 1)
    y = record(CONVOLUTION, (x, reshape(parts, (size * out, *rest))), attributes)
    batch, _, *extents = y.type.shape
    y = reshape(y, (batch, groups, size, out // groups, *extents))
    y = permute(y, (2, 0, 1, *range(3, len(y.type.shape))))
    return reshape(y, (size, batch, out, *extents))


CONVOLUTION = register(Primitive("convolution", _infer, _reference, _gradient, _batch))


def convolution(
    x: Node, w: Node, stride: Shape, padding: Padding, input_dilation: Shape, dilation: Shape, groups: int
) -> Node:
    """x (batch, channels, *spatial) met by w (out, channels / groups, *kernel); see the head of this file."""
    return record(CONVOLUTION, (x, w), (stride, padding, input_dilation, dilation, groups))
