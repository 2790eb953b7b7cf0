"""Layouts: convolutions run channels last, and so does what stands between them.

Every value gets an order of axes in which it is computed and lies in memory; in the graph that comes out, its axes are
in that order. Whoever wants it in another one gets a permutation, which costs nothing until a kernel needs it dense.
So a chain of convolutions, biases, normalisations and activations is permuted at its ends alone.

What decides is the kind of step and its shapes, for a convolution and for a reduction; elementwise steps follow the
largest of their arguments, which changes no bit. Reductions of all spatial axes, as batch normalisation has them, run
in the order of channels-last data wherever that data lies: the order of a sum never depends on its surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from retrograd.backends.native import conv_winograd, conv_winograd_weight
from retrograd.backends.native.conv_depthwise import DepthwiseShape
from retrograd.backends.native.conv_direct import DirectShape, direct_tile
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
    POOLS,
    ConvSpec,
    WeightSpec,
    channels_first,
    channels_last,
)
from retrograd.backends.native.conv_weight import WeightPlan, WeightShape
from retrograd.backends.native.conv_winograd_weight import WinogradWeightPlan, WinogradWeightShape
from retrograd.backends.native.fuse import ELEMENTWISE
from retrograd.backends.native.loop_steps import PART
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.target import Target
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Operation
from retrograd.core.types import Shape
from retrograd.ops.constant import CONST, POSITIONS
from retrograd.ops.movement import OFFSET_TYPE, PAD, PERMUTE, RESHAPE, SLICE
from retrograd.ops.reduce import SUM
from retrograd.passes.builder import GraphBuilder
from retrograd.passes.cse import drop_dead

AnySpec = TypeVar("AnySpec", ConvSpec, WeightSpec)


def choose_layouts(graph: Graph, target: Target) -> Graph:
    """The graph with every value in the order of axes that suits its makers and readers."""
    if not any(map(_is_special, graph.steps)):
        return graph
    rewritten = _Layouts(graph, target).rewritten()
    # A loop keeps all of its outputs: what is planned for it counts them, and some carries are for itself alone.
    parts = [len(graph.inputs) + i for i, step in enumerate(rewritten.steps) if step.signature.operation is PART]
    kept = drop_dead(Graph(rewritten.inputs, rewritten.steps, (*rewritten.outputs, *parts)))
    return Graph(kept.inputs, kept.steps, kept.outputs[: len(graph.outputs)])


def _is_special(step: Step) -> bool:
    name = step.signature.operation.name
    return name == "convolution" or name in POOLS or (name in REDUCTIONS and _reduces_space(step))


def _reduces_space(step: Step) -> bool:
    """Whether a reduction of (batch, channels, *spatial) runs over all spatial axes, and not over the channels.

    With a single spatial axis the batch must be reduced as well: else it is a reduction of rows, as in softmax.
    """
    shape, (axes,) = step.signature.inputs[0].shape, step.signature.attributes
    spatial = [axis for axis in range(2, len(shape)) if shape[axis] != 1]
    if len(shape) < 3 or 1 in axes or not spatial or not set(spatial) <= set(axes):
        return False
    return len(shape) > 3 or 0 in axes


def _gives_channels_last(step: Step) -> bool:
    """Whether a step makes (batch, channels, *spatial) of what lies channels last: memory formats are made so."""
    name, attributes = step.signature.operation.name, step.signature.attributes
    rank = step.signature.type.ndim
    return name == "permute" and rank > 3 and attributes[0] == channels_first(rank)


def _identity(rank: int) -> Shape:
    return tuple(range(rank))


class _Layouts:
    """The rewrite. A value of the old graph is kept as the number of a value of the new one and its order: axis i of
    the new value is axis order[i] of the old.
    """

    def __init__(self, graph: Graph, target: Target) -> None:
        self.graph, self.target = graph, target
        self.builder = GraphBuilder(graph.inputs)
        self.values: list[tuple[int, Shape]] = [
            (i, _identity(len(type_.shape))) for i, type_ in enumerate(graph.inputs)
        ]
        # How many elements of a value stand in memory: few for one that was broadcast.
        self.sizes: list[int] = [type_.size for type_ in graph.inputs]
        self._permuted: dict[tuple[int, Shape], int] = {}
        # Old values that are made of positions and single numbers, and what they became in each order that was asked
        # for: they are computed where they are needed, as they are needed.
        self._generated: dict[int, dict[Shape, int]] = {}

    def rewritten(self) -> Graph:
        for step in self.graph.steps:
            self.builder.origin = step.origin
            if self._is_generated(step):
                self._generated[len(self.values)] = {}
                value, order = -1, _identity(step.signature.type.ndim)
            else:
                value, order = self._visit(step)
            self.sizes.append(self._size(step))
            self.values.append((value, order))
        return self.builder.finish([self.default(value) for value in self.graph.outputs])

    # -- values -------------------------------------------------------------------------------------------------------

    def get(self, old: int, order: Shape) -> int:
        """An old value with its axes in an order."""
        if old in self._generated:
            return self._generate(old, order)
        value, have = self.values[old]
        return self._permute(value, tuple(have.index(axis) for axis in order))

    def _is_generated(self, step: Step) -> bool:
        name = step.signature.operation.name
        if name == "positions":
            return True
        made = [arg in self._generated for arg in step.args]
        if name not in ELEMENTWISE or not any(made):
            return False
        return all(is_made or self.sizes[arg] <= 1 for arg, is_made in zip(step.args, made, strict=True))

    def _generate(self, old: int, order: Shape) -> int:
        """A generated value, in an order of its axes."""
        made = self._generated[old]
        if order not in made:
            step = self.graph.steps[old - len(self.graph.inputs)]
            attributes = step.signature.attributes
            if step.signature.operation is POSITIONS:
                attributes = tuple(tuple(attribute[axis] for axis in order) for attribute in attributes)
            args = tuple(self.get(arg, order) for arg in step.args)
            around, self.builder.origin = self.builder.origin, step.origin
            made[order] = self.record(step.signature.operation, args, attributes)
            self.builder.origin = around
        return made[order]

    def default(self, old: int) -> int:
        return self.get(old, _identity(len(self.graph.types[old].shape)))

    def order(self, old: int) -> Shape:
        return self.values[old][1]

    def moved(self, old: int) -> bool:
        """Whether a value has another order than in the old graph."""
        return self.order(old) != _identity(len(self.order(old)))

    def _permute(self, value: int, axes: Shape) -> int:
        if axes == _identity(len(axes)):
            return value
        key = value, axes
        if key not in self._permuted:
            self._permuted[key] = self.builder.record(PERMUTE, (value,), (axes,))
        return self._permuted[key]

    def reshape(self, value: int, shape: Shape) -> int:
        return value if self.builder.types[value].shape == shape else self.builder.record(RESHAPE, (value,), (shape,))

    def _size(self, step: Step) -> int:
        name = step.signature.operation.name
        if name in ("const", "iota") or len(self.values) in self._generated:
            return 0
        return self.sizes[step.args[0]] if name in ("broadcast", "reshape", "permute") else step.signature.type.size

    # -- steps --------------------------------------------------------------------------------------------------------

    def _visit(self, step: Step) -> tuple[int, Shape]:
        name = step.signature.operation.name
        if name == "convolution":
            return self._convolution(step)
        if name in POOLS:
            return self._pool(step)
        if name in REDUCTIONS:
            return self._reduction(step)
        if name in ELEMENTWISE:
            return self._elementwise(step)
        rule = _RULES.get(name)
        if rule is not None and (_gives_channels_last(step) or any(map(self.moved, step.args))):
            return rule(self, step)
        args = tuple(map(self.default, step.args))
        return self.builder.apply(step.signature, args), _identity(len(step.signature.type.shape))

    def record(self, operation: Operation, args: tuple[int, ...], attributes: tuple[object, ...]) -> int:
        return self.builder.record(operation, args, attributes)

    def _elementwise(self, step: Step) -> tuple[int, Shape]:
        leader = max(step.args, key=lambda arg: (self.sizes[arg], self.moved(arg)))
        order = self.order(leader)
        args = tuple(self.get(arg, order) for arg in step.args)
        return self.record(step.signature.operation, args, step.signature.attributes), order

    def _pool(self, step: Step) -> tuple[int, Shape]:
        y = step.signature.type
        if not y.size:
            return self.record(CONST, (), (0, y.dtype.name, y.shape)), _identity(y.ndim)
        order = channels_last(y.ndim)
        args = tuple(self.get(arg, order) for arg in step.args)
        return self.record(POOLS[step.signature.operation.name], args, step.signature.attributes), order

    def _reduction(self, step: Step) -> tuple[int, Shape]:
        (axes,) = step.signature.attributes
        rank = len(step.signature.type.shape)
        order = channels_last(rank) if _reduces_space(step) else _identity(rank)
        new_axes = tuple(sorted(order.index(axis) for axis in axes))
        return self.record(step.signature.operation, (self.get(step.args[0], order),), (new_axes,)), order

    # -- convolutions -------------------------------------------------------------------------------------------------

    def _convolution(self, step: Step) -> tuple[int, Shape]:
        y, (x, w) = step.signature.type, step.signature.inputs
        if not (y.size and x.size and w.size):
            return self.record(CONST, (), (0, y.dtype.name, y.shape)), _identity(y.ndim)
        by_a_large_kernel = math.prod(w.shape[2:]) > math.prod(y.shape[2:])
        return self._weight_gradient(step) if by_a_large_kernel else self._direct(step)

    def _direct(self, step: Step) -> tuple[int, Shape]:
        weight, y = step.signature.inputs[1].shape, step.signature.type
        spec = ConvSpec(weight[2:], weight[0], *step.signature.attributes)
        order = channels_last(y.ndim)
        blocking = conv_blocking(self.target, y.dtype.name, spec.channels_out // spec.groups, y.shape[-1])
        x = self.get(step.args[0], order)
        if 1 < spec.groups == spec.channels_out == self.builder.types[x].shape[-1]:
            w = self.reshape(self.default(step.args[1]), (spec.groups, math.prod(spec.kernel)))
            return self.record(CONV_DEPTHWISE, (x, self._permute(w, (1, 0))), (spec,)), order
        if conv_winograd.suits(self.builder.types[x].shape, spec, y.dtype.name):
            columns = conv_blocking(self.target, y.dtype.name, spec.channels_out, y.size).columns
            packed = self.record(CONV_WINOGRAD_PACK, (self.default(step.args[1]),), (columns,))
            return self.record(CONV_WINOGRAD, (x, packed), (spec,)), order
        shape = DirectShape.of(self.builder.types[x].shape, spec)
        if direct_tile(shape, blocking) is None:
            x, spec = self._padded(x, spec, shape.axes)
        packed = self.record(CONV_PACK, (self.default(step.args[1]),), (spec.groups, blocking.columns))
        return self.record(CONV_DIRECT, (x, packed), (spec,)), order

    def _weight_gradient(self, step: Step) -> tuple[int, Shape]:
        """The batch and the channels have changed places: axes (in, groups * batch, ...), (out, batch, ...)."""
        rank = step.signature.type.ndim
        stride, padding, spread, dilation, groups = step.signature.attributes
        spec = WeightSpec(stride, padding, spread, dilation, groups, step.signature.type.shape[2:], 1)
        x, g = self._ungrouped(step.args[0], spec.groups), self.get(step.args[1], (*range(1, rank), 0))
        parts = self._weight_parts(x, g, spec, step.signature.type.dtype.name)
        found = self.reshape(self.record(SUM, (parts,), ((0,),)), self.builder.types[parts].shape[1:])
        order = (*range(2, rank), 0, 1)
        return self._permute(found, tuple(order.index(axis) for axis in range(rank))), _identity(rank)

    def _weight_parts(self, x: int, g: int, spec: WeightSpec, dtype: str) -> int:
        shapes = self.builder.types[x].shape, self.builder.types[g].shape
        if 1 < spec.groups == shapes[0][-1] == shapes[1][-1]:
            parts = DepthwiseShape.of(shapes[0], spec, shapes[1]).parts
            return self.record(CONV_DEPTHWISE_WEIGHT, (x, g), (spec._replace(parts=parts),))
        if conv_winograd_weight.suits(*shapes, spec, dtype):
            transformed = WinogradWeightShape.of(*shapes, spec)
            columns = conv_blocking(self.target, dtype, transformed.channels_out, transformed.channels_in)
            found = WinogradWeightPlan.of(transformed, columns)
            if found is not None:
                return self.record(CONV_WINOGRAD_WEIGHT, (x, g), (spec._replace(parts=found.parts),))
        shape = WeightShape.of(*shapes, spec)
        plan = WeightPlan.of(shape, shape.blocking(self.target, dtype))
        if plan is None:
            return self._long_weight_parts(x, g, spec, dtype)
        return self.record(CONV_WEIGHT, (x, g), (spec._replace(parts=plan.parts),))

    def _long_weight_parts(self, x: int, g: int, spec: WeightSpec, dtype: str) -> int:
        """The same for rows too long to be copied in scratch: with zeros in memory around the rows of x, and behind the
        channels of g up to whole vectors.
        """
        x, spec = self._padded(
            x, spec, WeightShape.of(self.builder.types[x].shape, self.builder.types[g].shape, spec).axes
        )
        g_shape = self.builder.types[g].shape
        channels = g_shape[-1] // spec.groups
        more = -channels % self.target.lanes
        split = self.reshape(g, (*g_shape[:-1], spec.groups, channels))
        wide = self.record(PAD, (split,), ((0,) * (len(g_shape) + 1), (*[0] * len(g_shape), more)))
        g = self.reshape(wide, (*g_shape[:-1], spec.groups * (channels + more)))
        shape = WeightShape.of(self.builder.types[x].shape, self.builder.types[g].shape, spec)
        plan = WeightPlan.of(shape, shape.blocking(self.target, dtype))
        assert plan is not None, "nothing is copied to scratch"
        parts = self.record(CONV_WEIGHT, (x, g), (spec._replace(parts=plan.parts),))
        sizes = (*self.builder.types[parts].shape[:-1], spec.groups, channels)
        start = self.record(CONST, (), (0, OFFSET_TYPE.dtype.name, ()))
        parts = self.reshape(parts, (*sizes[:-1], channels + more))
        parts = self.record(SLICE, (parts, *[start] * len(sizes)), (sizes, (1,) * len(sizes)))
        return self.reshape(parts, (*sizes[:-2], spec.groups * channels))

    def _ungrouped(self, old: int, groups: int) -> int:
        """(in, groups * batch, *spatial) as (batch, *spatial, groups * in)."""
        shape = self.graph.types[old].shape
        if groups == 1:
            return self.get(old, (*range(1, len(shape)), 0))
        per_group, merged, *extents = shape
        order = (2, *range(3, 3 + len(extents)), 1, 0)
        parted = (per_group, groups, merged // groups, *extents)
        source = self._reshaped_from(old)
        if source is not None and self.graph.types[source].shape == parted:
            parts = self.get(source, order)
        else:
            parts = self._permute(self.reshape(self.default(old), parted), order)
        return self.reshape(parts, (merged // groups, *extents, groups * per_group))

    def _reshaped_from(self, old: int) -> int | None:
        """What a value is a reshape of."""
        place = old - len(self.graph.inputs)
        if place < 0 or self.graph.steps[place].signature.operation is not RESHAPE:
            return None
        return self.graph.steps[place].args[0]

    def _padded(self, x: int, spec: AnySpec, axes: tuple[Axis, ...]) -> tuple[int, AnySpec]:
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
        return self.record(PAD, (x,), ((0, *below, 0), (0, *above, 0))), spec._replace(padding=padding)


# -- movements of values that are not in the default order ------------------------------------------------------------


def _permute(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
    """Nothing moves: the axes have other names."""
    (x,), (axes,) = step.args, step.signature.attributes
    value, have = layouts.values[x]
    return value, tuple(axes.index(axis) for axis in have)


def _broadcast(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
    value, order = layouts.values[step.args[0]]
    (shape,) = step.signature.attributes
    return layouts.record(step.signature.operation, (value,), (tuple(shape[axis] for axis in order),)), order


def _reshape(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
    """In place where the axes that are joined or parted are neighbours in memory; else the value is brought to its
    default order first.
    """
    (x,), (shape,) = step.args, step.signature.attributes
    value, order = layouts.values[x]
    old = layouts.graph.types[x].shape
    physical = [axis for axis in order if old[axis] != 1]
    groups = _reshaped_axes(old, shape)
    starts = {before[0]: (before, after) for before, after in groups}
    found: list[int] = []
    while physical:
        before, after = starts.get(physical[0], ([], []))
        if not before or physical[: len(before)] != before:
            return layouts.reshape(layouts.default(x), shape), _identity(len(shape))
        found += after
        physical = physical[len(before) :]
    new_order = (*(axis for axis in range(len(shape)) if shape[axis] == 1), *found)
    if found == sorted(found):
        return layouts.reshape(value, shape), _identity(len(shape))
    return layouts.reshape(value, tuple(shape[axis] for axis in new_order)), new_order


def _reshaped_axes(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of axes that a reshape exchanges for one another, without those of extent 1; none if empty."""
    if 0 in old:
        return []
    groups: list[tuple[list[int], list[int]]] = []
    sources, targets = (iter([i for i in range(len(shape)) if shape[i] != 1]) for shape in (old, new))
    for axis in sources:
        before, after = [axis], [next(targets)]
        while (have := math.prod(old[i] for i in before)) != (got := math.prod(new[i] for i in after)):
            if have < got:
                before.append(next(sources))
            else:
                after.append(next(targets))
        groups.append((before, after))
    return groups


def _along_axes(*per_axis: int) -> Callable[[_Layouts, Step], tuple[int, Shape]]:
    """A rule for steps some of whose attributes have one entry for each axis; offsets do as well."""

    def rule(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
        signature = step.signature
        rank = len(signature.type.shape)
        arrays = [arg for arg, type_ in zip(step.args, signature.inputs, strict=True) if len(type_.shape) == rank]
        offsets = step.args[len(arrays) :]
        leader = max(arrays, key=lambda arg: (layouts.moved(arg), layouts.sizes[arg]))
        order = layouts.order(leader)
        args = [layouts.get(arg, order) for arg in arrays]
        args += [layouts.default(offsets[axis]) for axis in order] if offsets else []
        attributes = tuple(
            tuple(attribute[axis] for axis in order) if place in per_axis else attribute
            for place, attribute in enumerate(signature.attributes)
        )
        return layouts.record(signature.operation, tuple(args), attributes), order

    return rule


def _concat(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
    leader = max(step.args, key=lambda arg: (layouts.moved(arg), layouts.sizes[arg]))
    order = layouts.order(leader)
    args = tuple(layouts.get(arg, order) for arg in step.args)
    (axis,) = step.signature.attributes
    return layouts.record(step.signature.operation, args, (order.index(axis),)), order


def _flip(layouts: _Layouts, step: Step) -> tuple[int, Shape]:
    value, order = layouts.values[step.args[0]]
    (axes,) = step.signature.attributes
    moved = tuple(sorted(order.index(axis) for axis in axes))
    return layouts.record(step.signature.operation, (value,), (moved,)), order


_RULES: dict[str, Callable[[_Layouts, Step], tuple[int, Shape]]] = {
    "permute": _permute,
    "broadcast": _broadcast,
    "reshape": _reshape,
    "slice": _along_axes(0, 1),
    "slice_put": _along_axes(0),
    "pad": _along_axes(0, 1),
    "concat": _concat,
    "flip": _flip,
}
