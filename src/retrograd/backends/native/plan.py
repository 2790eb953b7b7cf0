"""A plan: a program without addresses, as data that another process can read.

    plan      = kernels by name, phases, loops, blocks, and what is entered in argument words when it is bound
    phase     = launches: number of the kernel, argument words, tiles

What is entered: addresses of buffers (relocations), of kernels, of a launch's own words, of blocks of phases.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from retrograd.backends.native.kernel import DTYPE_SIZES
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.schedule import Schedule, ScheduledLoop
from retrograd.backends.native.table import Launch, Relocation, TableLoop, WordMove
from retrograd.backends.native.views import Start
from retrograd.backends.native.work import Address, ArgsAddress, BlockAddress, BlockWork, KernelAddress, Work
from retrograd.core.extent import computed

# Programs with less work than this are not shared among threads: waking one costs more.
SERIAL_COST = 40_000

# Words that become addresses when a plan is bound.
_PLACES = Address | KernelAddress | ArgsAddress | BlockAddress

# Bytes are small at the lowest level already: words repeat.
_COMPRESSION = 1


class Entry(NamedTuple):
    """A word of a launch's arguments that becomes an address.

    Attributes:
        number: of a kernel, of one of the launch's own words, or of a block.
    """

    phase: int
    launch: int
    word: int
    number: int


@dataclass(frozen=True)
class Plan:
    """What a program does.

    Attributes:
        externals: how many addresses and numbers a run is given: those of inputs, of outputs, of the arena, starts.
        kernels: names, each the key of its code and the function in it.
        phases: those of the program itself, then those of blocks; a launch has the number of its kernel.
        relocations: words that become addresses in buffers.
        loops: runs of phases that are repeated.
        blocks: where phases begin and end that launches run by themselves.
        kernel_words, own_words, block_words: words that become other addresses.
        starts: inputs that say where a slice starts, with the last place where it may.
        arena_bytes: memory for what lives only within a run.
        serial: one thread is enough.
    """

    externals: int
    kernels: tuple[str, ...]
    phases: tuple[tuple[Launch, ...], ...]
    relocations: tuple[Relocation, ...]
    loops: tuple[TableLoop, ...]
    blocks: tuple[tuple[int, int], ...]
    kernel_words: tuple[Entry, ...]
    own_words: tuple[Entry, ...]
    block_words: tuple[Entry, ...]
    starts: tuple[Start, ...]
    arena_bytes: int
    serial: bool

    @staticmethod
    def of(lowering: Lowering, schedule: Schedule) -> Plan:
        """The plan of work that has its places."""
        return _Planner(lowering, schedule).plan()

    def to_bytes(self) -> bytes:
        """As bytes, for `from_bytes` in a process of the same version of Python."""
        plain: Any = (
            self.externals,
            self.kernels,
            tuple(tuple(map(tuple, phase)) for phase in self.phases),
            tuple(map(tuple, self.relocations)),
            tuple((loop.first, loop.end, loop.count, tuple(map(tuple, loop.moves))) for loop in self.loops),
            self.blocks,
            *(tuple(map(tuple, entries)) for entries in (self.kernel_words, self.own_words, self.block_words)),
            tuple(map(tuple, self.starts)),
            self.arena_bytes,
            self.serial,
        )
        return zlib.compress(marshal.dumps(plain), _COMPRESSION)

    @staticmethod
    def from_bytes(content: bytes) -> Plan:
        """What `to_bytes` has made.

        Raises:
            ValueError: it has not made this.
        """
        try:
            plain = marshal.loads(zlib.decompress(content))
            externals, kernels, phases, relocations, loops, blocks, *entries, starts, arena_bytes, serial = plain
            kernel_words, own_words, block_words = (tuple(map(Entry._make, some)) for some in entries)
            return Plan(
                externals,
                kernels,
                tuple(tuple(map(Launch._make, phase)) for phase in phases),
                tuple(map(Relocation._make, relocations)),
                tuple(
                    TableLoop(first, end, count, tuple(map(WordMove._make, moves)))
                    for first, end, count, moves in loops
                ),
                blocks,
                kernel_words,
                own_words,
                block_words,
                tuple(map(Start._make, starts)),
                arena_bytes,
                serial,
            )
        except (ValueError, TypeError, EOFError, zlib.error) as error:
            raise ValueError(f"no plan: {error}") from error


def _are_serial(costs: Sequence[int]) -> list[bool]:
    """For programs of these costs, whether one thread is enough."""
    return [cost < SERIAL_COST for cost in costs]


class _Planner:
    """Collects the parts of a plan, launch by launch."""

    def __init__(self, lowering: Lowering, schedule: Schedule) -> None:
        self._lowering, self._schedule = lowering, schedule
        inputs, outputs = len(lowering.graph.inputs), len(lowering.outputs)
        self._first_output, self._arena = inputs, inputs + outputs
        self._starts = tuple(sorted(lowering.fusion.table.starts))
        self._start_external = {start: inputs + outputs + 1 + i for i, start in enumerate(self._starts)}
        self._kernels: dict[str, int] = {}
        self._relocations: list[Relocation] = []
        self._moves: dict[ScheduledLoop, list[WordMove]] = {loop: [] for loop in schedule.loops}
        self._blocks: list[tuple[int, int]] = []
        self._kernel_words: list[Entry] = []
        self._own_words: list[Entry] = []
        self._block_words: list[Entry] = []

    def plan(self) -> Plan:
        schedule = self._schedule
        phases = tuple(
            tuple(self._launch(work, p, n) for n, work in enumerate(phase))
            for p, phase in enumerate((*schedule.phases, *schedule.instance_phases))
        )
        return Plan(
            self._arena + 1 + len(self._starts),
            tuple(self._kernels),
            phases,
            tuple(self._relocations),
            tuple(TableLoop(loop.first, loop.end, loop.count, tuple(moving)) for loop, moving in self._moves.items()),
            tuple(self._blocks),
            tuple(self._kernel_words),
            tuple(self._own_words),
            tuple(self._block_words),
            self._starts,
            schedule.arena_bytes,
            computed(_are_serial, [sum(work.cost for work in self._lowering.work)])[0],
        )

    def _kernel(self, name: str) -> int:
        return self._kernels.setdefault(name, len(self._kernels))

    def _launch(self, work: Work, phase: int, number: int) -> Launch:
        words: list[int] = []
        kernel = self._kernel(work.kernel)
        for place, word in enumerate(work.words):
            words.append(0 if isinstance(word, _PLACES) else word)
            if isinstance(word, Address):
                constant, terms = self._location(word)
                self._relocations.append(Relocation(phase, number, place, constant, terms))
                self._enter_moves(word, phase, number, place)
            elif isinstance(word, KernelAddress):
                self._kernel_words.append(Entry(phase, number, place, self._kernel(word.key)))
            elif isinstance(word, ArgsAddress):
                self._own_words.append(Entry(phase, number, place, word.start))
            elif isinstance(word, BlockAddress):
                self._block_words.append(Entry(phase, number, place, len(self._blocks) + word.number))
        if isinstance(work, BlockWork):
            self._blocks += self._schedule.blocks[work]
        return Launch(kernel, tuple(words), work.tiles)

    def _enter_moves(self, word: Address, phase: int, number: int, place: int) -> None:
        """Enter how a word moves with the loops around its phase."""
        size = DTYPE_SIZES[self._lowering.types[word.view.root].dtype.name]
        for loop, move in zip(self._schedule.around[phase], word.moves, strict=True):
            if move.elements:
                self._moves[loop].append(WordMove(phase, number, place, move.elements * size, move.alternates))

    def _location(self, address: Address) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The address of a view's first element as a constant and multiples of externals."""
        view = address.view
        size = DTYPE_SIZES[self._lowering.types[view.root].dtype.name]
        constant = view.offset * size
        if view.root < self._first_output:
            base = view.root
        else:
            kind, place = self._schedule.homes[view.root]
            base = self._first_output + place if kind == "output" else self._arena
            constant += place if kind == "arena" else 0
        terms = [(base, 1)]
        terms += [(self._start_external[start], stride * size) for start, stride in view.dynamic]
        return constant, tuple(terms)
