"""Where values lie: a view is the memory of a root value with offsets and strides.

Movements (reshape, permute, broadcast, slice, flip, unfold) of a value cost nothing: they are views of its root.
Where a reshape has no strides, the value is copied once and the copy is the root of what follows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from retrograd.backends.native.loop_plan import LoopPlan, plan_loops
from retrograd.core.graph import Graph
from retrograd.core.types import Shape, contiguous_strides

MOVEMENTS = frozenset({"reshape", "permute", "broadcast", "slice", "flip", "unfold"})


class Start(NamedTuple):
    """Where a slice starts along an axis, known at run time: an input, clamped to 0 .. most so that all lies within."""

    value: int
    most: int


@dataclass(frozen=True, slots=True)
class View:
    """Elements of a root value; offset and strides count elements.

    Attributes:
        root: the value whose memory it is.
        dynamic: run-time parts of the offset: (start, elements a unit of it moves).
    """

    root: int
    shape: Shape
    strides: Shape
    offset: int = 0
    dynamic: tuple[tuple[Start, int], ...] = ()

    @property
    def dense(self) -> bool:
        """Whether it is the whole of the root in row-major order, if the root has as many elements."""
        expected = contiguous_strides(self.shape)
        return (
            self.offset == 0
            and not self.dynamic
            and all(n == 1 or a == b for n, a, b in zip(self.shape, self.strides, expected, strict=True))
        )


def squeezed(shape: Shape) -> Shape:
    """A shape without axes of extent 1."""
    return tuple(n for n in shape if n != 1)


def dense_view(root: int, shape: Shape) -> View:
    return View(root, shape, contiguous_strides(shape))


class ViewTable:
    """The view of every value of a graph.

    Attributes:
        views: by value.
        copies: values that are computed by copying the view given here: reshapes that have no strides.
        starts: where slices start, known at run time.
        loops: the plans of loops, by the value of their first output.

    Args:
        graph: single-valued steps.
        inputs: how the inputs lie, where they are not dense: each a view of a root with its own number.
    """

    def __init__(self, graph: Graph, inputs: Sequence[View] | None = None) -> None:
        dense = [dense_view(i, type_.shape) for i, type_ in enumerate(graph.inputs)]
        self.views: list[View] = dense if inputs is None else list(inputs)
        self.copies: dict[int, View] = {}
        self.starts: set[Start] = set()
        self.loops: dict[int, LoopPlan] = plan_loops(graph)
        of_loops = {
            value: View(region.root, region.shape, contiguous_strides(region.shape), region.offset)
            for plan in self.loops.values()
            for value, region in zip(plan.values, plan.outputs, strict=True)
        }
        self._constants: dict[int, Any] = {}
        for step in graph.steps:
            value = len(self.views)
            name, attributes = step.signature.operation.name, step.signature.attributes
            if name == "const" and not attributes[2]:
                self._constants[value] = attributes[0]
            if name in MOVEMENTS:
                self.views.append(self._move(value, name, step.args, attributes, step.signature.type.shape))
            else:
                self.views.append(of_loops.get(value) or dense_view(value, step.signature.type.shape))

    def offset_of(
        self, args: tuple[int, ...], strides: Shape, shape: Shape, sizes: Shape, steps: Shape
    ) -> tuple[int, tuple[tuple[Start, int], ...]]:
        """The static and the dynamic part of where a region of `shape` starts, in elements."""
        static, dynamic = 0, []
        for arg, stride, extent, size, step in zip(args, strides, shape, sizes, steps, strict=True):
            most = extent - ((size - 1) * abs(step) + 1 if size else 0)
            if arg in self._constants:
                static += min(max(self._constants[arg], 0), most) * stride
            else:
                start = Start(arg, most)
                self.starts.add(start)
                dynamic.append((start, stride))
        return static, tuple(dynamic)

    def _move(self, value: int, name: str, args: tuple[int, ...], attributes: Any, shape: Shape) -> View:
        x = self.views[args[0]]
        if name == "reshape":
            strides = _reshaped(x, shape)
            if strides is None:
                self.copies[value] = x
                return dense_view(value, shape)
            return View(x.root, shape, strides, x.offset, x.dynamic)
        if name == "permute":
            return View(x.root, shape, tuple(x.strides[i] for i in attributes[0]), x.offset, x.dynamic)
        if name == "broadcast":
            strides = tuple(0 if a != n else s for a, n, s in zip(x.shape, shape, x.strides, strict=True))
            return View(x.root, shape, strides, x.offset, x.dynamic)
        if name == "flip":
            axes = attributes[0]
            end = sum((x.shape[i] - 1) * x.strides[i] for i in axes if x.shape[i])
            strides = tuple(-s if i in axes else s for i, s in enumerate(x.strides))
            return View(x.root, shape, strides, x.offset + end, x.dynamic)
        if name == "unfold":
            axis, _, step = attributes
            strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :], x.strides[axis])
            return View(x.root, shape, strides, x.offset, x.dynamic)
        static, dynamic = self.offset_of(args[1:], x.strides, x.shape, shape, attributes[1])
        strides = tuple(s * d for s, d in zip(x.strides, attributes[1], strict=True))
        return View(x.root, shape, strides, x.offset + static, x.dynamic + dynamic)


def reshaped(x: View, shape: Shape) -> View | None:
    """x in another shape, or None where only a copy has it."""
    strides = _reshaped(x, shape)
    return None if strides is None else View(x.root, shape, strides, x.offset, x.dynamic)


def _reshaped(x: View, shape: Shape) -> Shape | None:
    """The strides of x in another shape, by NumPy's own rule, or None where only a copy has it."""
    if x.dense or 0 in shape:
        return contiguous_strides(shape)
    if x.shape == shape:
        return x.strides
    sources = [(n, stride) for n, stride in zip(x.shape, x.strides, strict=True) if n != 1]
    strides: list[int] = []
    extents: list[int] = []
    for extent in shape:
        extents.append(extent)
        if math.prod(extents) == 1:
            continue
        found = _taken(sources, math.prod(extents))
        if found is None:
            return None
        if found:
            strides += [found[0] * step for step in contiguous_strides(tuple(extents))]
            extents = []
    last = strides[-1] if strides else 1
    return (*strides, *(last for _ in extents))


def _taken(sources: list[tuple[int, int]], size: int) -> tuple[int, ...] | None:
    """Take leading axes of `sources` that have `size` elements together: (their last stride,), () if no axes have so
    few, None if they do not step evenly.
    """
    count, elements = 0, 1
    while elements < size:
        elements *= sources[count][0]
        count += 1
    if elements != size:
        return ()
    taken = sources[:count]
    del sources[:count]
    even = all(a == n * b for (_, a), (n, b) in pairwise(taken))
    return (taken[-1][1],) if even else None
