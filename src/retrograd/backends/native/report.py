"""A program as rows that people read: each kernel with its operations, its cost, and its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from retrograd.backends.base import Program
from retrograd.backends.native.cost import operations_of
from retrograd.backends.native.program import NativeProgram
from retrograd.backends.native.segments import SegmentedProgram
from retrograd.backends.native.work import Work
from retrograd.core.graph import Graph, Step
from retrograd.core.types import Shape


@dataclass(frozen=True)
class KernelRow:
    """One launch of a program.

    Attributes:
        operations: names of the primitives that it computes, in order.
        kernel: key of its code; empty where NumPy computes the step.
        shape: of the largest value that it writes.
        dtype: of that value.
        phase: launches of one phase do not wait for one another.
        tiles: in how many parts threads can share it.
        flops: operations on numbers.
        bytes: of all values that it reads or writes, each once.
        seconds: of one run, summed over threads; None where it was not measured.
    """

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
        graph: what it computes, after all passes; that of its first native part where it has several.
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
    parts = list(_parts(program))
    kernels: list[KernelRow] = []
    arena = phases = 0
    for part in parts:
        if isinstance(part, NativeProgram):
            kernels += [_shifted(row, phases) for row in _rows(part, runs)]
            arena = max(arena, part.schedule.arena_bytes)
            phases += len(part.schedule.phases)
        else:
            kernels.append(_reference_row(part, phases))
            phases += 1
    graph = next((part.lowering.graph for part in parts if isinstance(part, NativeProgram)), None)
    if graph is None:
        assert isinstance(program, SegmentedProgram)
        graph = program.graph
    return ProgramRows(graph, tuple(kernels), arena, phases)


@contextmanager
def timed(programs: list[Program]) -> Iterator[None]:
    """Within the block, runs of the programs add up the time of each launch, from zero."""
    tables = [part.table for program in programs for part in _parts(program) if isinstance(part, NativeProgram)]
    for table in tables:
        table.reset_nanoseconds()
        table.timed = True
    try:
        yield
    finally:
        for table in tables:
            table.timed = False


def kernel_text(program: Program, kernel: str) -> str:
    """The LLVM IR of a kernel of a program, by its key.

    Raises:
        KeyError: it has no such kernel.
    """
    for part in _parts(program):
        if isinstance(part, NativeProgram) and kernel.rpartition("#")[0] in part.lowering.generators:
            return part.lowering.generators[kernel.rpartition("#")[0]]()
    raise KeyError(kernel)


def _parts(program: Program) -> Iterator[NativeProgram | Step]:
    if isinstance(program, NativeProgram):
        yield program
    elif isinstance(program, SegmentedProgram):
        for segment in program.segments:
            if isinstance(segment.run, (NativeProgram, Step)):
                yield segment.run
    else:
        raise TypeError(f"a program of the native backend is wanted, not {type(program).__name__}")


def _rows(program: NativeProgram, runs: int) -> Iterator[KernelRow]:
    times = program.table.nanoseconds
    for number, (phase, spent) in enumerate(zip(program.schedule.phases, times, strict=True)):
        for work, nanoseconds in zip(phase, spent, strict=True):
            yield _row(program, work, number, nanoseconds * 1e-9 / runs if runs else None)


def _row(program: NativeProgram, work: Work, phase: int, seconds: float | None) -> KernelRow:
    types = program.lowering.types
    graph = program.lowering.graph
    first = len(graph.inputs)
    steps = [graph.steps[value - first] for value in work.members]
    touched = [types[root] for root in dict.fromkeys((*work.reads, *work.writes))]
    largest = max((types[root] for root in work.writes), key=lambda type_: type_.size)
    return KernelRow(
        operations=tuple(step.signature.operation.name for step in steps) or ("copy",),
        kernel=work.kernel,
        shape=largest.shape,
        dtype=largest.dtype.name,
        phase=phase,
        tiles=work.tiles,
        flops=sum(map(operations_of, steps)),
        bytes=sum(type_.nbytes for type_ in touched),
        seconds=seconds,
    )


def _reference_row(step: Step, phase: int) -> KernelRow:
    type_ = step.signature.type
    sizes = sum(x.nbytes for x in (*step.signature.inputs, *step.signature.outputs))
    name = f"{step.signature.operation.name} (NumPy)"
    return KernelRow((name,), "", type_.shape, type_.dtype.name, phase, 1, operations_of(step), sizes, None)


def _shifted(row: KernelRow, phases: int) -> KernelRow:
    return KernelRow(**{**vars(row), "phase": row.phase + phases}) if phases else row
