"""Fallback: a step without a native kernel runs by its NumPy definition between two native segments of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograd.backends.base import Program
from retrograd.backends.native.gather import ADDABLE
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Primitive

# Primitives that always have a kernel; the others are named with their condition in `is_native`.
_UNLESS: dict[str, Callable[[Step], bool]] = {
    "matmul": lambda step: step.signature.type.dtype.is_floating_point,
    "take_add": lambda step: step.signature.type.dtype.name in ADDABLE,
    "take": lambda step: step.signature.type.size > 0,
}
_ALWAYS = frozenset(
    "const iota reshape permute broadcast slice slice_put pad concat flip add sub mul div floor_divide remainder pow "
    "maximum minimum neg abs sign floor ceil round trunc sqrt exp expm1 log log1p sin cos tanh erf eq ne lt le gt ge "
    "and or xor invert select cast sum prod max min".split()
)


def is_native(step: Step) -> bool:
    """Whether the native backend has a kernel for a step."""
    name = step.signature.operation.name
    return name in _ALWAYS or (name in _UNLESS and _UNLESS[name](step))


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
        count = len(graph.inputs)
        defined = [count + i for i in range(len(graph.steps))]
        pending: list[int] = []
        for value, step in zip(defined, graph.steps, strict=True):
            if is_native(step):
                pending.append(value)
                continue
            self._close(pending, scalars, compile_native)
            pending = []
            self.segments.append(Segment(step, step.args, (value,)))
        self._close(pending, scalars, compile_native)

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        values: dict[int, Buffer | Scalar] = dict(enumerate(inputs))
        for segment in self.segments:
            made = [Buffer(self.graph.types[value]) for value in segment.outputs]
            given = [values[value] for value in segment.inputs]
            if isinstance(segment.run, Step):
                np.copyto(made[0].array(), self._reference(segment.run, given))
            else:
                segment.run.run(given, made)
            values.update(zip(segment.outputs, made, strict=True))
        # Outputs may overwrite inputs: nothing is written before everything is known.
        results = [self._array(values[value], value).copy() for value in self.graph.outputs]
        for buffer, result in zip(outputs, results, strict=True):
            np.copyto(buffer.array(), result)

    def _reference(self, step: Step, given: list[Buffer | Scalar]) -> np.ndarray[Any, Any]:
        operation = step.signature.operation
        assert isinstance(operation, Primitive)
        arrays = [self._array(x, value) for x, value in zip(given, step.args, strict=True)]
        return np.asarray(operation.reference(*arrays, *step.signature.attributes))

    def _array(self, given: Buffer | Scalar, value: int) -> np.ndarray[Any, Any]:
        if isinstance(given, Scalar):
            return np.asarray(given.value, self.graph.types[value].dtype.numpy)
        return given.array()

    def _close(
        self,
        values: list[int],
        scalars: Sequence[bool],
        compile_native: Callable[[Graph, Sequence[bool]], Program],
    ) -> None:
        """Make a native segment of the steps that define `values`."""
        if not values:
            return
        graph, count = self.graph, len(self.graph.inputs)
        inside = set(values)
        steps = [graph.steps[value - count] for value in values]
        inputs = tuple(dict.fromkeys(arg for step in steps for arg in step.args if arg not in inside))
        others = {arg for i, step in enumerate(graph.steps) if count + i not in inside for arg in step.args}
        outputs = tuple(v for v in values if v in others or v in graph.outputs)
        number = {value: i for i, value in enumerate((*inputs, *values))}
        part = Graph(
            tuple(graph.types[value] for value in inputs),
            tuple(Step(step.signature, tuple(number[arg] for arg in step.args)) for step in steps),
            tuple(number[value] for value in outputs),
        )
        numbers = [value < count and scalars[value] for value in inputs]
        self.segments.append(Segment(compile_native(part, numbers), inputs, outputs))
