"""Layouts: convolutions run channels last, and so does what stands between them.

Every value gets an order of axes in which it is computed and lies in memory; in the graph that comes out, its axes are
in that order. Whoever wants it in another one gets a permutation, which costs nothing until a kernel needs it dense.
So a chain of convolutions, biases, normalisations and activations is permuted at its ends alone. Which kernel a
convolution takes is decided here as well (`layout_conv.py`).

What decides is the kind of step and its shapes, for a convolution and for a reduction; elementwise steps follow the
largest of their arguments, which changes no bit. Reductions of all spatial axes, as batch normalisation has them, run
in the order of channels-last data wherever that data lies: the order of a sum never depends on its surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograd.backends.native.conv_ops import POOLS, channels_first, channels_last
from retrograd.backends.native.fuse import ELEMENTWISE
from retrograd.backends.native.layout_conv import lay_convolution
from retrograd.backends.native.loop_steps import PART
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.target import Target
from retrograd.core.graph import Graph, Step
from retrograd.core.signature import Operation
from retrograd.core.types import Shape
from retrograd.ops.constant import CONST, POSITIONS
from retrograd.ops.movement import PERMUTE, RESHAPE
from retrograd.passes.builder import GraphBuilder
from retrograd.passes.cse import drop_dead


def choose_layouts(graph: Graph, target: Target) -> Graph:
    """The graph with every value in the order of axes that suits its makers and readers."""
    if not any(map(_is_special, graph.steps)):
        return graph
    rewritten = Layouts(graph, target).rewritten()
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


class Layouts:
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
        return self.permute(value, tuple(have.index(axis) for axis in order))

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

    def shape(self, value: int) -> Shape:
        """Of a value of the new graph."""
        return self.builder.types[value].shape

    def permute(self, value: int, axes: Shape) -> int:
        if axes == _identity(len(axes)):
            return value
        key = value, axes
        if key not in self._permuted:
            self._permuted[key] = self.builder.record(PERMUTE, (value,), (axes,))
        return self._permuted[key]

    def reshape(self, value: int, shape: Shape) -> int:
        return value if self.shape(value) == shape else self.builder.record(RESHAPE, (value,), (shape,))

    def _size(self, step: Step) -> int:
        name = step.signature.operation.name
        if name in ("const", "iota") or len(self.values) in self._generated:
            return 0
        return self.sizes[step.args[0]] if name in ("broadcast", "reshape", "permute") else step.signature.type.size

    # -- steps --------------------------------------------------------------------------------------------------------

    def _visit(self, step: Step) -> tuple[int, Shape]:
        name = step.signature.operation.name
        if name == "convolution":
            return lay_convolution(self, step)
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


# -- movements of values that are not in the default order ------------------------------------------------------------


def _permute(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    """Nothing moves: the axes have other names."""
    (x,), (axes,) = step.args, step.signature.attributes
    value, have = layouts.values[x]
    return value, tuple(axes.index(axis) for axis in have)


def _broadcast(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    value, order = layouts.values[step.args[0]]
    (shape,) = step.signature.attributes
    return layouts.record(step.signature.operation, (value,), (tuple(shape[axis] for axis in order),)), order


def _reshape(layouts: Layouts, step: Step) -> tuple[int, Shape]:
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


def _along_axes(*per_axis: int) -> Callable[[Layouts, Step], tuple[int, Shape]]:
    """A rule for steps some of whose attributes have one entry for each axis; offsets do as well."""

    def rule(layouts: Layouts, step: Step) -> tuple[int, Shape]:
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


def _concat(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    leader = max(step.args, key=lambda arg: (layouts.moved(arg), layouts.sizes[arg]))
    order = layouts.order(leader)
    args = tuple(layouts.get(arg, order) for arg in step.args)
    (axis,) = step.signature.attributes
    return layouts.record(step.signature.operation, args, (order.index(axis),)), order


def _flip(layouts: Layouts, step: Step) -> tuple[int, Shape]:
    value, order = layouts.values[step.args[0]]
    (axes,) = step.signature.attributes
    moved = tuple(sorted(order.index(axis) for axis in axes))
    return layouts.record(step.signature.operation, (value,), (moved,)), order


_RULES: dict[str, Callable[[Layouts, Step], tuple[int, Shape]]] = {
    "permute": _permute,
    "broadcast": _broadcast,
    "reshape": _reshape,
    "slice": _along_axes(0, 1),
    "slice_put": _along_axes(0),
    "pad": _along_axes(0, 1),
    "concat": _concat,
    "flip": _flip,
}
