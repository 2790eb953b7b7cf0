"""A bounded cache in which what is used stays."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Two generations of entries, of at most `limit` each.

    An entry is made in the young generation. When that is full it becomes the old one, in place of the old one before
    it; an entry found among the old is young again. So whatever was looked up within the last `limit` distinct entries
    is there, an entry that nobody asks for goes, and looking up costs what a dictionary costs.

    Entries may have weights, so that a few large ones do not take more memory than many small ones: a generation holds
    entries of `heaviest` in all at most, or a single one.

    Attributes:
        young: the entries of the young generation, always the same dictionary: hot paths may look into it themselves,
            and ask `get` for what is not there.
        limit: entries of a generation.
        heaviest: weight of a generation.

    Args:
        limit, heaviest: as above.
        weigh: the weight of an entry; left out, all weigh nothing.

    >>> cache = Cache(limit=2)
    >>> for key in "abcab":
    ...     _ = cache.get(key) or cache.put(key, key.upper())
    >>> sorted({*cache.young, *cache.old})
    ['a', 'b', 'c']
    >>> len(cache.young) <= 2 and len(cache.old) <= 2
    True
    """

    __slots__ = ("young", "old", "limit", "heaviest", "_weigh", "_weight")

    def __init__(self, limit: int, heaviest: int = 0, weigh: Callable[[Value], int] | None = None) -> None:
        self.young: dict[Key, Value] = {}
        self.old: dict[Key, Value] = {}
        self.limit, self.heaviest = limit, heaviest
        self._weigh, self._weight = weigh, 0

    def get(self, key: Key) -> Value | None:
        """The entry of a key, or None."""
        found = self.young.get(key)
        if found is None:
            found = self.old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> Value:
        """Enter a value; the one that is kept, which is that of another thread if it was faster."""
        weight = 0 if self._weigh is None else self._weigh(value)
        if len(self.young) >= self.limit or self._weight + weight > self.heaviest:
            self.old = self.young.copy()
            self.young.clear()
            self._weight = 0
        self._weight += weight
        return self.young.setdefault(key, value)

    def clear(self) -> None:
        self.young.clear()
        self.old = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())
