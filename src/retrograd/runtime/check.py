"""The check: what a backend computes, held against the NumPy definitions.

`RETROGRAD_CHECK=1` has every program checked, and `checking()` those of a block. A program runs as it always does, on
its own inputs, of which copies were taken: outputs may overwrite them. Then

1. the graph is followed node by node. The backend runs each node as a program of its own, and NumPy runs its
   definition on the same inputs; they may differ by what `tolerance.py` allows. The nodes after it get the backend's
   result, so that no difference is handed on. Bodies of loops and branches are followed in the same way, step by step;
2. the outputs of the program are compared with those of its nodes, bit by bit: that nodes are fused, laid out, placed
   in memory and shared among threads changes nothing. Where they differ, the program is run again and also gives the
   value of a node, of one after another, until a node comes out other than by itself.

The first node that differs is named. All of that takes many times as long as the program. Loops are captured as ever,
and each of their steps is checked (`check_repeat.py`).
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
from retrograd.core.graph import Graph
from retrograd.core.types import TensorType
from retrograd.passes.structure import PassedStructure, Structure
from retrograd.runtime import devices
from retrograd.runtime.difference import Difference, DifferenceError, bits_differ, describe, title_of
from retrograd.runtime.followed import Followed

Array = np.ndarray[Any, Any]

# Backends that there is nothing to hold against: one is the definition, one computes nothing.
_UNCHECKED: Final = frozenset({"reference", "null"})


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
    with collected(plan, inputs, given):
        compare_with_definitions(plan, given, made)


@contextmanager
def collected(
    plan: Plan, inputs: Sequence[Buffer | Scalar], given: Sequence[Buffer | Scalar], runs: int = 1
) -> Iterator[None]:
    """Collect the difference that is found within; or raise it, and give `inputs` that were overwritten back the values
    that are in `given`. So many runs were looked at."""
    collector = state.collector
    try:
        yield
    except BaseException as error:
        if collector is None or not isinstance(error, DifferenceError):
            _restore(plan, inputs, given)
            raise
        collector.differences.append(error.difference)
    if collector is not None:
        collector.programs += runs
        collector.nodes += runs * len(plan.structure.graph.steps)


def _restore(plan: Plan, inputs: Sequence[Buffer | Scalar], given: Sequence[Buffer | Scalar]) -> None:
    """Give inputs that outputs were written over their values back."""
    for place in {alias for alias in plan.structure.aliases if alias >= 0}:
        buffer, saved = inputs[place], given[place]
        assert isinstance(buffer, Buffer) and isinstance(saved, Buffer)
        np.copyto(buffer.array(), saved.array())


def compare_with_definitions(plan: Plan, given: Sequence[Buffer | Scalar], made: Sequence[Array]) -> None:
    """Both parts of the check, of outputs that a program has made of inputs.

    Raises:
        DifferenceError: the first node that differs.
    """
    graph = plan.structure.graph
    values = Followed(graph, "program").values([_array(x, t) for x, t in zip(given, graph.inputs, strict=True)])
    for number, value in enumerate(graph.outputs):
        if bits_differ(made[number], values[value]).any():
            raise DifferenceError(_first_in_program(plan, given, values, value, made[number]))


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
        if bits_differ(seen, values[value]).any():
            return difference_in_program(graph, value, seen, values[value])
    return difference_in_program(graph, output, made, values[output])


def difference_in_program(graph: Graph, value: int, made: Array, expected: Array) -> Difference:
    """The difference of a value that a program has made otherwise than the node that gives it."""
    place = _makers(graph).get(value)
    wrong = bits_differ(made, expected)
    if place is None:
        type_ = graph.types[value]
        return describe("copy of an input", (type_,), type_, (), "an output", False, made, expected, wrong, 0.0)
    step = graph.steps[place]
    where = Followed(graph, "program").place(place)
    signature = step.signature
    return describe(
        title_of(signature), signature.inputs, graph.types[value], step.origin, where, False, made, expected, wrong, 0.0
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
