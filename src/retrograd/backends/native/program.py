"""A native program: its table, and how the caller's buffers and numbers are bound to it.

The driver reads one array of 64-bit words, the externals: for each input the address of its buffer (of a number, its
place in the scalar block), the address of each output, the address of the arena, where each slice starts whose start is
known at run time only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np

from retrograd.backends.native.cache import Kernels, kernel_cache
from retrograd.backends.native.contract import WORD_BYTES
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.schedule import Schedule
from retrograd.backends.native.table import Launch, ProgramTable
from retrograd.backends.native.workers import checked_externals, pool
from retrograd.core.buffer import Buffer, Scalar, allocator
from retrograd.core.dtype import DType, float32, uint8
from retrograd.core.types import TensorType, tensor_type

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
            self._buffer = None
            allocator.trim()  # the smaller one would lie about for ever
            self._buffer = Buffer(tensor_type((self._size,), uint8))
        return self._buffer.address


_arena = Arena()


@dataclass(frozen=True)
class BoundPlan:
    """A plan whose table is there.

    Attributes:
        table: phases and launches as the driver reads them.
        externals, arena_bytes, starts: those of the plan.
        make_plan: gives the plan to those who look closely.
        code: what the table has addresses of.
    """

    table: ProgramTable
    externals: int
    arena_bytes: int
    starts: tuple[tuple[int, int], ...]
    make_plan: Callable[[], Plan]
    code: Sequence[Kernels]


class NativeProgram:
    """A plan bound to machine code.

    Attributes:
        table: phases and launches as the driver reads them.

    Args:
        bound: the plan of a graph.
        inputs: the types of the graph's inputs.
        scalars: which of them are Python numbers.
        work: makes the work and the schedule that the plan is of.
    """

    repeatable = True

    def __init__(
        self,
        bound: BoundPlan,
        inputs: Sequence[TensorType],
        scalars: Sequence[bool],
        work: Callable[[], tuple[Lowering, Schedule]],
    ) -> None:
        self._bound, self._work = bound, work
        self.table = bound.table
        self.scalar_places = [i for i, scalar in enumerate(scalars) if scalar]
        self.buffer_places = [i for i, scalar in enumerate(scalars) if not scalar]
        self._first_output = len(inputs)
        self.externals = np.zeros(bound.externals, np.int64)
        self.scalar_block = np.zeros(max(len(self.scalar_places), 1), np.int64)
        self._scalar_dtypes = [inputs[i].dtype for i in self.scalar_places]
        self._has_halves = any(dtype.is_half for dtype in self._scalar_dtypes)
        formats = [_FORMATS[dtype.name] for dtype in self._scalar_dtypes]
        self._scalar_memory, self._external_memory = self.scalar_block.data, self.externals.data
        self._pack_scalars = _packing("=" + "".join(formats)).pack_into
        self._pack_externals = _packing(f"={len(self.externals)}q").pack_into
        start = self.scalar_block.__array_interface__["data"][0]
        scalar_address = {place: start + 8 * i for i, place in enumerate(self.scalar_places)}
        self._addresses = [scalar_address.get(i, 0) for i in range(len(inputs))]
        self._table_address, self._externals_address = self.table.address, checked_externals(self.table, self.externals)
        self.runs_done = 0

    @cached_property
    def plan(self) -> Plan:
        """What it was made of."""
        return self._bound.make_plan()

    @cached_property
    def _worked(self) -> tuple[Lowering, Schedule]:
        return self._work()

    @property
    def lowering(self) -> Lowering:
        """Its kernels and their arguments, made once more for those who look closely."""
        return self._worked[0]

    @property
    def schedule(self) -> Schedule:
        """Its phases and places in memory, likewise."""
        return self._worked[1]

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        self.bind(inputs, outputs)
        pool().run_at(self._table_address, self._externals_address)

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
        if self.scalar_places:
            addresses = self._addresses
            for i in self.buffer_places:
                addresses[i] = inputs[i].address  # type: ignore[union-attr]
            self._write_scalars([inputs[i].value for i in self.scalar_places])  # type: ignore[union-attr]
        else:
            addresses = [buffer.address for buffer in inputs]  # type: ignore[union-attr]
        bound = self._bound
        self._pack_externals(
            self._external_memory,
            0,
            *addresses,
            *[buffer.address for buffer in outputs],
            _arena.address(bound.arena_bytes),
            *([min(max(_number(inputs[value]), 0), most) for value, most in bound.starts] if bound.starts else ()),
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


# Programs of a template have one format.
_packing = lru_cache(struct.Struct)


def bind_plan(plan: Plan, build: Callable[[str], str]) -> BoundPlan:
    """A plan with its table; `build` gives the IR text of a kernel by its key, for those that are in no cache."""
    parts = [name.rpartition("#") for name in plan.kernels]
    keys = list(dict.fromkeys(key for key, _, _ in parts))
    code = kernel_cache().get_many([(key, partial(build, key)) for key in keys])
    by_key = dict(zip(keys, code, strict=True))
    table = _table(plan, [by_key[key].address(function) for key, _, function in parts])
    return BoundPlan(table, plan.externals, plan.arena_bytes, plan.starts, lambda: plan, code)


def _table(plan: Plan, addresses: Sequence[int]) -> ProgramTable:
    """The table of a plan whose kernels are at these addresses."""
    phases = [
        [Launch(addresses[launch.kernel], launch.args, launch.tiles) for launch in phase] for phase in plan.phases
    ]
    table = ProgramTable.build(phases, plan.relocations, plan.loops, plan.blocks, serial=plan.serial)
    for phase, launch, word, kernel in plan.kernel_words:
        table.args(phase, launch)[word] = addresses[kernel]
    for phase, launch, word, start in plan.own_words:
        args = table.args(phase, launch)
        args[word] = args.__array_interface__["data"][0] + WORD_BYTES * start
    for phase, launch, word, block in plan.block_words:
        table.args(phase, launch)[word] = table.block_address(block)
    return table


def _packable(number: bool | int | float, dtype: DType) -> bool | int | float:
    """What `struct` does not do by itself: bits of 16-bit numbers, and infinities for what is too large for float32."""
    if dtype.is_half:
        with np.errstate(over="ignore"):
            return int(np.float32(number).astype(dtype.numpy).view(np.uint16))
    return number if dtype is not float32 or abs(number) <= dtype.highest else math.copysign(math.inf, number)


def _number(given: Buffer | Scalar) -> int:
    """The integer that an input holds."""
    return int(given.value) if isinstance(given, Scalar) else int(given.array())
