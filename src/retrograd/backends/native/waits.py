"""Which group waits for which: none may wait for itself, by way of others.

A group waits for all of the groups that it reads from, and is done when all of its values are. So a group may wait for
values that come after its own: for those of a group which began before it, and was joined by others since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrograd.backends.native.group import Group


class Waits:
    """What groups read of one another, kept up while they grow.

    Args:
        groups: by value.
    """

    def __init__(self, groups: Mapping[int, Group]) -> None:
        self._groups = groups
        self._readers: dict[Group, set[Group]] = {}
        # The latest value of a group and of all that it waits for, or a later one.
        self._latest: dict[Group, int] = {}

    def join(self, group: Group, value: int, roots: Iterable[int]) -> None:
        """A value, which reads these roots, has become a member of a group."""
        self._raise(group, value)
        for root in roots:
            self._read(group, root)

    def merge(self, into: Group, group: Group) -> None:
        """The members of a group have become members of another one."""
        self._readers.setdefault(into, set()).update(self._readers.pop(group, ()))
        for root in group.sources:
            self._read(into, root)
        self._raise(into, self._latest.pop(group))

    def part(self, group: Group, into: Group) -> None:
        """Members of a group are about to join a new one: who reads from the old one may read from either."""
        self._readers[into] = set(self._readers.get(group, ()))

    def wait(self, roots: Iterable[int], groups: set[Group]) -> bool:
        """Whether computing any of the roots needs one of the groups to be done."""
        seen: set[Group] = set()
        stack = [group for root in roots if (group := self._groups.get(root)) is not None]
        # What waits for one of the groups, waits for a value that comes after their first.
        first = min(group.first for group in groups)
        while stack:
            group = stack.pop()
            if group in groups:
                return True
            if group not in seen and self._latest[group] > first:
                seen.add(group)
                stack += [before for root in group.sources if (before := self._groups.get(root)) is not None]
        return False

    def _read(self, group: Group, root: int) -> None:
        before = self._groups.get(root)
        if before is not None and before is not group:
            self._readers.setdefault(before, set()).add(group)
            self._raise(group, self._latest[before])

    def _raise(self, group: Group, latest: int) -> None:
        """A group, and so all that wait for it, wait for a value, or have it."""
        stack = [group]
        while stack:
            group = stack.pop()
            if self._latest.get(group, -1) < latest:
                self._latest[group] = latest
                stack += self._readers.get(group, ())
