"""Layouts of convolutions: channels last, each as the primitives of the kernel that suits its shape and attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from retrograd.backends.native import conv_winograd, conv_winograd_weight
from retrograd.backends.native.conv_depthwise import DepthwiseShape
from retrograd.backends.native.conv_direct_plan import DirectShape, DirectTile
from retrograd.backends.native.conv_geometry import Axis
from retrograd.backends.native.conv_micro import conv_blocking
from retrograd.backends.native.conv_ops import (
    CONV_DEPTHWISE,
    CONV_DEPTHWISE_WEIGHT,
    CONV_DIRECT,
    CONV_PACK,
    CONV_WEIGHT,
    CONV_WINOGRAD,
    CONV_WINOGRAD_PACK,
    CONV_WINOGRAD_WEIGHT,
    ConvSpec,
    WeightSpec,
    channels_last,
)
from retrograd.backends.native.conv_weight_plan import WeightPlan, WeightShape
from retrograd.backends.native.conv_winograd_weight import WinogradWeightPlan, WinogradWeightShape
from retrograd.core.graph import Step
from retrograd.core.types import Shape
from retrograd.ops.constant import CONST
from retrograd.ops.movement import OFFSET_TYPE, PAD, RESHAPE, SLICE
from retrograd.ops.reduce import SUM

if TYPE_CHECKING:
    from retrograd.backends.native.layout import Layouts

AnySpec = TypeVar("AnySpec", ConvSpec, WeightSpec)


def lay_convolution(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    """The value that a convolution becomes, and the order of its axes."""
    y, (x, w) = step.signature.type, step.signature.inputs
    if not (y.size and x.size and w.size):
        return layouts.record(CONST, (), (0, y.dtype.name, y.shape)), tuple(range(y.ndim))
    by_a_large_kernel = math.prod(w.shape[2:]) > math.prod(y.shape[2:])
    return _weight_gradient(layouts, step) if by_a_large_kernel else _direct(layouts, step)


def _direct(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    weight, y = step.signature.inputs[1].shape, step.signature.type
    spec = ConvSpec(weight[2:], weight[0], *step.signature.attributes)
    order = channels_last(y.ndim)
    blocking = conv_blocking(layouts.target, y.dtype.name, spec.channels_out // spec.groups, y.shape[-1])
    x = layouts.get(step.args[0], order)
    if 1 < spec.groups == spec.channels_out == layouts.shape(x)[-1]:
        w = layouts.reshape(layouts.default(step.args[1]), (spec.groups, math.prod(spec.kernel)))
        return layouts.record(CONV_DEPTHWISE, (x, layouts.permute(w, (1, 0))), (spec,)), order
    if conv_winograd.suits(layouts.shape(x), spec, y.dtype.name):
        columns = conv_blocking(layouts.target, y.dtype.name, spec.channels_out, y.size).columns
        packed = layouts.record(CONV_WINOGRAD_PACK, (layouts.default(step.args[1]),), (columns,))
        return layouts.record(CONV_WINOGRAD, (x, packed), (spec,)), order
    shape = DirectShape.of(layouts.shape(x), spec)
    if DirectTile.of(shape, blocking) is None:
        x, spec = _padded(layouts, x, spec, shape.axes)
    packed = layouts.record(CONV_PACK, (layouts.default(step.args[1]),), (spec.groups, blocking.columns))
    return layouts.record(CONV_DIRECT, (x, packed), (spec,)), order


def _weight_gradient(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    """The batch and the channels have changed places: axes (in, groups * batch, ...), (out, batch, ...)."""
    rank = step.signature.type.ndim
    stride, padding, spread, dilation, groups = step.signature.attributes
    spec = WeightSpec(stride, padding, spread, dilation, groups, step.signature.type.shape[2:], 1)
    x, g = _ungrouped(layouts, step.args[0], spec.groups), layouts.get(step.args[1], (*range(1, rank), 0))
    parts = _weight_parts(layouts, x, g, spec, step.signature.type.dtype.name)
    found = layouts.reshape(layouts.record(SUM, (parts,), ((0,),)), layouts.shape(parts)[1:])
    order = (*range(2, rank), 0, 1)
    return layouts.permute(found, tuple(order.index(axis) for axis in range(rank))), tuple(range(rank))


def _weight_parts(layouts: Layouts, x: int, g: int, spec: WeightSpec, dtype: str) -> int:
    shapes = layouts.shape(x), layouts.shape(g)
    if 1 < spec.groups == shapes[0][-1] == shapes[1][-1]:
        parts = DepthwiseShape.of(shapes[0], spec, shapes[1]).parts
        return layouts.record(CONV_DEPTHWISE_WEIGHT, (x, g), (spec._replace(parts=parts),))
    if conv_winograd_weight.suits(*shapes, spec, dtype):
        transformed = WinogradWeightShape.of(*shapes, spec)
        columns = conv_blocking(layouts.target, dtype, transformed.channels_out, transformed.channels_in)
        found = WinogradWeightPlan.of(transformed, columns)
        if found is not None:
            return layouts.record(CONV_WINOGRAD_WEIGHT, (x, g), (spec._replace(parts=found.parts),))
    shape = WeightShape.of(*shapes, spec)
    plan = WeightPlan.of(shape, shape.blocking(layouts.target, dtype))
    if plan is None:
        return _long_weight_parts(layouts, x, g, spec, dtype)
    return layouts.record(CONV_WEIGHT, (x, g), (spec._replace(parts=plan.parts),))


def _long_weight_parts(layouts: Layouts, x: int, g: int, spec: WeightSpec, dtype: str) -> int:
    """The same for rows too long to be copied in scratch: with zeros in memory around the rows of x, and behind the
    channels of g up to whole vectors.
    """
    x, spec = _padded(layouts, x, spec, WeightShape.of(layouts.shape(x), layouts.shape(g), spec).axes)
    g_shape = layouts.shape(g)
    channels = g_shape[-1] // spec.groups
    more = -channels % layouts.target.lanes
    split = layouts.reshape(g, (*g_shape[:-1], spec.groups, channels))
    wide = layouts.record(PAD, (split,), ((0,) * (len(g_shape) + 1), (*[0] * len(g_shape), more)))
    g = layouts.reshape(wide, (*g_shape[:-1], spec.groups * (channels + more)))
    shape = WeightShape.of(layouts.shape(x), layouts.shape(g), spec)
    plan = WeightPlan.of(shape, shape.blocking(layouts.target, dtype))
    assert plan is not None, "nothing is copied to scratch"
    parts = layouts.record(CONV_WEIGHT, (x, g), (spec._replace(parts=plan.parts),))
    sizes = (*layouts.shape(parts)[:-1], spec.groups, channels)
    start = layouts.record(CONST, (), (0, OFFSET_TYPE.dtype.name, ()))
    parts = layouts.reshape(parts, (*sizes[:-1], channels + more))
    parts = layouts.record(SLICE, (parts, *[start] * len(sizes)), (sizes, (1,) * len(sizes)))
    return layouts.reshape(parts, (*sizes[:-2], spec.groups * channels))


def _ungrouped(layouts: Layouts, old: int, groups: int) -> int:
    """(in, groups * batch, *spatial) as (batch, *spatial, groups * in)."""
    shape = layouts.graph.types[old].shape
    if groups == 1:
        return layouts.get(old, (*range(1, len(shape)), 0))
    per_group, merged, *extents = shape
    order = (2, *range(3, 3 + len(extents)), 1, 0)
    parted = (per_group, groups, merged // groups, *extents)
    source = _reshaped_from(layouts, old)
    if source is not None and layouts.graph.types[source].shape == parted:
        parts = layouts.get(source, order)
    else:
        parts = layouts.permute(layouts.reshape(layouts.default(old), parted), order)
    return layouts.reshape(parts, (merged // groups, *extents, groups * per_group))


def _reshaped_from(layouts: Layouts, old: int) -> int | None:
    """What a value is a reshape of."""
    place = old - len(layouts.graph.inputs)
    if place < 0 or layouts.graph.steps[place].signature.operation is not RESHAPE:
        return None
    return layouts.graph.steps[place].args[0]


def _padded(layouts: Layouts, x: int, spec: AnySpec, axes: tuple[Axis, ...]) -> tuple[int, AnySpec]:
    """Channels-last data with all zeros in memory that a convolution reads around it, for rows too long to be
    copied in scratch.
    """
    axes = axes[len(axes) - len(spec.padding) :]
    below: Shape = tuple(max(-axis.reach[0], 0) for axis in axes)
    above: Shape = tuple(max(axis.reach[1] - axis.extent + 1, 0) for axis in axes)
    padding = tuple(
        (low - before * axis.input_dilation, high - behind * axis.input_dilation)
        for (low, high), before, behind, axis in zip(spec.padding, below, above, axes, strict=True)
    )
    return layouts.record(PAD, (x,), ((0, *below, 0), (0, *above, 0))), spec._replace(padding=padding)
