"""Program tables: a program's phases, launches and relocations laid out for the driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograd.backends.native.contract import (
    LAUNCH_WORDS,
    LOOP_END,
    LOOP_WORDS,
    MAX_TILES,
    PHASE_WORDS,
    PROGRAM_WORDS,
    WORD_BYTES,
    LaunchWord,
    LoopWord,
    PhaseWord,
    ProgramWord,
    aligned_words,
)

Words = NDArray[np.int64]


class Launch(NamedTuple):
    """A kernel's address, its argument words, and how many tiles its work is split into."""

    kernel: int
    args: tuple[int, ...]
    tiles: int


class Relocation(NamedTuple):
    """Before a run, word `word` of a launch's arguments becomes `constant + sum(externals[i] * m for i, m in terms)`.

    The arithmetic wraps around as 64-bit integers do.
    """

    phase: int
    launch: int
    word: int
    constant: int
    terms: tuple[tuple[int, int], ...]


class WordMove(NamedTuple):
    """Word `word` of a launch's arguments grows by `stride` from step to step of a loop, or alternates with that."""

    phase: int
    launch: int
    word: int
    stride: int
    alternates: bool


@dataclass(frozen=True)
class TableLoop:
    """Phases `first` to `end - 1` are done `count` times over, with words that move from step to step."""

    first: int
    end: int
    count: int
    moves: tuple[WordMove, ...]


class ProgramTable:
    """A program in memory. It holds addresses of kernels and buffers, which must outlive it.

    Attributes:
        header, loop_records, relocation_words: parts of the memory.
        phase_records: the record of each phase that has tiles.
        moves_of_loops: by loop, the words that it moves on.
        external_count: how many externals are read.
        address: where it is.
    """

    def __init__(
        self,
        phases: Sequence[Sequence[Launch]],
        relocations: Sequence[Relocation],
        loops: Sequence[TableLoop],
        blocks: Sequence[tuple[int, int]],
        serial: bool,
    ) -> None:
        launches = [launch for phase in phases for launch in phase]
        self._phase_starts = list(accumulate((len(phase) for phase in phases), initial=0))
        self._args_starts = list(accumulate((len(launch.args) for launch in launches), initial=0))
        self._args = aligned_words(max(1, self._args_starts[-1]))
        self._args_address: int = self._args.ctypes.data
        self._args[: self._args_starts[-1]] = _wrapped(word for launch in launches for word in launch.args)
        self._launches = self._launch_records(launches)
        self.loop_records = aligned_words(max(1, len(loops)) * LOOP_WORDS).reshape(-1, LOOP_WORDS)
        self.moves_of_loops: dict[int, Words] = {}
        self.phase_records: dict[int, Words] = {}
        self._main = min((first for first, _ in blocks), default=len(phases))
        self._phases, phase_count = self._phase_records(phases, loops, 0, self._main)
        self._blocks = [self._phase_records(phases, loops, first, end)[0] for first, end in blocks]
        self._relocations = list(relocations)
        self._increments = b""
        self._moves = _wrapped(())
        self.external_count = 1 + max((i for r in relocations for i, _ in r.terms), default=-1)
        self.header = aligned_words(PROGRAM_WORDS)
        self.header[ProgramWord.PHASES] = self._phases.ctypes.data
        self.header[ProgramWord.PHASE_COUNT] = phase_count
        self.header[ProgramWord.SERIAL] = serial
        self._place_relocations(varying=0)
        self.address: int = self.header.ctypes.data

    @classmethod
    def build(
        cls,
        phases: Sequence[Sequence[Launch]],
        relocations: Sequence[Relocation] = (),
        loops: Sequence[TableLoop] = (),
        blocks: Sequence[tuple[int, int]] = (),
        *,
        serial: bool = False,
    ) -> ProgramTable:
        """Lay out a program.

        Args:
            phases: launches by phase; those of one phase do not depend on one another.
            relocations: the argument words that are computed before each run.
            loops: runs of phases that are repeated; of two, one inside of the other, the inner one first.
            blocks: where phases begin and end that are no part of the program's own sequence, behind which they stand:
                launches of the driver's `run_block` run them (`block_address`).
            serial: run on the calling thread alone, for programs too small to share.

        Raises:
            ValueError: a phase has more tiles than the driver can count, or a relocation names no argument word.
        """
        for number, phase in enumerate(phases):
            tiles = [launch.tiles for launch in phase]
            if tiles and (min(tiles) < 0 or sum(tiles) > MAX_TILES):
                raise ValueError(f"phase {number} must have 0 to {MAX_TILES} tiles in all, and no launch fewer than 0")
        words = [[len(launch.args) for launch in phase] for phase in phases]
        for r in relocations:
            known = 0 <= r.phase < len(words) and 0 <= r.launch < len(words[r.phase])
            if not known or not 0 <= r.word < words[r.phase][r.launch]:
                raise ValueError(f"relocation of an argument word that is not there: {r}")
            for index, _ in r.terms:
                if index < 0:
                    raise ValueError(f"relocation by an external with a negative number: {r}")
        if any(not (0 <= loop.first < loop.end <= len(phases) and loop.count > 0) for loop in loops):
            raise ValueError(f"a loop must have phases and steps: {loops}")
        return cls(phases, relocations, loops, blocks, serial)

    # -- use ----------------------------------------------------------------------------------------------------------

    def args(self, phase: int, launch: int) -> Words:
        """The argument words of a launch as they are now; writing here changes them for later runs."""
        index = self._phase_starts[phase] + launch
        return self._args[self._args_starts[index] : self._args_starts[index + 1]]

    def block_address(self, number: int) -> int:
        """Where the phases of a block are."""
        return int(self._blocks[number].ctypes.data)

    @property
    def serial(self) -> bool:
        return bool(self.header[ProgramWord.SERIAL])

    @property
    def timed(self) -> bool:
        """Whether runs measure each launch. Off at first."""
        return bool(self.header[ProgramWord.TIMED])

    @timed.setter
    def timed(self, value: bool) -> None:
        self.header[ProgramWord.TIMED] = value

    @property
    def nanoseconds(self) -> list[list[int]]:
        """Time spent in each launch, by phase: summed over its tiles, on all threads, and over all timed runs."""
        times = self._launches[:, LaunchWord.NANOSECONDS].tolist()
        starts = self._phase_starts[: self._main + 1]
        return [times[start:end] for start, end in pairwise(starts)]

    def reset_nanoseconds(self) -> None:
        self._launches[:, LaunchWord.NANOSECONDS] = 0

    def moves(self, increments: Words) -> Words:
        """Prepare for steps after each of which `externals += increments`: the (number, increment) that are not zero.

        Relocations that such a step changes are put first, so that the driver repeats only those.
        """
        key = increments.tobytes()
        if key != self._increments:
            moving = np.flatnonzero(increments)
            self._moves = np.column_stack([moving, increments[moving]]).astype(np.int64)
            changed = set(moving.tolist())
            self._relocations.sort(key=lambda r: not _depends(r, changed))
            self._place_relocations(varying=sum(_depends(r, changed) for r in self._relocations))
            self._increments = key
        return self._moves

    # -- copies -------------------------------------------------------------------------------------------------------

    def launch_record(self, phase: int, launch: int) -> Words:
        """The record of a launch."""
        record: Words = self._launches[self._phase_starts[phase] + launch]
        return record

    def all_phase_records(self) -> list[Words]:
        """The records of the program's own phases, and those of each block."""
        return [self._phases, *self._blocks]

    def arrays(self) -> list[Words]:
        """All of the memory, for `take`."""
        own = [self.header, self._args, self._launches, self.loop_records, self.relocation_words, self._phases]
        return [*own, *self._blocks, *self.moves_of_loops.values()]

    def take(self, table: ProgramTable, arrays: Sequence[Words]) -> None:
        """Be the table that is in `arrays`, which are those of `table` copied to another place."""
        self.header, self._args, self._launches, self.loop_records, self.relocation_words, self._phases, *rest = arrays
        self._blocks = rest[: len(table._blocks)]
        self.moves_of_loops = dict(zip(table.moves_of_loops, rest[len(table._blocks) :], strict=True))
        self._phase_starts, self._args_starts, self._main = table._phase_starts, table._args_starts, table._main
        self._increments, self._moves = b"", table._moves
        self.external_count = table.external_count
        self._args_address = self._args.ctypes.data
        self.address = self.header.ctypes.data

    # -- layout -------------------------------------------------------------------------------------------------------

    def _launch_records(self, launches: Sequence[Launch]) -> Words:
        records = aligned_words(len(launches) * LAUNCH_WORDS).reshape(-1, LAUNCH_WORDS)
        if launches:
            ends = np.cumsum([launch.tiles for launch in launches])
            before = np.concatenate([[0], ends])[np.array(self._phase_starts)]
            first_of_phase = np.repeat(before[:-1], np.diff(self._phase_starts))
            records[:, LaunchWord.KERNEL] = [launch.kernel for launch in launches]
            records[:, LaunchWord.ARGS] = self._args_address + WORD_BYTES * np.array(self._args_starts[:-1])
            records[:, LaunchWord.END] = ends - first_of_phase
            records[:, LaunchWord.FIRST] = records[:, LaunchWord.END] - [launch.tiles for launch in launches]
        return records

    def _phase_records(
        self, phases: Sequence[Sequence[Launch]], loops: Sequence[TableLoop], begin: int, end: int
    ) -> tuple[Words, int]:
        """The records of phases `begin` to `end - 1`, and how many of them a run goes through.

        Phases without tiles are left out, as are launches without tiles at the start of a phase.
        """
        rows: list[tuple[int, int]] = []
        row_of_phase: dict[int, int] = {}
        busy_rows: dict[int, int] = {}
        phase_count = 0
        records = aligned_words((end - begin + len(loops) + 1) * PHASE_WORDS).reshape(-1, PHASE_WORDS)
        for number in range(begin, end):
            start, phase = self._phase_starts[number], phases[number]
            row_of_phase[number] = len(rows)
            busy = [index for index, launch in enumerate(phase) if launch.tiles]
            if busy:
                busy_rows[number] = len(rows)
                address = self._launches.ctypes.data + (start + busy[0]) * LAUNCH_WORDS * WORD_BYTES
                rows.append((address, sum(launch.tiles for launch in phase)))
                phase_count += prod(loop.count for loop in loops if loop.first <= number < loop.end)
            for index, loop in enumerate(loops):
                first = row_of_phase[loop.first] if loop.end == number + 1 else len(rows)
                if first < len(rows):
                    rows.append((self._loop_record(index, loop, records[first].ctypes.data), LOOP_END))
        for record, (address, tiles) in zip(records, rows, strict=False):
            record[PhaseWord.LAUNCHES] = address
            record[PhaseWord.TILES] = tiles
        self.phase_records.update((number, records[row]) for number, row in busy_rows.items())
        return records, phase_count

    def _loop_record(self, index: int, loop: TableLoop, first: int) -> int:
        """Where the record of a loop is whose first phase is at address `first`."""
        moves = _wrapped(
            word
            for move in loop.moves
            for word in (
                self._word_address(move.phase, move.launch, move.word),
                move.stride,
                -1 if move.alternates else 1,
            )
        )
        self.moves_of_loops[index] = moves
        record = self.loop_records[index]
        record[LoopWord.FIRST] = first
        record[LoopWord.COUNT] = loop.count
        record[LoopWord.MOVES] = moves.ctypes.data
        record[LoopWord.MOVE_COUNT] = len(loop.moves)
        return int(record.ctypes.data)

    def _place_relocations(self, varying: int) -> None:
        words: list[int] = []
        for phase, launch, word, constant, terms in self._relocations:
            words += (self._word_address(phase, launch, word), constant, len(terms))
            for term in terms:
                words += term
        self.relocation_words = _wrapped(words)
        self.header[ProgramWord.RELOCATIONS] = self.relocation_words.ctypes.data
        self.header[ProgramWord.RELOCATION_COUNT] = len(self._relocations)
        self.header[ProgramWord.VARYING_COUNT] = varying

    def _word_address(self, phase: int, launch: int, word: int) -> int:
        """Where an argument word of a launch is."""
        start = self._args_starts[self._phase_starts[phase] + launch]
        return self._args_address + (start + word) * WORD_BYTES


def _depends(relocation: Relocation, externals: set[int]) -> bool:
    return any(index in externals for index, _ in relocation.terms)


def _wrapped(words: Iterable[int]) -> Words:
    """Integers of any size as 64-bit words."""
    listed = list(words)
    try:
        return np.array(listed, np.int64)
    except OverflowError:
        return np.array([word & 0xFFFF_FFFF_FFFF_FFFF for word in listed], np.uint64).view(np.int64)
