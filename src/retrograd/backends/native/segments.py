"""Fallback: a step without a native kernel runs by its NumPy definition between two native segments of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from retrograd.backends.base import Program
from retrograd.backends.native.gather import ADDABLE
from retrograd.backends.native.ordering import LONGEST_LINE
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.definition import run_step
from retrograd.core.dtype import bool_
from retrograd.core.graph import Graph, Step
from retrograd.ops.constant import CONST
from retrograd.ops.loop import Loop
from retrograd.ops.scan import SCAN

# Primitives that always have a kernel; the others are named with their condition in `is_native`.
_UNLESS: dict[str, Callable[[Step], bool]] = {
    "convolution": lambda step: step.signature.type.dtype.is_floating_point and step.signature.type.ndim <= 5,
    **dict.fromkeys(
        ("max_pool", "max_pool_gather", "max_pool_scatter", "sum_pool"), lambda step: step.signature.type.ndim <= 5
    ),
    **dict.fromkeys(("cumarg", "gather", "searchsorted"), lambda step: step.signature.type.size > 0),
    **dict.fromkeys(
        ("cumsum", "recurrence"), lambda step: step.signature.type.size > 0 and step.signature.type.dtype is not bool_
    ),
    "argsort": lambda step: step.signature.type.size > 0 and max(step.signature.inputs[0].shape) <= LONGEST_LINE,
    "matmul": lambda step: step.signature.type.dtype.is_floating_point,
    "scatter": lambda step: step.signature.inputs[1].size > 0,
    "take_add": lambda step: step.signature.type.dtype.name in ADDABLE,
    "take": lambda step: step.signature.type.size > 0,
}
_ALWAYS = frozenset(
    "const iota reshape permute broadcast slice slice_put pad concat flip unfold add sub mul div floor_divide "
    "remainder pow maximum minimum neg abs sign floor ceil round trunc sqrt exp exp2 expm1 log log2 log10 log1p sin "
    "cos tanh erf atan eq ne lt le gt ge and or xor invert shift_left shift_right select cast bitcast sum prod max "
    "min positions "
    "random_key random_bits".split()
)

# The arguments from this place on say where a region starts.
_OFFSETS_FROM = {"slice": 1, "slice_put": 2}


def is_native(step: Step) -> bool:
    """Whether the native backend has a kernel for a step that is no loop."""
    name = step.signature.operation.name
    return name in _ALWAYS or (name in _UNLESS and _UNLESS[name](step))


def native_steps(graph: Graph) -> list[bool]:
    """For each step of a graph, whether the native backend runs it."""
    return _native_steps(graph, set(range(len(graph.inputs))))


def _native_steps(graph: Graph, given: set[int]) -> list[bool]:
    """As above, where the values `given` are known before the program begins."""
    return [
        _is_native_loop(step, given) if step.signature.operation is SCAN else is_native(step) for step in graph.steps
    ]


def _is_native_loop(step: Step, given: set[int]) -> bool:
    """Whether a loop's body has kernels, and where slices start in it is known before the program begins."""
    loop = Loop.of(step.signature.attributes)
    body = loop.body
    first_constant = loop.carries + loop.streams
    known = {i for i, arg in enumerate(step.args) if i >= first_constant and arg in given}
    first = len(body.inputs)
    starts = known | {first + i for i, inner in enumerate(body.steps) if inner.signature.operation is CONST}
    offsets = {
        arg
        for inner in body.steps
        for arg in inner.args[_OFFSETS_FROM.get(inner.signature.operation.name, len(inner.args)) :]
    }
    return offsets <= starts and all(_native_steps(body, known))


@dataclass(frozen=True)
class Segment:
    """Consecutive steps: a native program, or one step for NumPy.

    Attributes:
        inputs, outputs: values of the whole graph.
    """

    run: Program | Step
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class SegmentedProgram:
    """A graph in segments. It is not captured by loops: Python runs between its segments.

    Args:
        graph: with steps that have no kernel among them.
        scalars: which inputs are Python numbers.
        compile_native: makes a native program of a graph all of whose steps have kernels.
    """

    repeatable = False

    def __init__(
        self, graph: Graph, scalars: Sequence[bool], compile_native: Callable[[Graph, Sequence[bool]], Program]
    ) -> None:
        self.graph = graph
        self.segments: list[Segment] = []
        counts = (len(step.signature.outputs) for step in graph.steps)
        self._values = list(accumulate(counts, initial=len(graph.inputs)))
        pending: list[int] = []
        for place, (step, native) in enumerate(zip(graph.steps, native_steps(graph), strict=True)):
            if native:
                pending.append(place)
                continue
            self._close(pending, scalars, compile_native)
            pending = []
            self.segments.append(Segment(step, step.args, self._made_by(place)))
        self._close(pending, scalars, compile_native)

    def _made_by(self, place: int) -> tuple[int, ...]:
        """The values that a step gives."""
        return tuple(range(self._values[place], self._values[place + 1]))

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        values: dict[int, Buffer | Scalar] = dict(enumerate(inputs))
        for segment in self.segments:
            made = [Buffer(self.graph.types[value]) for value in segment.outputs]
            given = [values[value] for value in segment.inputs]
            if isinstance(segment.run, Step):
                arrays = [self._array(x, value) for x, value in zip(given, segment.inputs, strict=True)]
                for buffer, array in zip(made, run_step(segment.run, arrays), strict=True):
                    np.copyto(buffer.array(), array)
            else:
                segment.run.run(given, made)
            values.update(zip(segment.outputs, made, strict=True))
        # Outputs may overwrite inputs: nothing is written before everything is known.
        results = [self._array(values[value], value).copy() for value in self.graph.outputs]
        for buffer, result in zip(outputs, results, strict=True):
            np.copyto(buffer.array(), result)

    def _array(self, given: Buffer | Scalar, value: int) -> np.ndarray[Any, Any]:
        if isinstance(given, Scalar):
            return np.asarray(given.value, self.graph.types[value].dtype.numpy)
        return given.array()

    def _close(
        self,
        places: list[int],
        scalars: Sequence[bool],
        compile_native: Callable[[Graph, Sequence[bool]], Program],
    ) -> None:
        """Make a native segment of the steps in these places."""
        if not places:
            return
        graph, count = self.graph, len(self.graph.inputs)
        values = [value for place in places for value in self._made_by(place)]
        inside, own = set(values), set(places)
        steps = [graph.steps[place] for place in places]
        inputs = tuple(dict.fromkeys(arg for step in steps for arg in step.args if arg not in inside))
        others = {arg for place, step in enumerate(graph.steps) if place not in own for arg in step.args}
        outputs = tuple(v for v in values if v in others or v in graph.outputs)
        number = {value: i for i, value in enumerate((*inputs, *values))}
        part = Graph(
            tuple(graph.types[value] for value in inputs),
            tuple(Step(step.signature, tuple(number[arg] for arg in step.args)) for step in steps),
            tuple(number[value] for value in outputs),
        )
        numbers = [value < count and scalars[value] for value in inputs]
        self.segments.append(Segment(compile_native(part, numbers), inputs, outputs))
