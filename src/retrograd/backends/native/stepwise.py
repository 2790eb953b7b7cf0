"""Step by step: a structure that nobody has met yet runs as it was recorded, at once.

Planning a whole structure takes many times as long as running it, and one whose like never comes again (a decoder that
flips a coin at each symbol) has nothing from being planned. So each of its steps, a composite or the gradient of one,
runs by a program of its own, which all structures share that have this step: after some steps of training there is
nothing left to be planned. By canonical arithmetic the bits are those of the whole structure's plan.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from retrograd.backends.base import Program
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.cache import Cache
from retrograd.core.graph import Graph, Step
from retrograd.core.signature import Signature
from retrograd.ops.joining import CAT, STACK
from retrograd.ops.movement import CONCAT, RESHAPE
from retrograd.passes.inline import is_structure
from retrograd.passes.structure import Structure

Compile = Callable[[Structure], Program]


class JoinProgram:
    """Arrays one after another in memory: a step that as a table of launches would take longer to plan than to run, and
    that comes with other extents each time."""

    repeatable = False

    @staticmethod
    def serves(signature: Signature, scalars: Sequence[bool]) -> bool:
        """Whether a step is of this kind."""
        if signature.operation not in (CAT, CONCAT, STACK) or any(scalars):
            return False
        (axis,) = signature.attributes
        outer = signature.type.shape[:axis]
        return math.prod(outer) == 1 and {type_.dtype for type_ in signature.inputs} == {signature.type.dtype}

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        address = outputs[0].address
        for x in inputs:
            assert isinstance(x, Buffer)
            ctypes.memmove(address, x.address, x.type.nbytes)
            address += x.type.nbytes


class StepPrograms:
    """Programs of single steps.

    Args:
        compile_step: makes the program of a structure of one step.
    """

    def __init__(self, compile_step: Compile) -> None:
        self._compile_step = compile_step
        self._known: Final[Cache[tuple[object, ...], Program]] = Cache(limit=1 << 12)
        # The same by content: steps of derived passes have signatures of their own each time.
        self._by_form: Final[Cache[tuple[object, ...], Program]] = Cache(limit=1 << 12)

    def of(self, signature: Signature, scalars: tuple[bool, ...], aliases: tuple[int, ...]) -> Program:
        """The program of a step.

        Args:
            signature: of the step.
            scalars: for each input, whether it is a Python number.
            aliases: for each output, the input that it overwrites, or -1.
        """
        key = signature.key, scalars, aliases
        return self._known.get(key) or self._known.put(key, self._made(signature, scalars, aliases))

    def _made(self, signature: Signature, scalars: tuple[bool, ...], aliases: tuple[int, ...]) -> Program:
        if JoinProgram.serves(signature, scalars):
            return JoinProgram()
        inputs, outputs = len(signature.inputs), len(signature.outputs)
        step = Step(signature, tuple(range(inputs)))
        graph = Graph(signature.inputs, (step,), tuple(range(inputs, inputs + outputs)))
        structure = Structure(graph, scalars, aliases)
        key = *structure.form, scalars, aliases
        return self._by_form.get(key) or self._by_form.put(key, self._compile_step(structure))


class Call:
    """One step of a program.

    Attributes:
        program: what runs it; None where a value is only seen in another shape.
        step: what it computes, of values as the program numbers them.
        first: the value that its first output is.
        ends: values that nobody reads after it.
    """

    __slots__ = ("program", "step", "first", "ends")

    def __init__(self, program: Program | None, step: Step, first: int) -> None:
        self.program, self.step, self.first = program, step, first
        self.ends: list[int] = []


class StepwiseProgram:
    """A structure that runs step by step. It is not captured by loops: Python runs between its steps.

    Attributes:
        calls: the steps in order.

    Args:
        structure: what it computes.
        programs: those of single steps.
    """

    repeatable = False

    def __init__(self, structure: Structure, programs: StepPrograms) -> None:
        self._structure = structure
        unfolded = _Unfolded(structure.recorded)
        self._outputs, self._value_count = unfolded.outputs, unfolded.value_count
        last = _last_readers(unfolded.steps)
        overwrites = {
            value: alias for value, alias in zip(unfolded.outputs, structure.aliases, strict=True) if alias >= 0
        }
        in_place = _written_in_place(unfolded, overwrites, last)
        # An output that overwrites what is still read waits for the end.
        self._waiting = overwrites.keys() - in_place.keys()
        kept, overwritten = {*self._outputs, *range(len(structure.recorded.inputs))}, set(overwrites.values())
        self.calls: list[Call] = []
        for step, first in zip(unfolded.steps, unfolded.firsts, strict=True):
            is_seen = self._is_seen_in_another_shape(step, overwritten) and first not in kept
            program = None if is_seen else self._program_of(step, first, programs, in_place)
            self.calls.append(Call(program, step, first))
        for value, place in last.items():
            if value not in kept:
                self.calls[place].ends.append(value)

    @property
    def graph(self) -> Graph:
        """What it computes, in primitives."""
        return self._structure.graph

    def _numbers(self, step: Step) -> tuple[bool, ...]:
        """For each value that a step reads, whether it is a Python number."""
        scalars = self._structure.scalars
        return tuple([arg < len(scalars) and scalars[arg] for arg in step.args])

    def _is_seen_in_another_shape(self, step: Step, overwritten: set[int]) -> bool:
        """Whether memory can be shared by what a step reads and what it gives."""
        is_reshape = step.signature.operation is RESHAPE
        return is_reshape and step.args[0] not in overwritten and not self._numbers(step)[0]

    def _program_of(self, step: Step, first: int, programs: StepPrograms, in_place: Mapping[int, int]) -> Program:
        made = range(first, first + len(step.signature.outputs))
        aliases = tuple([step.args.index(in_place[value]) if value in in_place else -1 for value in made])
        return programs.of(step.signature, self._numbers(step), aliases)

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        values: list[Buffer | Scalar | None] = [*inputs, *[None] * (self._value_count - len(inputs))]
        given = {value: inputs[value] for value in self._outputs if value < len(inputs)}
        before = {value: x if isinstance(x, Scalar) else x.copy() for value, x in given.items()}
        places = {
            value: buffer for value, buffer in zip(self._outputs, outputs, strict=True) if value not in self._waiting
        }
        for call in self.calls:
            first, program, types = call.first, call.program, call.step.signature.outputs
            read = [values[arg] for arg in call.step.args]
            if program is None:
                values[first] = Buffer.sharing(read[0], types[0])  # type: ignore[arg-type]
            else:
                made = [places.get(first + i) or Buffer(type_) for i, type_ in enumerate(types)]
                program.run(read, made)  # type: ignore[arg-type]
                values[first : first + len(made)] = made
            for value in call.ends:
                values[value] = None
        self._deliver(values, before, outputs)

    def _deliver(
        self,
        values: Sequence[Buffer | Scalar | None],
        before: Mapping[int, Buffer | Scalar],
        outputs: Sequence[Buffer],
    ) -> None:
        """Copy what no step has written to its output: values that come out twice, what waited, and inputs as they
        were before."""
        for value, buffer in zip(self._outputs, outputs, strict=True):
            found = before.get(value) or values[value]
            if found is buffer:
                continue
            if isinstance(found, Scalar):
                buffer.array()[...] = found.value
            else:
                assert found is not None
                buffer.write_from(found)


class _Unfolded:
    """A recorded graph with the steps of its backward passes in place of these.

    Attributes:
        steps: over values that are numbered anew: first the inputs, then the outputs of each step in turn.
        firsts: the value that each step's first output is.
        outputs: values.
        value_count: how many there are.
    """

    def __init__(self, graph: Graph) -> None:
        self.steps: list[Step] = []
        self.firsts: list[int] = []
        self.value_count = len(graph.inputs)
        self.outputs = self._unfold(graph, list(range(self.value_count)))

    def _unfold(self, graph: Graph, values: list[int]) -> list[int]:
        for step in graph.steps:
            args = tuple([values[arg] for arg in step.args])
            signature = step.signature
            if is_structure(signature):
                assert signature.graph is not None
                values += self._unfold(signature.graph, list(args))
                continue
            first, count = self.value_count, len(signature.outputs)
            self.steps.append(Step(signature, args))
            self.firsts.append(first)
            self.value_count = first + count
            values += range(first, first + count)
        return [values[value] for value in graph.outputs]


def _last_readers(steps: Sequence[Step]) -> dict[int, int]:
    """The place of the last step that reads a value."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        for arg in step.args:
            last[arg] = place
    return last


def _written_in_place(unfolded: _Unfolded, overwrites: Mapping[int, int], last: Mapping[int, int]) -> dict[int, int]:
    """Of the values that overwrite an input, those that their step can write there at once, each with the input.

    What others read after the step must wait. So must what it reads under two names, which its program takes for two
    values.
    """
    found = {}
    for place, (step, first) in enumerate(zip(unfolded.steps, unfolded.firsts, strict=True)):
        for value in range(first, first + len(step.signature.outputs)):
            target = overwrites.get(value, -1)
            if step.args.count(target) == 1 and last[target] == place:
                found[value] = target
    return found
