"""A plan over extents: a `Plan` some of whose numbers are expressions, and the programs that are made of it.

The table of such a plan is laid out once. A program for other extents is a copy of it in which the few words are
written anew that depend on them: where the guards of the plan hold, that is the very plan which would be made afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from retrograd.backends.native.contract import (
    CACHE_LINE_WORDS,
    MAX_TILES,
    MOVE_WORDS,
    RELOCATION_WORDS,
    TERM_WORDS,
    WORD_BYTES,
    LaunchWord,
    LoopWord,
    MoveWord,
    PhaseWord,
    ProgramWord,
    RelocationWord,
    aligned_words,
)
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.table import ProgramTable, Relocation, Words
from retrograd.core.extent import Extent, extents_in, with_numbers
from retrograd.core.guards import Guards

Numbers = Sequence[int]


class PlanTemplate:
    """A plan over extents.

    Attributes:
        kernels: names, as in a plan.
        externals, starts: likewise; the last places of starts are those of the plan it was made of.

    Args:
        plan: with expressions among its numbers.
        guards: of these.
    """

    def __init__(self, plan: Plan, guards: Guards) -> None:
        self._plan, self.guards = plan, guards
        for phase in plan.phases:
            if sum(launch.tiles for launch in phase) > MAX_TILES:
                raise ValueError(f"a phase must have at most {MAX_TILES} tiles")

    @cached_property
    def concrete(self) -> Plan:
        """The plan with the numbers that it was made at."""
        plan: Plan = with_numbers(self._plan, lambda extent: extent.value)
        return plan

    def plan_at(self, values: Numbers) -> Plan:
        """The plan for these values of the symbols."""
        extents = list(dict.fromkeys(extents_in(self._plan)))
        numbers = dict(zip(extents, self.guards.compiled(extents)(values), strict=True))
        plan: Plan = with_numbers(self._plan, numbers.__getitem__)
        return plan

    @property
    def sizes(self) -> list[int]:
        """The bytes of the arena, and the last places of starts."""
        return [self._plan.arena_bytes, *(start.most for start in self._plan.starts)]

    def words(self, table: ProgramTable) -> list[tuple[Words, int, Extent]]:
        """Which words of the plan's table are expressions: arrays, places in them, and what stands there."""
        plan, found = self._plan, _Found(table)
        for number, phase in enumerate(plan.phases):
            for place, launch in enumerate(phase):
                args = table.args(number, place)
                for word, value in enumerate(launch.args):
                    found.enter(args, word, value)
            found.enter_tiles(number, [launch.tiles for launch in phase])
        found.enter_relocations(plan.relocations)
        found.enter_loops(plan)
        found.enter(table.header, ProgramWord.SERIAL, plan.serial)
        return found.words


class _Found:
    """Collects the words of a table that are expressions."""

    def __init__(self, table: ProgramTable) -> None:
        self.table = table
        self.words: list[tuple[Words, int, Extent]] = []

    def enter(self, array: Words, place: int, value: int) -> None:
        if isinstance(value, Extent):
            self.words.append((array, place, value))

    def enter_tiles(self, number: int, tiles: list[int]) -> None:
        ends = list(accumulate(tiles, initial=0))
        for place, (first, end) in enumerate(pairwise(ends)):
            record = self.table.launch_record(number, place)
            self.enter(record, LaunchWord.FIRST, first)
            self.enter(record, LaunchWord.END, end)
        # Phases and launches without tiles are left out of the table: that there are some is one of the guards.
        busy = [bool(count) for count in tiles]
        if any(busy):
            self.enter(self.table.phase_records[number], PhaseWord.TILES, ends[-1])

    def enter_relocations(self, relocations: Sequence[Relocation]) -> None:
        start = 0
        for relocation in relocations:
            self.enter(self.table.relocation_words, start + RelocationWord.CONSTANT, relocation.constant)
            for place, (_, factor) in enumerate(relocation.terms):
                self.enter(self.table.relocation_words, start + RELOCATION_WORDS + TERM_WORDS * place + 1, factor)
            start += RELOCATION_WORDS + TERM_WORDS * len(relocation.terms)

    def enter_loops(self, plan: Plan) -> None:
        for number, loop in enumerate(plan.loops):
            if number in self.table.moves_of_loops:
                self.enter(self.table.loop_records[number], LoopWord.COUNT, loop.count)
                for place, move in enumerate(loop.moves):
                    moves = self.table.moves_of_loops[number]
                    self.enter(moves, MOVE_WORDS * place + MoveWord.STRIDE, move.stride)
        main = min((first for first, _ in plan.blocks), default=len(plan.phases))
        phase_count: int = 0
        for number in range(main):
            if number in self.table.phase_records:
                phase_count += prod(loop.count for loop in plan.loops if loop.first <= number < loop.end)
        self.enter(self.table.header, ProgramWord.PHASE_COUNT, phase_count)


class TableImage:
    """A table laid out in one piece of memory, to be copied with other words in some places.

    Attributes:
        numbers: what stands in these places, and the sizes of the plan.
    """

    def __init__(self, template: PlanTemplate, table: ProgramTable) -> None:
        self._table, self._template = table, template
        arrays = list(table.arrays())
        sizes = [-(-array.size // CACHE_LINE_WORDS) * CACHE_LINE_WORDS for array in arrays]
        self._starts = list(accumulate(sizes, initial=0))
        self._arrays = arrays
        self._words = np.zeros(self._starts[-1], np.int64)
        for array, start in zip(arrays, self._starts, strict=False):
            self._words[start : start + array.size] = array.reshape(-1)
        pointers = [self._place(array, place) for array, place in _pointers(table, template.concrete)]
        # How often the address of the memory is to be added to each word.
        self._relative = np.zeros_like(self._words)
        for place in pointers:
            self._words[place], self._relative[place] = self._offset(int(self._words[place])), 1
        changing = template.words(table)
        self._changing = np.array([self._place(array, place) for array, place, _ in changing], np.int64)
        # Few expressions stand in many places.
        distinct = {extent.terms: extent for _, _, extent in changing}
        order = {terms: place for place, terms in enumerate(distinct)}
        self._order = np.array([order[extent.terms] for _, _, extent in changing], np.int64)
        self._count = len(distinct)
        self.numbers: list[int | Extent] = [*distinct.values(), *template.sizes]

    def _place(self, array: Words, place: int) -> int:
        """Where a word of an array, or of a part of one, stands."""
        return self._offset(int(array.ctypes.data) + place * WORD_BYTES) // WORD_BYTES

    def _offset(self, address: int) -> int:
        """Where an address in one of the arrays is, in bytes from the beginning of the image."""
        for array, start in zip(self._arrays, self._starts, strict=False):
            offset = address - int(array.ctypes.data)
            if 0 <= offset < max(array.nbytes, WORD_BYTES):
                return offset + start * WORD_BYTES
        raise ValueError("a word points out of its table")

    def at(self, values: Numbers, numbers: Sequence[int]) -> tuple[ProgramTable, Sequence[int]]:
        """The table for these values of the symbols, which give these `numbers`, and the sizes."""
        memory = aligned_words(len(self._words))
        address: int = memory.__array_interface__["data"][0]
        np.multiply(self._relative, address, out=memory)
        memory += self._words
        memory[self._changing] = _wrapped(numbers[: self._count])[self._order]
        parts = [
            memory[start : start + array.size].reshape(array.shape)
            for array, start in zip(self._arrays, self._starts, strict=False)
        ]
        table = _TableCopy(self._table, parts, lambda: self._template.plan_at(values).relocations)
        return table, numbers[self._count :]


class _TableCopy(ProgramTable):
    """A copy of a table that lies elsewhere."""

    def __init__(
        self, table: ProgramTable, arrays: list[Words], relocations: Callable[[], Sequence[Relocation]]
    ) -> None:
        self.take(table, arrays)
        self._relocations_of = relocations

    @cached_property
    def _relocations(self) -> list[Relocation]:  # type: ignore[override]
        return list(self._relocations_of())


def _wrapped(numbers: Sequence[int]) -> NDArray[np.int64]:
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        return np.array([number & 0xFFFF_FFFF_FFFF_FFFF for number in numbers], np.uint64).view(np.int64)


def _pointers(table: ProgramTable, plan: Plan) -> Iterator[tuple[Words, int]]:
    """The words of a table that are addresses in it."""
    yield table.header, ProgramWord.PHASES
    yield table.header, ProgramWord.RELOCATIONS
    for number, phase in enumerate(plan.phases):
        for place in range(len(phase)):
            yield table.launch_record(number, place), LaunchWord.ARGS
    for records in table.all_phase_records():
        for record in records:
            if record[PhaseWord.TILES]:
                yield record, PhaseWord.LAUNCHES
    start = 0
    for relocation in plan.relocations:
        yield table.relocation_words, start + RelocationWord.TARGET
        start += RELOCATION_WORDS + TERM_WORDS * len(relocation.terms)
    for number, moves in table.moves_of_loops.items():
        yield table.loop_records[number], LoopWord.FIRST
        yield table.loop_records[number], LoopWord.MOVES
        for place in range(len(plan.loops[number].moves)):
            yield moves, MOVE_WORDS * place + MoveWord.TARGET
    for entry in (*plan.own_words, *plan.block_words):
        yield table.args(entry.phase, entry.launch), entry.word
