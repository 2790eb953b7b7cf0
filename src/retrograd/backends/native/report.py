"""A program as rows that people read: each kernel with its operations, its cost, and its time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from retrograd.backends.base import Program
from retrograd.backends.native.cost import operations_of
from retrograd.backends.native.dump import assembly_text, fused_text, kernels_text, llvm_text, prepared_text, table_text
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.program import NativeProgram
from retrograd.backends.native.schedule import Schedule
from retrograd.backends.native.segments import SegmentedProgram
from retrograd.backends.native.stepwise import JoinProgram, StepwiseProgram
from retrograd.backends.native.table import ProgramTable
from retrograd.backends.native.work import BlockWork, Work
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import ControlFlow
from retrograd.core.types import Shape, TensorType


@dataclass(frozen=True)
class KernelRow:
    """One launch of a program.

    Attributes:
        sources: what of the user's program it is part of, in order: composites, their gradients, optimizers.
        operations: names of the primitives that it computes, in order.
        kernel: key of its code; empty where NumPy computes the step, or Python leads it.
        shape: of the largest value that it writes.
        dtype: of that value.
        phase: launches of one phase do not wait for one another.
        tiles: in how many parts threads can share it.
        flops: operations on numbers.
        bytes: of all values that it reads or writes, each once.
        seconds: of one run, summed over threads; None where it was not measured.
    """

    sources: tuple[str, ...]
    operations: tuple[str, ...]
    kernel: str
    shape: Shape
    dtype: str
    phase: int
    tiles: int
    flops: int
    bytes: int
    seconds: float | None


@dataclass(frozen=True)
class ProgramRows:
    """A program.

    Attributes:
        graph: what it computes, after all passes; as the backend takes it, if it is one native part.
        kernels: its launches.
        arena_bytes: memory for values that live only within it.
        phases: how often threads wait for one another.
    """

    graph: Graph
    kernels: tuple[KernelRow, ...]
    arena_bytes: int
    phases: int


def rows_of(program: Program, runs: int = 0) -> ProgramRows:
    """Describe a program; with the mean times of `runs` runs that were timed.

    Raises:
        TypeError: it is no program of this backend.
    """
    kernels: list[KernelRow] = []
    arena = phases = 0
    parts = list(_parts(program))
    # A step that comes again is the same part, which adds up the time of all its calls.
    calls = Counter(id(part) for part, _ in parts)
    for part, nanoseconds in parts:
        if isinstance(part, NativeProgram):
            kernels += [_shifted(row, phases) for row in _rows(part, runs * calls[id(part)])]
            arena = max(arena, part.schedule.arena_bytes)
            phases += len(part.schedule.phases)
        else:
            kernels.append(_reference_row(part, phases, nanoseconds * 1e-9 / runs if runs else None))
            phases += 1
    whole = isinstance(program, SegmentedProgram | StepwiseProgram)
    graph = program.graph if whole else _native_parts(program)[0].lowering.graph  # type: ignore[attr-defined]
    return ProgramRows(graph, tuple(kernels), arena, phases)


@contextmanager
def timed(programs: list[Program]) -> Iterator[None]:
    """Within the block, runs of the programs add up the time of each launch, from zero."""
    tables = [part.table for program in programs for part in _native_parts(program)]
    clocks: list[ProgramTable | SegmentedProgram] = [*tables, *_segmented(programs)]
    for clock in clocks:
        clock.reset_nanoseconds()
        clock.timed = True
    try:
        yield
    finally:
        for clock in clocks:
            clock.timed = False


STAGES: Final[dict[str, Callable[[Lowering, Schedule], str]]] = {
    "graph": lambda lowering, _: prepared_text(lowering),
    "fused": lambda lowering, _: fused_text(lowering),
    "table": table_text,
    "ir": kernels_text,
    "llvm": llvm_text,
    "assembly": assembly_text,
}


def stage_text(program: Program, stage: str) -> str:
    """What a stage has made of a program, native part by native part.

    Raises:
        KeyError: there is no such stage.
    """
    text = STAGES[stage]
    found = []
    for part, _ in _parts(program):
        if isinstance(part, NativeProgram):
            found.append(text(part.lowering, part.schedule))
        else:
            found.append(f"no kernel: {part.signature!r}")
    return "\n\n".join(found)


def kernel_text(program: Program, kernel: str) -> str:
    """The LLVM IR of a kernel of a program, by its key.

    Raises:
        KeyError: it has no such kernel.
    """
    for part in _native_parts(program):
        if kernel.rpartition("#")[0] in part.lowering.generators:
            return part.lowering.generators[kernel.rpartition("#")[0]]()
    raise KeyError(kernel)


def _parts(program: Program) -> Iterator[tuple[NativeProgram | Step, int]]:
    """Native programs, and steps for NumPy, with the time that these took."""
    if isinstance(program, NativeProgram):
        yield program, 0
    elif isinstance(program, SegmentedProgram):
        for segment, nanoseconds in zip(program.segments, program.nanoseconds, strict=True):
            if isinstance(segment.run, (NativeProgram, Step)):
                yield segment.run, nanoseconds
    elif isinstance(program, StepwiseProgram):
        for call in program.calls:
            if isinstance(call.program, JoinProgram):
                yield call.step, 0
            elif call.program is not None:
                yield from _parts(call.program)
    else:
        raise TypeError(f"a program of the native backend is wanted, not {type(program).__name__}")


def _segmented(programs: list[Program]) -> Iterator[SegmentedProgram]:
    """Programs with steps for NumPy, also such as are steps of others."""
    for program in programs:
        if isinstance(program, SegmentedProgram):
            yield program
        elif isinstance(program, StepwiseProgram):
            yield from _segmented([call.program for call in program.calls if call.program is not None])


def _native_parts(program: Program) -> list[NativeProgram]:
    return [part for part, _ in _parts(program) if isinstance(part, NativeProgram)]


def _rows(program: NativeProgram, runs: int) -> Iterator[KernelRow]:
    times = program.table.nanoseconds
    for number, (phase, spent) in enumerate(zip(program.schedule.phases, times, strict=True)):
        for work, nanoseconds in zip(phase, spent, strict=True):
            yield _row(program, work, number, nanoseconds * 1e-9 / runs if runs else None)


def _row(program: NativeProgram, work: Work, phase: int, seconds: float | None) -> KernelRow:
    types = program.lowering.types
    steps = _steps(program, work)
    rounds = math.prod(loop.count for loop in program.schedule.around[phase])
    largest = max((types[root] for root in work.writes), key=lambda type_: type_.size)
    # What blocks of rows do is told, and counted as the loop that it is.
    told = [*steps, *_in_blocks(work)]
    return KernelRow(
        sources=tuple(dict.fromkeys(map(source_of, told or _copied(program, work)))) or ("copy",),
        operations=tuple(step.signature.operation.name for step in told) or ("copy",),
        kernel=work.kernel,
        shape=largest.shape,
        dtype=largest.dtype.name,
        phase=phase,
        tiles=work.tiles,
        flops=rounds * sum(map(operations_of, steps)),
        bytes=sum(_touched(types[root], root, work) for root in dict.fromkeys((*work.reads, *work.writes))),
        seconds=seconds,
    )


def _touched(type_: TensorType, root: int, work: Work) -> int:
    """How many bytes of a root a launch reads or writes: all, unless its operands say which part."""
    views = [bound.view for bound in work.operands if bound.view.root == root]
    part = sum(math.prod(n for n, s in zip(view.shape, view.strides, strict=True) if s) for view in views)
    return min(part * type_.dtype.itemsize, type_.nbytes) if views else type_.nbytes


def _steps(program: NativeProgram, work: Work) -> list[Step]:
    """What a launch computes; of a loop's body if it is in one."""
    graph = program.lowering.graph
    own = [graph.steps[value - len(graph.inputs)] for value in work.members]
    return own or list(work.inside)


def _copied(program: NativeProgram, work: Work) -> list[Step]:
    """The steps that give what a launch copies."""
    graph = program.lowering.graph
    first, last = len(graph.inputs), len(graph.types)
    return [graph.steps[root - first] for root in work.reads if first <= root < last]


def _in_blocks(work: Work) -> list[Step]:
    """The steps that each block of rows goes through."""
    if not isinstance(work, BlockWork):
        return []
    return [step for phase in work.instances[0].phases for inner in phase for step in inner.inside]


def source_of(step: Step) -> str:
    """What of the user's program a step is part of; itself, if it was recorded as it is."""
    return next((name for name in step.origin if name != "backward"), step.signature.operation.name)


def _reference_row(step: Step, phase: int, seconds: float | None) -> KernelRow:
    type_ = step.signature.type
    sizes = sum(x.nbytes for x in (*step.signature.inputs, *step.signature.outputs))
    operation = step.signature.operation
    runner = "Python" if isinstance(operation, ControlFlow) else "NumPy"
    if JoinProgram.serves(step.signature, ()):
        runner = "copy"
    name = f"{operation.name} ({runner})"
    return KernelRow(
        (source_of(step),), (name,), "", type_.shape, type_.dtype.name, phase, 1, operations_of(step), sizes, seconds
    )


def _shifted(row: KernelRow, phases: int) -> KernelRow:
    return KernelRow(**{**vars(row), "phase": row.phase + phases}) if phases else row
