"""A native program: its table, and how the caller's buffers and numbers are bound to it.

The driver reads one array of 64-bit words, the externals: for each input the address of its buffer (of a number, its
place in the scalar block), the address of each output, the address of the arena, where each slice starts whose start is
known at run time only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from retrograd.backends.native.cache import kernel_cache
from retrograd.backends.native.kernel import DTYPE_SIZES
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.schedule import Schedule, ScheduledLoop
from retrograd.backends.native.table import Launch, ProgramTable, Relocation, TableLoop, WordMove
from retrograd.backends.native.work import Address, ArgsAddress, BlockAddress, BlockWork, KernelAddress, Work
from retrograd.backends.native.workers import pool
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.dtype import DType, float32, uint8
from retrograd.core.types import tensor_type

# Programs with less work than this are not shared among threads: waking one costs more.
SERIAL_COST = 40_000

_FORMATS = {
    "float32": "f4x", "float64": "d", "int64": "q", "int32": "i4x", "int16": "h6x", "int8": "b7x", "uint8": "B7x",
    "bool": "?7x", "float16": "H6x", "bfloat16": "H6x",
}  # fmt: skip


class Arena:
    """Memory for what lives only within a program; programs take turns with it, so one serves all."""

    def __init__(self) -> None:
        self._buffer: Buffer | None = None
        self._size = 0

    def address(self, size: int) -> int:
        """Where `size` bytes are."""
        if size > self._size or self._buffer is None:
            self._size = max(size, 1)
            self._buffer = Buffer(tensor_type((self._size,), uint8))
        return self._buffer.address


_arena = Arena()


class NativeProgram:
    """A scheduled graph, bound to machine code.

    Attributes:
        lowering, schedule: what it was made of, for `explain`.
        table: phases and launches as the driver reads them.
    """

    repeatable = True

    def __init__(self, lowering: Lowering, schedule: Schedule, scalars: Sequence[bool]) -> None:
        self.lowering, self.schedule = lowering, schedule
        graph = lowering.graph
        inputs, outputs = len(graph.inputs), len(lowering.outputs)
        self.scalar_places = [i for i, scalar in enumerate(scalars) if scalar]
        self.buffer_places = [i for i, scalar in enumerate(scalars) if not scalar]
        self.starts = sorted(lowering.fusion.table.starts)
        self._start_external = {start: inputs + outputs + 1 + i for i, start in enumerate(self.starts)}
        self._first_output, self._arena_external = inputs, inputs + outputs
        self.externals = np.zeros(inputs + outputs + 1 + len(self.starts), np.int64)
        self.scalar_block = np.zeros(max(len(self.scalar_places), 1), np.int64)
        self._scalar_dtypes = [graph.inputs[i].dtype for i in self.scalar_places]
        self._has_halves = any(dtype.is_half for dtype in self._scalar_dtypes)
        formats = [_FORMATS[dtype.name] for dtype in self._scalar_dtypes]
        self._scalar_memory, self._external_memory = self.scalar_block.data, self.externals.data
        self._pack_scalars = struct.Struct("=" + "".join(formats)).pack_into
        self._pack_externals = struct.Struct(f"={len(self.externals)}q").pack_into
        start = self.scalar_block.__array_interface__["data"][0]
        self._scalar_address = {place: start + 8 * i for i, place in enumerate(self.scalar_places)}
        self._addresses = [self._scalar_address.get(i, 0) for i in range(inputs)]
        self.runs_done = 0
        cost = sum(work.cost for work in lowering.work)
        self.table = self._build(serial=cost < SERIAL_COST)

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        self.bind(inputs, outputs)
        pool().run(self.table, self.externals)

    def repeat(
        self,
        inputs: Sequence[Buffer | Scalar],
        outputs: Sequence[Buffer],
        input_steps: Mapping[int, int],
        output_steps: Mapping[int, int],
        count: int,
    ) -> int:
        """Run `count` times inside native code; after each, the given inputs and outputs move on by so many bytes.

        Returns:
            How many runs were done: `count`. If a signal handler raises, `runs_done` says how many were.
        """
        self.runs_done = 0
        self.bind(inputs, outputs)
        increments = np.zeros_like(self.externals)
        for place, step in input_steps.items():
            increments[place] = step
        for place, step in output_steps.items():
            increments[self._first_output + place] = step
        try:
            return pool().run_many(self.table, self.externals, increments, count)
        finally:
            self.runs_done = pool().steps_done

    def bind(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        """Write the externals and the scalar block."""
        addresses = self._addresses
        for i in self.buffer_places:
            addresses[i] = inputs[i].address  # type: ignore[union-attr]
        if self.scalar_places:
            self._write_scalars([inputs[i].value for i in self.scalar_places])  # type: ignore[union-attr]
        self._pack_externals(
            self._external_memory,
            0,
            *addresses,
            *[buffer.address for buffer in outputs],
            _arena.address(self.schedule.arena_bytes),
            *[min(max(_number(inputs[value]), 0), most) for value, most in self.starts],
        )

    def _write_scalars(self, numbers: Sequence[bool | int | float]) -> None:
        if not self._has_halves:
            try:
                self._pack_scalars(self._scalar_memory, 0, *numbers)
            except OverflowError:
                pass
            else:
                return
        self._pack_scalars(self._scalar_memory, 0, *map(_packable, numbers, self._scalar_dtypes))

    # -- the table ----------------------------------------------------------------------------------------------------

    def _build(self, serial: bool) -> ProgramTable:
        addresses = self._kernels()
        phases: list[list[Launch]] = []
        relocations: list[Relocation] = []
        moves: dict[ScheduledLoop, list[WordMove]] = {loop: [] for loop in self.schedule.loops}
        inner: list[tuple[int, int, int, int]] = []
        blocks: list[tuple[int, int]] = []
        heads: list[tuple[int, int, int, int]] = []
        for p, phase in enumerate((*self.schedule.phases, *self.schedule.instance_phases)):
            launches = []
            for n, work in enumerate(phase):
                launches.append(self._launch(work, p, n, addresses, relocations, inner))
                self._collect_moves(work, p, n, moves)
                if isinstance(work, BlockWork):
                    heads += [(p, n, word, len(blocks) + word) for word in range(len(work.instances))]
                    blocks += self.schedule.blocks[work]
            phases.append(launches)
        loops = [TableLoop(loop.first, loop.end, loop.count, tuple(moving)) for loop, moving in moves.items()]
        table = ProgramTable.build(phases, relocations, loops, blocks, serial=serial)
        for p, n, word, start in inner:
            args = table.args(p, n)
            args[word] = args.__array_interface__["data"][0] + 8 * start
        for p, n, word, block in heads:
            table.args(p, n)[word] = table.block_address(block)
        return table

    def _launch(
        self,
        work: Work,
        phase: int,
        number: int,
        addresses: dict[str, int],
        relocations: list[Relocation],
        inner: list[tuple[int, int, int, int]],
    ) -> Launch:
        words = []
        for place, word in enumerate(work.words):
            if isinstance(word, Address):
                constant, terms = self._location(word)
                relocations.append(Relocation(phase, number, place, constant, terms))
                words.append(0)
            elif isinstance(word, KernelAddress):
                words.append(addresses[word.key])
            elif isinstance(word, ArgsAddress):
                inner.append((phase, number, place, word.start))
                words.append(0)
            elif isinstance(word, BlockAddress):
                words.append(0)
            else:
                words.append(word)
        return Launch(addresses[work.kernel], tuple(words), work.tiles)

    def _collect_moves(self, work: Work, phase: int, number: int, moves: dict[ScheduledLoop, list[WordMove]]) -> None:
        """Enter the words of a launch that move with the loops around its phase."""
        around = self.schedule.around[phase]
        for place, word in enumerate(work.words):
            if not isinstance(word, Address):
                continue
            size = DTYPE_SIZES[self.lowering.types[word.view.root].dtype.name]
            for loop, move in zip(around, word.moves, strict=True):
                if move.elements:
                    moves[loop].append(WordMove(phase, number, place, move.elements * size, move.alternates))

    def _location(self, address: Address) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The address of a view's first element as a constant and multiples of externals."""
        view = address.view
        size = DTYPE_SIZES[self.lowering.types[view.root].dtype.name]
        constant = view.offset * size
        if view.root < self._first_output:
            base = view.root
        else:
            kind, place = self.schedule.homes[view.root]
            base = self._first_output + place if kind == "output" else self._arena_external
            constant += place if kind == "arena" else 0
        terms = [(base, 1)]
        terms += [(self._start_external[start], stride * size) for start, stride in view.dynamic]
        return constant, tuple(terms)

    def _kernels(self) -> dict[str, int]:
        """Addresses of every kernel the work names, compiled or from the cache."""
        names: dict[str, None] = {}
        for work in (work for phase in (*self.schedule.phases, *self.schedule.instance_phases) for work in phase):
            names[work.kernel] = None
            names.update((word.key, None) for word in work.words if isinstance(word, KernelAddress))
        keys = list(dict.fromkeys(name.rpartition("#")[0] for name in names))
        made = kernel_cache().get_many([(key, self.lowering.generators[key]) for key in keys])
        code = dict(zip(keys, made, strict=True))
        return {name: code[name.rpartition("#")[0]].address(name.rpartition("#")[2]) for name in names}


def _packable(number: bool | int | float, dtype: DType) -> bool | int | float:
    """What `struct` does not do by itself: bits of 16-bit numbers, and infinities for what is too large for float32."""
    if dtype.is_half:
        with np.errstate(over="ignore"):
            return int(np.float32(number).astype(dtype.numpy).view(np.uint16))
    return number if dtype is not float32 or abs(number) <= dtype.highest else math.copysign(math.inf, number)


def _number(given: Buffer | Scalar) -> int:
    """The integer that an input holds."""
    return int(given.value) if isinstance(given, Scalar) else int(given.array())
