"""Fallback: a step without a native kernel runs by its definition between two native segments of the program.

For a primitive NumPy computes it. Control flow is led by Python, and its bodies are programs of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from retrograd.backends.base import Program
from retrograd.backends.native.ordering import LONGEST_LINE
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.definition import run_step
from retrograd.core.graph import Graph, Step
from retrograd.core.interrupt import let_in
from retrograd.core.operation import ControlFlow, Primitive
from retrograd.ops.constant import CONST
from retrograd.ops.loop import Loop
from retrograd.ops.scan import SCAN

Array = np.ndarray[Any, Any]

# Primitives that have a kernel under a condition; docs/architecture.md has the list of all that falls back.
_UNLESS: dict[str, Callable[[Step], bool]] = {
    "argsort": lambda step: max(step.signature.inputs[0].shape) <= LONGEST_LINE,
    **dict.fromkeys(
        ("max_pool", "max_pool_gather", "max_pool_scatter", "sum_pool"), lambda step: step.signature.type.ndim <= 5
    ),
}
_ALWAYS = frozenset(
    "const iota reshape permute broadcast slice slice_put pad concat flip unfold add sub mul div floor_divide "
    "remainder pow maximum minimum neg abs sign floor ceil round trunc sqrt exp exp2 expm1 log log2 log10 log1p sin "
    "cos tanh erf atan eq ne lt le gt ge and or xor invert shift_left shift_right gcd select cast bitcast sum prod "
    "max min positions random_key random_bits take take_add gather scatter cumarg cumsum recurrence searchsorted "
    "matmul convolution".split()
)

# The arguments from this place on say where a region starts.
_OFFSETS_FROM = {"slice": 1, "slice_put": 2}


def is_native(step: Step) -> bool:
    """Whether the native backend has a kernel for a step that is no loop, or needs none as nothing is computed."""
    name = step.signature.operation.name
    if isinstance(step.signature.operation, Primitive) and step.signature.type.size == 0:
        return True
    return name in _ALWAYS or (name in _UNLESS and _UNLESS[name](step))


def native_steps(graph: Graph) -> list[bool]:
    """For each step of a graph, whether the native backend runs it."""
    return _native_steps(graph, set(range(len(graph.inputs))))


def _native_steps(graph: Graph, given: set[int]) -> list[bool]:
    """As above, where the values `given` are known before the program begins."""
    known = given | _constants(graph)
    return [
        known.issuperset(_offsets(step))
        and (_is_native_loop(step, given) if step.signature.operation is SCAN else is_native(step))
        for step in graph.steps
    ]


def _offsets(step: Step) -> tuple[int, ...]:
    """The arguments of a step that say where a region starts: a table of launches has them before it runs."""
    return step.args[_OFFSETS_FROM.get(step.signature.operation.name, len(step.args)) :]


def _constants(graph: Graph) -> set[int]:
    """The values of steps that are one number."""
    counts = (len(step.signature.outputs) for step in graph.steps)
    values = accumulate(counts, initial=len(graph.inputs))
    return {value for value, step in zip(values, graph.steps, strict=False) if step.signature.operation is CONST}


def _is_native_loop(step: Step, given: set[int]) -> bool:
    """Whether all of a loop's body has kernels, where what the loop only reads and is among `given` is known before."""
    loop = Loop.of(step.signature.attributes)
    first_constant = loop.carries + loop.streams
    return all(_native_steps(loop.body, {i for i, arg in enumerate(step.args) if i >= first_constant and arg in given}))


@dataclass(frozen=True)
class Segment:
    """Consecutive steps: a native program, or one step that has no kernel.

    Attributes:
        inputs, outputs: values of the whole graph.
    """

    run: Program | Step
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class SegmentedProgram:
    """A graph in segments. It is not captured by loops: Python runs between its segments.

    Attributes:
        timed: whether runs add up the time of each step between native programs.
        nanoseconds: that time, by segment.

    Args:
        graph: with steps that have no kernel among them.
        scalars: which inputs are Python numbers.
        compile_native: makes a native program of a graph all of whose steps have kernels.
        compile_body: makes a program of a body.
    """

    repeatable = False

    def __init__(
        self,
        graph: Graph,
        scalars: Sequence[bool],
        compile_native: Callable[[Graph, Sequence[bool]], Program],
        compile_body: Callable[[Graph], Program],
    ) -> None:
        self.graph = graph
        self._compile_body = compile_body
        self._bodies: dict[int, Program] = {}
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
        self.timed = False
        self.reset_nanoseconds()

    def reset_nanoseconds(self) -> None:
        self.nanoseconds = [0] * len(self.segments)

    def _made_by(self, place: int) -> tuple[int, ...]:
        """The values that a step gives."""
        return tuple(range(self._values[place], self._values[place + 1]))

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        values: dict[int, Buffer | Scalar] = dict(enumerate(inputs))
        for number, segment in enumerate(self.segments):
            made = [Buffer(self.graph.types[value]) for value in segment.outputs]
            given = [values[value] for value in segment.inputs]
            if isinstance(segment.run, Step):
                start = time.perf_counter_ns() if self.timed else 0
                arrays = [self._array(x, value) for x, value in zip(given, segment.inputs, strict=True)]
                for buffer, array in zip(made, self._run_step(segment.run, arrays), strict=True):
                    np.copyto(buffer.array(), array)
                if self.timed:
                    self.nanoseconds[number] += time.perf_counter_ns() - start
            else:
                segment.run.run(given, made)
                let_in()  # outputs are written at the end
            values.update(zip(segment.outputs, made, strict=True))
        # Outputs may overwrite inputs: nothing is written before everything is known.
        results = [self._array(values[value], value).copy() for value in self.graph.outputs]
        for buffer, result in zip(outputs, results, strict=True):
            np.copyto(buffer.array(), result)

    def _run_step(self, step: Step, arrays: list[Array]) -> Sequence[Array]:
        operation = step.signature.operation
        if not isinstance(operation, ControlFlow):
            return run_step(step, arrays)
        results: Sequence[Array] = operation.reference(self._run_body, *arrays, *step.signature.attributes)
        return results

    def _run_body(self, body: Graph, arrays: Sequence[Array]) -> list[Array]:
        """The outputs of a body, which the step that holds it keeps alive."""
        program = self._bodies.get(id(body))
        if program is None:
            program = self._bodies[id(body)] = self._compile_body(body)
        inputs = [Buffer.behind(np.asarray(x), type_) for x, type_ in zip(arrays, body.inputs, strict=True)]
        outputs = [Buffer(type_) for type_ in body.output_types]
        program.run(inputs, outputs)
        let_in()
        return [buffer.array() for buffer in outputs]

    def _array(self, given: Buffer | Scalar, value: int) -> Array:
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
            tuple(Step(step.signature, tuple(number[arg] for arg in step.args), step.origin) for step in steps),
            tuple(number[value] for value in outputs),
        )
        numbers = [value < count and scalars[value] for value in inputs]
        self.segments.append(Segment(compile_native(part, numbers), inputs, outputs))
