"""When and where: work is put in phases by what waits for what, and values get places in memory.

A phase's launches are independent of one another. Outputs lie in the caller's buffers, everything else in one arena,
planned from lifetimes: a place is free again after the last phase that reads it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from retrograd.backends.native.levels import by_level, levels_of
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.views import dense_view
from retrograd.backends.native.work import BlockWork, LoopWork, Work
from retrograd.core.extent import computed, presently

_ALIGNMENT = 64
# Loops that keep so many bytes busy, and multiply so often in a step, gain nothing from others beside them.
_LARGE_BYTES, _LARGE_COST = 1 << 20, 1 << 22


@dataclass(eq=False)
class ScheduledLoop:
    """Phases `first` to `end - 1` are done `count` times over."""

    count: int
    first: int = 0
    end: int = 0


@dataclass(frozen=True)
class Schedule:
    """The plan.

    Attributes:
        phases: the work, phase by phase.
        instance_phases: the phases of loops that a single thread runs, numbered on.
        loops: of phases; those inside of another one come before it.
        around: of each of all these phases, the loops around it, from the innermost.
        blocks: where the phases of a launch's instances begin and end.
        homes: for each root that is no input: ("output", number) or ("arena", byte offset).
        arena_bytes: size of the arena.
    """

    phases: list[list[Work]]
    instance_phases: list[list[Work]]
    loops: list[ScheduledLoop]
    around: list[tuple[ScheduledLoop, ...]]
    blocks: dict[BlockWork, list[tuple[int, int]]]
    homes: dict[int, tuple[str, int]]
    arena_bytes: int


def make_schedule(lowering: Lowering, aliases: Sequence[int]) -> Schedule:
    """Plan a program whose output i overwrites the buffer of input aliases[i], if that is not -1."""
    turns = _turns(lowering)
    orders = _in_place_orders(lowering, aliases) + turns
    levels = levels_of(lowering.work, orders)
    if levels is None:
        orders = _without_overwriting(lowering, aliases) + turns
        levels = levels_of(lowering.work, orders)
        assert levels is not None, "a program without updates in place has no cycle"
    arranged = _Arranged()
    for works in by_level(lowering.work, levels):
        arranged.add(works, ())
    main = len(arranged.phases)
    arranged.add_blocks()
    homes, size = _place(lowering, levels)
    own, others = arranged.phases[:main], arranged.phases[main:]
    return Schedule(own, others, arranged.loops, arranged.around, arranged.blocks, homes, size)


class _Arranged:
    """Phases, one after another.

    Attributes:
        phases: the work of each.
        loops: of phases, those inside of another one before it.
        around: the loops around each phase, from the innermost.
        blocks: where the phases of instances stand.
    """

    def __init__(self) -> None:
        self.phases: list[list[Work]] = []
        self.loops: list[ScheduledLoop] = []
        self.around: list[tuple[ScheduledLoop, ...]] = []
        self.blocks: dict[BlockWork, list[tuple[int, int]]] = {}

    def add(self, works: list[Work], around: tuple[ScheduledLoop, ...]) -> None:
        """Append what does not depend on one another: a phase, then loops. Those of equally many steps go together."""
        plain = [work for work in works if not isinstance(work, LoopWork)]
        if plain:
            self.phases.append(sorted(plain, key=lambda work: -presently(work.cost)))
            self.around.append(around)
        by_count: dict[int, list[LoopWork]] = {}
        for work in works:
            if isinstance(work, LoopWork):
                by_count.setdefault(work.count, []).append(work)
        for count, together in by_count.items():
            loop = ScheduledLoop(count, first=len(self.phases))
            for parts in zip_longest(*(work.phases for work in together), fillvalue=[]):
                self.add([work for part in parts for work in part], (loop, *around))
            loop.end = len(self.phases)
            if loop.end > loop.first:
                self.loops.append(loop)

    def add_blocks(self) -> None:
        """Append the phases of instances, those that stand in phases of instances included."""
        number = 0
        while number < len(self.phases):
            for work in self.phases[number]:
                if isinstance(work, BlockWork):
                    self.blocks[work] = [self._add_instance(instance, number) for instance in work.instances]
            number += 1

    def _add_instance(self, instance: LoopWork, launched_in: int) -> tuple[int, int]:
        first = len(self.phases)
        self.add([instance], self.around[launched_in])
        return first, len(self.phases)


def _turns(lowering: Lowering) -> list[tuple[Work, Work]]:
    """Large loops, each with the next one: one after another they work in the same memory."""
    large = [work for work in lowering.work if _is_large(lowering, work)]
    return list(pairwise(large))


def _is_large(lowering: Lowering, work: Work) -> bool:
    loops = work.instances if isinstance(work, BlockWork) else [work] if isinstance(work, LoopWork) else []
    if not loops or presently(work.cost) < _LARGE_COST * presently(loops[0].count):
        return False
    return sum(presently(lowering.types[root].nbytes) for root in work.writes) >= _LARGE_BYTES


def _in_place_orders(lowering: Lowering, aliases: Sequence[int]) -> list[tuple[Work, Work]]:
    """Pairs (reader of an input, writer over it); outputs that cannot overwrite get a copy in between."""
    orders: list[tuple[Work, Work]] = []
    for number, source in enumerate(aliases):
        if source < 0:
            continue
        target = lowering.outputs[number]
        if not _overwrites(lowering, source, target):
            _detour(lowering, number)
            target = lowering.outputs[number]
        writers = [w for w in lowering.work if target in w.writes]
        orders += [(r, w) for r in lowering.work if source in r.reads for w in writers if r is not w]
    return orders


def _overwrites(lowering: Lowering, source: int, target: int) -> bool:
    """Whether the one writer of `target` reads `source` only where it writes."""
    writers = [w for w in lowering.work if target in w.writes]
    if len(writers) != 1 or target in lowering.shared.values():
        return False
    (writer,) = writers
    return source not in writer.reads or writer.overwrites_exactly(source, target)


def _detour(lowering: Lowering, number: int) -> None:
    """Compute output `number` beside its buffer, and copy it there at the end."""
    target = lowering.outputs[number]
    shape = lowering.types[target].shape
    copy = lowering.temporary(shape, target)
    lowering.move(dense_view(target, shape), dense_view(copy, shape))
    lowering.outputs[number] = copy


def _without_overwriting(lowering: Lowering, aliases: Sequence[int]) -> list[tuple[Work, Work]]:
    """Every aliased output by a copy at the end, after all readers of what it overwrites."""
    for number, source in enumerate(aliases):
        if source >= 0:
            _detour(lowering, number)
    return _in_place_orders(lowering, aliases)


def _place(lowering: Lowering, levels: dict[Work, int]) -> tuple[dict[int, tuple[str, int]], int]:
    """Homes of all roots, and the arena's size: first fit, larger values first among those that begin together."""
    homes: dict[int, tuple[str, int]] = {root: ("output", i) for i, root in enumerate(lowering.outputs)}
    lives: dict[int, tuple[int, int]] = {}
    for work in lowering.work:
        level = levels[work]
        for root in (*work.reads, *work.writes):
            root = lowering.shared.get(root, root)
            if root >= len(lowering.graph.inputs) and root not in homes:
                start, end = lives.get(root, (level, level))
                lives[root] = min(start, level), max(end, level)
    *offsets, size = computed(_Places(tuple(lives.values())), [lowering.types[root].nbytes for root in lives])
    homes.update((root, ("arena", offset)) for root, offset in zip(lives, offsets, strict=True))
    for root, target in lowering.shared.items():
        homes[root] = homes[target]
    return homes, size


@dataclass(frozen=True)
class _Places:
    """Where values lie in the arena by their sizes, and behind them its size.

    Attributes:
        lives: the first and the last phase of each.
    """

    lives: tuple[tuple[int, int], ...]

    def __call__(self, sizes: Sequence[int]) -> list[int]:
        offsets = [0] * len(sizes)
        total = 0
        # What lives in the phase that is looked at: offsets, lengths, last phases.
        taken: list[tuple[int, int, int]] = []
        phase = -1
        for place in sorted(range(len(sizes)), key=lambda place: (self.lives[place][0], -sizes[place])):
            start, end = self.lives[place]
            if start > phase:
                phase = start
                taken = [other for other in taken if other[2] >= start]
            need = -(-max(sizes[place], 1) // _ALIGNMENT) * _ALIGNMENT
            offset = offsets[place] = _first_fit(taken, need)
            insort(taken, (offset, need, end))
            total = max(total, offset + need)
        return [*offsets, total]


def _first_fit(taken: list[tuple[int, int, int]], need: int) -> int:
    """The lowest offset at which `need` bytes are free."""
    offset = 0
    for start, length, _ in taken:
        if start - offset >= need:
            break
        offset = max(offset, start + length)
    return offset
