"""A bounded cache in which what is used stays."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Two generations of entries, of at most `limit` each.

    An entry is made in the young generation. When that is full it becomes the old one, in place of the old one before
    it; an entry found among the old is young again. So whatever was looked up within the last `limit` distinct entries
    is there, an entry that nobody asks for goes, and looking up costs what a dictionary costs.

    Attributes:
        young: the entries of the young generation, always the same dictionary: hot paths may look into it themselves,
            and ask `get` for what is not there.
        limit: entries of a generation.

    >>> cache = Cache(limit=2)
    >>> for key in "abcab":
    ...     _ = cache.get(key) or cache.put(key, key.upper())
    >>> sorted({*cache.young, *cache.old})
    ['a', 'b', 'c']
    >>> len(cache.young) <= 2 and len(cache.old) <= 2
    True
    """

    __slots__ = ("young", "old", "limit")

    def __init__(self, limit: int) -> None:
        self.young: dict[Key, Value] = {}
        self.old: dict[Key, Value] = {}
        self.limit = limit

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
        if len(self.young) >= self.limit:
            self.old = self.young.copy()
            self.young.clear()
        return self.young.setdefault(key, value)

    def clear(self) -> None:
        self.young.clear()
        self.old = {}

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())
