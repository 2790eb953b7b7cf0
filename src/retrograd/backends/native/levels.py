"""What waits for what: the phase of each work."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.backends.native.work import Work


def levels_of(works: Sequence[Work], orders: Sequence[tuple[Work, Work]] = ()) -> dict[Work, int] | None:
    """The phase of each work: one after the last it waits for. None if something waits for itself.

    Args:
        works: in an order in which they could be done one by one.
        orders: pairs of which the second waits for the first beside what values demand.
    """
    before: dict[Work, set[Work]] = {work: set() for work in works}
    writers: dict[int, list[Work]] = {}
    for work in works:
        for root in (*work.reads, *work.writes):
            beside = root in work.parts and root not in work.reads
            before[work].update(w for w in writers.get(root, ()) if not (beside and root in w.parts))
        for root in work.writes:
            writers.setdefault(root, []).append(work)
    for first, second in orders:
        before[second].add(first)
    after: dict[Work, list[Work]] = {work: [] for work in works}
    missing = {work: len(needs) for work, needs in before.items()}
    for work, needs in before.items():
        for need in needs:
            after[need].append(work)
    levels: dict[Work, int] = {}
    ready = [work for work in works if not missing[work]]
    for work in ready:
        levels[work] = 1 + max((levels[need] for need in before[work]), default=-1)
        for follower in after[work]:
            missing[follower] -= 1
            if not missing[follower]:
                ready.append(follower)
    return levels if len(levels) == len(before) else None


def by_level(works: Sequence[Work], levels: dict[Work, int]) -> list[list[Work]]:
    """The works of each phase."""
    phases: list[list[Work]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for work in works:
        phases[levels[work]].append(work)
    return phases
