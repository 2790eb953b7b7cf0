"""Size: a tensor's shape."""

from __future__ import annotations

import math


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that also counts its elements. Source: torch.Size.

    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        return math.prod(self)

    def __repr__(self) -> str:
        return f"retrograd.Size({list(self)})"
