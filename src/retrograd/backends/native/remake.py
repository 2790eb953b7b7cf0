"""Values that are made again where they are read, which costs less than to write them to memory and read them back.

A kernel that reads an elementwise result of another kernel may as well read what that was made of, if it is as little:
the normalised activations of a batch normalisation are a few operations away from its input, which the backward pass
reads anyway. A value is remade if all of its readers in other kernels can do so without reading one array more.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from retrograd.backends.native.group import Group
from retrograd.backends.native.merge import is_large
from retrograd.backends.native.views import squeezed

if TYPE_CHECKING:
    from retrograd.backends.native.fuse import Fusion

_CHEAP = frozenset({"add", "sub", "mul", "neg", "abs", "maximum", "minimum", "select"})
# More operations than this take longer than to read the value.
_MOST_OPERATIONS = 8
# Smaller values cost nothing either way.
_SMALLEST = 4096


def remake(fusion: Fusion) -> None:
    """Enter in `fusion.remade` the values of a grouped graph that their readers in other groups make anew."""
    readers = _outside_readers(fusion)
    for value, groups in sorted(readers.items()):
        if not _is_cheap(fusion, value) or not all(_reads_in_place(fusion, group, value) for group in groups):
            continue
        origins = _Origins(fusion, value, stored=readers.keys() - fusion.remade - {value})
        if origins.known and all(len(origins.sources - _sources(fusion, group)) <= 1 for group in groups):
            fusion.remade |= origins.steps


def _outside_readers(fusion: Fusion) -> dict[int, list[Group]]:
    """For each value that groups beside its own read, these groups."""
    readers: dict[int, list[Group]] = {}
    for group in fusion.ordered():
        for root in {root for value in group.members for root, _ in fusion.reads_of_member(value)}:
            if fusion.groups.get(root) not in (None, group):
                readers.setdefault(root, []).append(group)
    return readers


def _is_cheap(fusion: Fusion, value: int) -> bool:
    if value < fusion.first or fusion.name(value) not in _CHEAP or not fusion.stays_in_place(value):
        return False
    return fusion.graph.types[value].size >= _SMALLEST and fusion.groups[value].kind == "loop"


def _reads_in_place(fusion: Fusion, group: Group, value: int) -> bool:
    """Whether a group computes at each point of its domain with the value's element there."""
    shape = fusion.graph.types[value].shape
    return (group.kind == "loop" or group.is_product) and squeezed(group.domain) == squeezed(shape)


def _sources(fusion: Fusion, group: Group) -> set[int]:
    """The large arrays that a group reads from memory."""
    reads = (read for value in group.members for read in fusion.reads_of_member(value))
    return {root for root, view in reads if fusion.groups.get(root) is not group and is_large(view)}


class _Origins:
    """What a value is made of.

    Attributes:
        known: whether it is a few cheap operations on arrays that are in memory.
        sources: the large ones of these arrays.
        steps: the values of the operations.
    """

    def __init__(self, fusion: Fusion, value: int, stored: Set[int]) -> None:
        self.known = True
        self.sources: set[int] = set()
        self.steps: set[int] = set()
        own = fusion.groups[value]
        pending = [value]
        while pending and self.known:
            step = pending.pop()
            self.steps.add(step)
            for root, view in fusion.reads_from_outside(step):
                if not is_large(view) or root in self.steps:
                    continue
                if fusion.groups.get(root) is not own or root in stored:
                    self.sources.add(root)
                else:
                    pending.append(root)
                    self.known = self.known and _is_cheap(fusion, root)
        self.known = self.known and len(self.steps) <= _MOST_OPERATIONS
