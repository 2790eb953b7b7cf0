"""What convolutions and pooling become in the native backend: steps over channels-last data and packed weights.

They are primitives of this backend alone: the layout pass (`layout.py`) puts them in place of the general ones.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from retrograd.backends.native.winograd import POSITIONS, TILE
from retrograd.core.dtype import float32
from retrograd.core.operation import Primitive
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.conv import CONVOLUTION, Padding
from retrograd.ops.max_pool import MAX_POOL, MAX_POOL_GATHER, MAX_POOL_SCATTER
from retrograd.ops.sum_pool import SUM_POOL


class ConvSpec(NamedTuple):
    """A convolution, its weight apart.

    Attributes:
        kernel: taps along the spatial axes.
        channels_out: in all groups.
        stride, padding, input_dilation, dilation, groups: as in `ops/conv.py`.
    """

    kernel: Shape
    channels_out: int
    stride: Shape
    padding: Padding
    input_dilation: Shape
    dilation: Shape
    groups: int

    @property
    def attributes(self) -> tuple[Any, ...]:
        return self[2:]


def channels_last(rank: int) -> Shape:
    """The order of axes (batch, spatial, channels) of (batch, channels, spatial).

    >>> channels_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, rank), 1)


def channels_first(rank: int) -> Shape:
    """The inverse of `channels_last`.

    >>> channels_first(4)
    (0, 3, 1, 2)
    """
    return (0, rank - 1, *range(1, rank - 1))


def conv_shape(x: Shape, spec: ConvSpec) -> Shape:
    """The shape of a convolution of (batch, *spatial, channels), channels last."""
    batch, *extents, channels = x
    logical = tensor_type((batch, channels, *extents), float32)
    weight = tensor_type((spec.channels_out, channels // spec.groups, *spec.kernel), float32)
    y = CONVOLUTION.infer((logical, weight), *spec.attributes).shape
    return (y[0], *y[2:], y[1])


# -- packed weights ---------------------------------------------------------------------------------------------------


def _infer_pack(types: tuple[TensorType, ...], groups: int, columns: int) -> TensorType:
    out, channels, *kernel = types[0].shape
    panels = -(-(out // groups) // columns)
    return tensor_type((groups, panels, math.prod(kernel) * channels, columns), types[0].dtype)


def _pack(w: np.ndarray, groups: int, columns: int) -> np.ndarray:
    channels, per_group = w.shape[1], w.shape[0] // groups
    panels = -(-per_group // columns)
    taps = np.moveaxis(w.reshape(groups, per_group, channels, -1), (1, 2, 3), (3, 2, 1))
    padded = np.zeros((groups, taps.shape[1] * channels, panels * columns), w.dtype)
    padded[..., :per_group] = taps.reshape(groups, -1, per_group)
    return np.ascontiguousarray(np.moveaxis(padded.reshape(groups, -1, panels, columns), 2, 1))


def _unpack(packed: np.ndarray, spec: ConvSpec, channels: int) -> np.ndarray:
    groups, panels, rows, columns = packed.shape
    w = np.moveaxis(packed, 1, 2).reshape(groups, rows, panels * columns)[..., : spec.channels_out // groups]
    w = w.reshape(groups, -1, channels, spec.channels_out // groups)
    return np.moveaxis(w, (1, 2, 3), (3, 2, 1)).reshape(spec.channels_out, channels, *spec.kernel)


# Weights (out, in / groups, *kernel) in panels of `columns` output channels: (groups, panels, taps * in, columns).
CONV_PACK = Primitive("conv.pack", _infer_pack, _pack, None, None)


# -- direct convolution -----------------------------------------------------------------------------------------------


def _infer_direct(types: tuple[TensorType, ...], spec: ConvSpec) -> TensorType:
    return tensor_type(conv_shape(types[0].shape, spec), types[0].dtype)


def _direct(x: np.ndarray, packed: np.ndarray, spec: ConvSpec) -> np.ndarray:
    w = _unpack(packed, spec, x.shape[-1] // spec.groups)
    y = CONVOLUTION.reference(np.moveaxis(x, -1, 1), w, *spec.attributes)
    return np.ascontiguousarray(np.moveaxis(y, 1, -1))


# Channels-last data met by packed weights; `conv_direct.py`.
CONV_DIRECT = Primitive("conv.direct", _infer_direct, _direct, None, None)


# -- a kernel for each channel -----------------------------------------------------------------------------------------


def _depthwise(x: np.ndarray, w: np.ndarray, spec: ConvSpec) -> np.ndarray:
    kernels = np.moveaxis(w.reshape(*spec.kernel, 1, -1), (-1, -2), (0, 1))
    y = CONVOLUTION.reference(np.moveaxis(x, -1, 1), kernels, *spec.attributes)
    return np.ascontiguousarray(np.moveaxis(y, 1, -1))


# Channels-last data met by weights (taps, channels); `conv_depthwise.py`.
CONV_DEPTHWISE = Primitive("conv.depthwise", _infer_direct, _depthwise, None, None)


# -- by transforms ----------------------------------------------------------------------------------------------------


def _infer_winograd_pack(types: tuple[TensorType, ...], columns: int) -> TensorType:
    out, channels, *_ = types[0].shape
    return tensor_type((-(-out // columns), POSITIONS, channels, columns), types[0].dtype)


def _winograd_pack(w: np.ndarray, columns: int) -> np.ndarray:
    out, channels, *_ = w.shape
    panels = -(-out // columns)
    u = np.einsum("pr,qs,ocrs->pqco", _KERNEL_MATRIX, _KERNEL_MATRIX, w).reshape(POSITIONS, channels, out)
    u = np.pad(u, [(0, 0), (0, 0), (0, panels * columns - out)]).reshape(POSITIONS, channels, panels, columns)
    return np.ascontiguousarray(np.moveaxis(u, 2, 0), w.dtype)


def _winograd(x: np.ndarray, packed: np.ndarray, spec: ConvSpec) -> np.ndarray:
    """By way of the weights, which are found again from their transforms."""
    u = np.moveaxis(packed, 0, 2).reshape(TILE, TILE, packed.shape[2], -1)[..., : spec.channels_out]
    back = np.linalg.pinv(_KERNEL_MATRIX)
    w = np.einsum("rp,sq,pqco->ocrs", back, back, u).astype(x.dtype)
    y = CONVOLUTION.reference(np.moveaxis(x, -1, 1), w, *spec.attributes)
    return np.ascontiguousarray(np.moveaxis(y, 1, -1))


_KERNEL_MATRIX = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
# Weights (out, in, 3, 3), transformed, in panels: (panels, positions, in, columns).
CONV_WINOGRAD_PACK = Primitive("conv.winograd_pack", _infer_winograd_pack, _winograd_pack, None, None)
# Channels-last data met by weights that are packed so; `conv_winograd.py`.
CONV_WINOGRAD = Primitive("conv.winograd", _infer_direct, _winograd, None, None)


# -- gradients of weights ---------------------------------------------------------------------------------------------


class WeightSpec(NamedTuple):
    """A convolution by a kernel as large as its input, as the gradient of a weight is one.

    Attributes:
        stride, padding, input_dilation, dilation, groups: as in `ops/conv.py`.
        taps: extents of the result.
        parts: how many sums come out.
    """

    stride: Shape
    padding: Padding
    input_dilation: Shape
    dilation: Shape
    groups: int
    taps: Shape
    parts: int


def _infer_weight(types: tuple[TensorType, ...], spec: WeightSpec) -> TensorType:
    x, g = types
    return tensor_type((spec.parts, *spec.taps, x.shape[-1] // spec.groups, g.shape[-1]), x.dtype)


def _weight(x: np.ndarray, g: np.ndarray, spec: WeightSpec) -> np.ndarray:
    """All of the sum in its first part."""
    batch, *extents, channels = x.shape
    data = x.reshape(batch, *extents, spec.groups, channels // spec.groups)
    data = np.moveaxis(data, (-1, -2, 0), (0, 1, 2)).reshape(channels // spec.groups, spec.groups * batch, *extents)
    y = CONVOLUTION.reference(data, np.moveaxis(g, (-1, 0), (0, 1)), *spec[:5])
    out = np.zeros((spec.parts, *spec.taps, y.shape[0], y.shape[1]), x.dtype)
    out[0] = np.moveaxis(y, (0, 1), (-2, -1))
    return out


# x (batch, *spatial, groups * in) and g (batch, *spatial, out) to (parts, *taps, in, out); `conv_weight.py`.
CONV_WEIGHT = Primitive("conv.weight", _infer_weight, _weight, None, None)
# The same for one kernel for each channel; `conv_depthwise.py`.
CONV_DEPTHWISE_WEIGHT = Primitive("conv.depthwise_weight", _infer_weight, _weight, None, None)
# The same for 3 x 3 taps by transforms; `conv_winograd_weight.py`.
CONV_WINOGRAD_WEIGHT = Primitive("conv.winograd_weight", _infer_weight, _weight, None, None)


# -- pooling ----------------------------------------------------------------------------------------------------------


def _channels_last_of(primitive: Primitive) -> Primitive:
    """A pooling primitive for channels-last operands."""

    def infer(types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
        first = (tensor_type(_permuted(type_.shape, channels_first(type_.ndim)), type_.dtype) for type_ in types)
        result = primitive.infer(tuple(first), *attributes)
        return tensor_type(_permuted(result.shape, channels_last(result.ndim)), result.dtype)

    def reference(*args: Any) -> np.ndarray:
        arrays = [np.moveaxis(arg, -1, 1) if isinstance(arg, np.ndarray) else arg for arg in args]
        return np.ascontiguousarray(np.moveaxis(primitive.reference(*arrays), 1, -1))

    return Primitive(f"pool.{primitive.name}", infer, reference, None, None)


def _permuted(shape: Shape, order: Shape) -> Shape:
    return tuple(shape[axis] for axis in order)


# By the name of the general one; `pool.py`.
POOLS = {
    primitive.name: _channels_last_of(primitive)
    for primitive in (MAX_POOL, MAX_POOL_GATHER, MAX_POOL_SCATTER, SUM_POOL)
}
