"""When and where: work is put in phases by what waits for what, and values get places in memory.

A phase's launches are independent of one another. Outputs lie in the caller's buffers, everything else in one arena,
planned from lifetimes: a place is free again after the last phase that reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.views import dense_view
from retrograd.backends.native.work import Work

_ALIGNMENT = 64


@dataclass(frozen=True)
class Schedule:
    """The plan.

    Attributes:
        phases: the work, phase by phase.
        homes: for each root that is no input: ("output", number) or ("arena", byte offset).
        arena_bytes: size of the arena.
    """

    phases: list[list[Work]]
    homes: dict[int, tuple[str, int]]
    arena_bytes: int


def make_schedule(lowering: Lowering, aliases: Sequence[int]) -> Schedule:
    """Plan a program whose output i overwrites the buffer of input aliases[i], if that is not -1."""
    orders = _in_place_orders(lowering, aliases)
    levels = _levels(lowering.work, orders)
    if levels is None:
        orders = _without_overwriting(lowering, aliases)
        levels = _levels(lowering.work, orders)
        assert levels is not None, "a program without updates in place has no cycle"
    phases: list[list[Work]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for work in lowering.work:
        phases[levels[work]].append(work)
    for phase in phases:
        phase.sort(key=lambda work: -work.cost)
    homes, size = _place(lowering, levels)
    return Schedule(phases, homes, size)


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


def _levels(works: list[Work], orders: list[tuple[Work, Work]]) -> dict[Work, int] | None:
    """The phase of each work: one after the last it waits for. None if something waits for itself."""
    before: dict[Work, set[Work]] = {work: set() for work in works}
    writers: dict[int, list[Work]] = {}
    for work in works:
        for root in (*work.reads, *work.writes):
            before[work].update(writers.get(root, ()))
        for root in work.writes:
            writers.setdefault(root, []).append(work)
    for first, second in orders:
        before[second].add(first)
    levels: dict[Work, int] = {}
    waiting = dict(before)
    while waiting:
        ready = [work for work, needs in waiting.items() if all(need in levels for need in needs)]
        if not ready:
            return None
        for work in ready:
            levels[work] = 1 + max((levels[need] for need in before[work]), default=-1)
            del waiting[work]
    return levels


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
    placed: list[tuple[int, int, int, int]] = []
    size = 0
    for root, (start, end) in sorted(lives.items(), key=lambda item: (item[1][0], -lowering.types[item[0]].nbytes)):
        need = -(-max(lowering.types[root].nbytes, 1) // _ALIGNMENT) * _ALIGNMENT
        offset = _first_fit([(o, n) for o, n, s, e in placed if s <= end and start <= e], need)
        placed.append((offset, need, start, end))
        homes[root] = ("arena", offset)
        size = max(size, offset + need)
    for root, target in lowering.shared.items():
        homes[root] = homes[target]
    return homes, size


def _first_fit(taken: list[tuple[int, int]], need: int) -> int:
    """The lowest offset at which `need` bytes are free."""
    offset = 0
    for start, length in sorted(taken):
        if start - offset >= need:
            break
        offset = max(offset, start + length)
    return offset
