"""The check: what a backend computes, held against the NumPy definitions.

`RETROGRAD_CHECK=1` has every program checked, and `checking()` those of a block. A program runs as it always does, on
its own inputs, of which copies were taken: outputs may overwrite them. Then

1. the graph is followed node by node. The backend runs each node as a program of its own, and NumPy runs its
   definition on the same inputs; they may differ by what `tolerance.py` allows. The nodes after it get the backend's
   result, so that no difference is handed on. Bodies of loops and branches are followed in the same way, step by step;
2. the outputs of the program are compared with those of its nodes, bit by bit: that nodes are fused, laid out, placed
   in memory and shared among threads changes nothing. Where they differ, the program is run again and also gives the
   value of a node, of one after another, until a node comes out other than by itself.

The first node that differs is named. All of that takes many times as long as the program. Loops are not captured
meanwhile: each step is checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from retrograd.backends.base import Program
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.cache import Cache
from retrograd.core.definition import run_step
from retrograd.core.dtype import bfloat16, float16, float32, float64, from_numpy_dtype
from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph, Origin, Step
from retrograd.core.operation import ControlFlow
from retrograd.core.signature import Signature
from retrograd.core.types import TensorType
from retrograd.passes.structure import PassedStructure, Structure
from retrograd.runtime import devices
from retrograd.runtime.tolerance import allowed_difference, exceeds

Array = np.ndarray[Any, Any]

# Backends that there is nothing to hold against: one is the definition, one computes nothing.
_UNCHECKED: Final = frozenset({"reference", "null"})
_FLOATS: Final = (float16, bfloat16, float32, float64)


@dataclass(frozen=True)
class Difference:
    """A node whose result is not what it should be.

    Attributes:
        operation: of the node, with its attributes.
        inputs, output: their types.
        place: "node 3 of 12", with the loops that it is in.
        origin: what of the user's program it comes from, the outermost first.
        alone: whether it differs from its definition when it runs by itself, and not from itself in the program.
        index: of the element with the largest difference.
        made, expected: what the backend has there, and what should be there.
        largest: that difference; infinite if one of the two is no number.
        allowed: how much would be right there.
        count: how many elements differ too much.
    """

    operation: str
    inputs: tuple[TensorType, ...]
    output: TensorType
    place: str
    origin: Origin
    alone: bool
    index: tuple[int, ...]
    made: Any
    expected: Any
    largest: float
    allowed: float
    count: int

    def __str__(self) -> str:
        takes = ", ".join(map(repr, self.inputs))
        against = "its NumPy definition" if self.alone else "the same node run by itself"
        lines = [
            f"{self.place}: {self.operation}({takes}) -> {self.output!r} differs from {against}",
            f"  it comes from {' > '.join(self.origin) or self.operation}",
            f"  largest difference {self.largest:g}, where {self.allowed:g} is allowed, at {list(self.index)}: "
            f"{devices.state.name} {self.made!r}, expected {self.expected!r}",
            f"  {self.count} of {self.output.size} elements differ too much",
        ]
        return "\n".join(lines)


class DifferenceError(InternalError):
    """A backend computes something else than the definition says.

    Attributes:
        difference: what, and where.
    """

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"{devices.state.name} backend: {difference}")
        self.difference = difference

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.difference,)


@dataclass
class Checked:
    """What was checked within a block.

    Attributes:
        differences: one for each program that differs.
        programs, nodes: how many were run beside their definitions.
    """

    differences: list[Difference]
    programs: int = 0
    nodes: int = 0


class _State:
    """Whether programs are checked, and who collects what is found; nobody: it is raised."""

    def __init__(self) -> None:
        self.always = os.environ.get("RETROGRAD_CHECK") == "1"
        self.collector: Checked | None = None

    @property
    def is_on(self) -> bool:
        return (self.always or self.collector is not None) and devices.state.name not in _UNCHECKED


state: Final = _State()


@contextmanager
def checking() -> Iterator[Checked]:
    """Check the programs that run within, and collect the differences instead of raising them."""
    before, state.collector = state.collector, Checked([])
    try:
        yield state.collector
    finally:
        state.collector = before


@dataclass(frozen=True)
class Plan:
    """What a program was compiled of."""

    structure: Structure
    tier: int


def run_checked(program: Program, plan: Plan, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
    """Run a program, and check it.

    Raises:
        DifferenceError: it does not compute what it should, and nobody collects differences. As after an interrupt,
            inputs that it has overwritten are as before.
    """
    given = [x if isinstance(x, Scalar) else _copy(x) for x in inputs]
    program.run(inputs, outputs)
    made = [buffer.array().copy() for buffer in outputs]
    collector = state.collector
    try:
        _check(plan, given, made)
    except BaseException as error:
        if collector is None or not isinstance(error, DifferenceError):
            _restore(plan, inputs, given)
            raise
        collector.differences.append(error.difference)
    if collector is not None:
        collector.programs += 1
        collector.nodes += len(plan.structure.graph.steps)


def _restore(plan: Plan, inputs: Sequence[Buffer | Scalar], given: Sequence[Buffer | Scalar]) -> None:
    """Give inputs that outputs were written over their values back."""
    for place in {alias for alias in plan.structure.aliases if alias >= 0}:
        buffer, saved = inputs[place], given[place]
        assert isinstance(buffer, Buffer) and isinstance(saved, Buffer)
        np.copyto(buffer.array(), saved.array())


def _check(plan: Plan, given: Sequence[Buffer | Scalar], made: Sequence[Array]) -> None:
    """Both parts of the check.

    Raises:
        DifferenceError: the first node that differs.
    """
    graph = plan.structure.graph
    values = _Followed(graph, "program").values([_array(x, t) for x, t in zip(given, graph.inputs, strict=True)])
    for number, value in enumerate(graph.outputs):
        if _bits_differ(made[number], values[value]).any():
            raise DifferenceError(_first_in_program(plan, given, values, value, made[number]))


# -- node by node -----------------------------------------------------------------------------------------------------


class _Followed:
    """A graph, node by node.

    Args:
        graph: of primitives and control flow.
        where: the program, or the body, that it is.
    """

    def __init__(self, graph: Graph, where: str) -> None:
        self.graph, self.where = graph, where

    def outputs(self, arrays: Sequence[Array]) -> list[Array]:
        values = self.values(arrays)
        return [values[value] for value in self.graph.outputs]

    def values(self, arrays: Sequence[Array]) -> list[Array]:
        """All values, as the backend computes them node by node.

        Raises:
            DifferenceError: a node differs from its definition.
        """
        values = [np.asarray(x, order="C") for x in arrays]
        for place, step in enumerate(self.graph.steps):
            values += self._step(place, step, [values[arg] for arg in step.args])
        return values

    def _step(self, place: int, step: Step, args: list[Array]) -> list[Array]:
        made = _run_alone(step.signature, args)
        expected = run_step(step, args)
        flow = isinstance(step.signature.operation, ControlFlow)
        if flow and any(_bits_differ(a, b).any() for a, b in zip(made, expected, strict=True)):
            expected = self._follow(step, args, f"{step.signature.operation.name} at {self.place(place)}")
        for number, (result, wanted) in enumerate(zip(made, expected, strict=True)):
            allowed = 0.0 if flow else allowed_difference(step, args, wanted)
            wrong = exceeds(result, wanted, allowed)
            if wrong.any():
                title, inputs, output = _title(step.signature), step.signature.inputs, step.signature.outputs[number]
                where = self.place(place)
                raise DifferenceError(
                    _describe(title, inputs, output, step.origin, where, True, result, wanted, wrong, allowed)
                )
        return made

    def place(self, place: int) -> str:
        return f"node {place + 1} of {len(self.graph.steps)} of the {self.where}"

    def _follow(self, step: Step, args: list[Array], where: str) -> list[Array]:
        """What control flow gives if its bodies are followed."""
        operation, outputs = step.signature.operation, step.signature.outputs
        assert isinstance(operation, ControlFlow)

        def run(body: Graph, arrays: Sequence[Array]) -> list[Array]:
            given = [np.asarray(x, type_.dtype.numpy) for x, type_ in zip(arrays, body.inputs, strict=True)]
            return _Followed(body, f"body of {where}").outputs(given)

        made = operation.reference(run, *args, *step.signature.attributes)
        return [np.asarray(y, type_.dtype.numpy) for y, type_ in zip(made, outputs, strict=True)]


_alone: Final[Cache[tuple[object, ...], Program]] = Cache(limit=1 << 10)


def _run_alone(signature: Signature, args: Sequence[Array]) -> list[Array]:
    """A node as a program of its own."""
    key = devices.state.key, signature
    program = _alone.get(key)
    if program is None:
        count = len(args)
        values = range(count, count + len(signature.outputs))
        graph = Graph(signature.inputs, (Step(signature, tuple(range(count))),), tuple(values))
        compiled = devices.backend().compile(PassedStructure(graph, [False] * count, [-1] * len(values)), 0)
        program = _alone.put(key, compiled)
    inputs = [Buffer.copy_of(x, type_) for x, type_ in zip(args, signature.inputs, strict=True)]
    outputs = [Buffer(type_) for type_ in signature.outputs]
    program.run(inputs, outputs)
    return [buffer.array() for buffer in outputs]


# -- the program as a whole -------------------------------------------------------------------------------------------


def _first_in_program(
    plan: Plan, given: Sequence[Buffer | Scalar], values: list[Array], output: int, made: Array
) -> Difference:
    """The first node that an output depends on and that the program has otherwise than the node by itself.

    If looking at a value makes the program right, the node that gives the output is named.
    """
    graph = plan.structure.graph
    makers = _makers(graph)
    for value in _before(graph, makers, output):
        seen = _run_with(plan, given, value)
        if _bits_differ(seen, values[value]).any():
            return _in_program(graph, makers[value], value, seen, values[value])
    return _in_program(graph, makers.get(output), output, made, values[output])


def _in_program(graph: Graph, place: int | None, value: int, made: Array, expected: Array) -> Difference:
    wrong = _bits_differ(made, expected)
    if place is None:
        type_ = graph.types[value]
        return _describe("copy of an input", (type_,), type_, (), "an output", False, made, expected, wrong, 0.0)
    step = graph.steps[place]
    where = _Followed(graph, "program").place(place)
    signature = step.signature
    return _describe(
        _title(signature), signature.inputs, graph.types[value], step.origin, where, False, made, expected, wrong, 0.0
    )


def _makers(graph: Graph) -> dict[int, int]:
    """The place of the step that gives each value."""
    value, makers = len(graph.inputs), {}
    for place, step in enumerate(graph.steps):
        for _ in step.signature.outputs:
            makers[value] = place
            value += 1
    return makers


def _before(graph: Graph, makers: dict[int, int], output: int) -> list[int]:
    """The values that an output is made of, in order; inputs are none."""
    found: set[int] = set()
    stack = [output]
    while stack:
        place = makers.get(stack.pop())
        for arg in graph.steps[place].args if place is not None else ():
            if arg in makers and arg not in found:
                found.add(arg)
                stack.append(arg)
    return sorted(found)


def _run_with(plan: Plan, given: Sequence[Buffer | Scalar], value: int) -> Array:
    """What a program has for a value, if it is to give it as well."""
    outputs = (*plan.structure.graph.outputs, value)
    graph = Graph(plan.structure.graph.inputs, plan.structure.graph.steps, outputs)
    aliases = [*plan.structure.aliases, -1]
    program = devices.backend().compile(PassedStructure(graph, plan.structure.scalars, aliases), plan.tier)
    inputs = [x if isinstance(x, Scalar) else _copy(x) for x in given]
    buffers = [
        inputs[alias] if alias >= 0 else Buffer(graph.types[value])
        for alias, value in zip(aliases, outputs, strict=True)
    ]
    program.run(inputs, buffers)  # type: ignore[arg-type]
    found = buffers[-1]
    assert isinstance(found, Buffer)
    return found.array()


# -- arrays -----------------------------------------------------------------------------------------------------------


def _copy(buffer: Buffer) -> Buffer:
    return Buffer.copy_of(buffer.array(), buffer.type)


def _array(given: Buffer | Scalar, type_: TensorType) -> Array:
    if isinstance(given, Buffer):
        return given.array()
    with np.errstate(over="ignore"):
        return np.asarray(given.value, type_.dtype.numpy)


def _bits_differ(a: Array, b: Array) -> Array:
    """Where two arrays of one type differ in any bit, where all NaNs are one."""
    bits = np.dtype(f"u{a.itemsize}")
    differ = np.asarray(a, order="C").view(bits) != np.asarray(b, order="C").view(bits)
    if from_numpy_dtype(a.dtype) in _FLOATS:
        differ &= ~(np.isnan(a) & np.isnan(b))
    return np.asarray(differ)


def _title(signature: Signature) -> str:
    """An operation with what of its attributes is short."""
    name, attributes = signature.operation.name, signature.attributes
    if not attributes or isinstance(signature.operation, ControlFlow):
        return name
    return f"{name} {{{', '.join(map(repr, attributes))}}}"


def _describe(
    operation: str,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    origin: Origin,
    place: str,
    alone: bool,
    made: Array,
    expected: Array,
    wrong: Array,
    allowed: Array | float,
) -> Difference:
    """The largest of the differences that are too large."""
    with np.errstate(all="ignore"):
        distance = np.abs(made.astype(np.float64) - expected.astype(np.float64))
    distance = np.where(np.isnan(distance), np.inf, distance)
    index = np.unravel_index(int(np.argmax(np.where(wrong, distance, -1.0))), distance.shape)
    return Difference(
        operation=operation,
        inputs=inputs,
        output=output,
        place=place,
        origin=origin,
        alone=alone,
        index=tuple(map(int, index)),
        made=made[index].item(),
        expected=expected[index].item(),
        largest=float(distance[index]),
        allowed=float(np.broadcast_to(allowed, distance.shape)[index]),
        count=int(wrong.sum()),
    )
