"""Which group waits for which, while groups grow, merge and are parted."""

from __future__ import annotations

import random

import pytest

from retrograd.backends.native.group import Group
from retrograd.backends.native.waits import Waits


class _Groups:
    """Groups of values that are numbered as they come; `reads` says what each value reads."""

    def __init__(self) -> None:
        self.of: dict[int, Group] = {}
        self.waits = Waits(self.of)

    def join(self, group: Group, value: int, *reads: int) -> Group:
        group.members.append(value)
        group.sources.update(reads)
        self.of[value] = group
        self.waits.join(group, value, reads)
        return group

    def new(self, value: int, *reads: int) -> Group:
        return self.join(Group("loop", (2,)), value, *reads)

    def merge(self, into: Group, group: Group) -> None:
        into.members = sorted([*into.members, *group.members])
        into.sources |= group.sources
        self.of.update(dict.fromkeys(group.members, into))
        self.waits.merge(into, group)

    def by_walking(self, roots: set[int], groups: set[Group]) -> bool:
        """Whether a root's group is one of the groups, or waits for one: every path is followed."""
        seen: set[Group] = set()
        stack = [self.of[root] for root in roots]
        while stack:
            group = stack.pop()
            if group not in seen:
                seen.add(group)
                stack += [self.of[root] for root in group.sources]
        return bool(seen & groups)


def test_what_comes_before_may_wait_for_what_comes_after() -> None:
    """Values 1 to 5; the first group grew by a value that reads the last but one."""
    groups = _Groups()
    first = groups.new(1)
    groups.new(2, 1)
    third, fourth = groups.new(3, 2), groups.new(4)
    assert not groups.waits.wait([2], {third, fourth})
    groups.join(first, 5, 4)
    assert groups.waits.wait([2], {third, fourth})


@pytest.mark.parametrize("seed", range(200))
def test_random_groups_wait_as_every_path_says(seed: int) -> None:
    rng, groups = random.Random(seed), _Groups()
    for value in range(40):
        reads = rng.sample(range(value), min(value, rng.randrange(4)))
        there = list(dict.fromkeys(groups.of.values()))
        joined = rng.choice(there) if there and rng.random() < 0.4 else None
        if joined is None or groups.by_walking({r for r in reads if groups.of[r] is not joined}, {joined}):
            groups.new(value, *reads)
        else:
            groups.join(joined, value, *reads)
        a, b = (groups.of[rng.randrange(value + 1)] for _ in range(2))
        outside = {root for root in a.sources | b.sources if groups.of[root] not in (a, b)}
        assert groups.waits.wait(outside, {a, b}) == groups.by_walking(outside, {a, b})
        if a is not b and rng.random() < 0.5 and not groups.by_walking(outside, {a, b}):
            groups.merge(a, b)
