"""The check of programs that repeat: every run of a captured loop beside the NumPy definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from retrograd.backends.base import RepeatableProgram
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.types import TensorType
from retrograd.runtime.check import Plan, collected, compare_with_definitions, difference_in_program
from retrograd.runtime.difference import DifferenceError, bits_differ

Array = np.ndarray[Any, Any]


def repeat_checked(
    program: RepeatableProgram,
    plan: Plan,
    inputs: Sequence[Buffer | Scalar],
    outputs: Sequence[Buffer],
    input_steps: Mapping[int, int],
    output_steps: Mapping[int, int],
    count: int,
) -> int:
    """`program.repeat`, and a check of each run.

    The program repeats as it always does. Then it runs once more from the same state, run by run, each of them checked
    as any other program; and what the repetition has left must be what these runs gave.

    Args:
        plan: what the program was compiled of.
        program, inputs, outputs, input_steps, output_steps, count: as `repeat` takes them.

    Raises:
        DifferenceError: as for `run_checked`. Then, and after an interrupt of the check, no run counts as done.
    """
    given = [x if isinstance(x, Scalar) else x.copy() for x in inputs]
    done = program.repeat(inputs, outputs, input_steps, output_steps, count)
    try:
        with collected(plan, inputs, given, count):
            single = _SingleRuns(program, plan, given, input_steps)
            for run in range(count):
                with _told_of(run, count):
                    made = single.run(run)
                    for number, value in enumerate(plan.structure.graph.outputs):
                        step = output_steps.get(number)
                        if step is not None or run == count - 1:
                            _compare(plan, value, outputs[number], run * (step or 0), made[number])
    except BaseException:
        program.runs_done = 0
        raise
    return done


class _SingleRuns:
    """The runs of a repetition by themselves, each from the state that the one before it has left.

    Args:
        given: the inputs of the repetition, before it.
    """

    def __init__(
        self,
        program: RepeatableProgram,
        plan: Plan,
        given: Sequence[Buffer | Scalar],
        input_steps: Mapping[int, int],
    ) -> None:
        self._program, self._plan, self._given, self._steps = program, plan, given, input_steps
        self._overwritten = {alias for alias in plan.structure.aliases if alias >= 0}
        self._inputs = self._kept(given)

    def run(self, number: int) -> list[Array]:
        """The outputs of the next run, number `number`.

        Raises:
            DifferenceError: they are not what they should be.
        """
        structure = self._plan.structure
        graph = structure.graph
        for place, step in self._steps.items():
            self._inputs[place] = _part(self._given[place], number * step, graph.inputs[place])
        before = self._kept(self._inputs)
        outputs = [
            _buffer(self._inputs[alias]) if alias >= 0 else Buffer(graph.types[value])
            for alias, value in zip(structure.aliases, graph.outputs, strict=True)
        ]
        self._program.run(self._inputs, outputs)
        made = [buffer.array() for buffer in outputs]
        compare_with_definitions(self._plan, before, made)
        return made

    def _kept(self, inputs: Sequence[Buffer | Scalar]) -> list[Buffer | Scalar]:
        """Inputs, and copies of those that a run overwrites."""
        return [_buffer(x).copy() if place in self._overwritten else x for place, x in enumerate(inputs)]


@contextmanager
def _told_of(run: int, count: int) -> Iterator[None]:
    """Differences that are found within are told with the run."""
    try:
        yield
    except DifferenceError as error:
        found = error.difference
        raise DifferenceError(replace(found, place=f"{found.place}, in run {run + 1} of {count}")) from None


def _compare(plan: Plan, value: int, left: Buffer, offset: int, made: Array) -> None:
    """What a repetition has left of an output, and what the run by itself gave.

    Raises:
        DifferenceError: they differ.
    """
    graph = plan.structure.graph
    seen = _part(left, offset, graph.types[value]).array()
    if bits_differ(seen, made).any():
        raise DifferenceError(difference_in_program(graph, value, seen, made))


def _buffer(given: Buffer | Scalar) -> Buffer:
    assert isinstance(given, Buffer)
    return given


def _part(given: Buffer | Scalar, offset: int, type_: TensorType) -> Buffer:
    """What a run reads or writes of memory that holds something for each of the runs."""
    content = _buffer(given).array().reshape(-1).view(np.uint8)[offset : offset + type_.nbytes]
    return Buffer.copy_of(content.view(type_.dtype.numpy).reshape(type_.shape), type_)
