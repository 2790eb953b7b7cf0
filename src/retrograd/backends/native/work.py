"""Work: what one launch does, before memory and phases are known.

A work in short:

    work     = kernel key and generator, argument words, tiles, what it reads and writes
    word     = an integer | Address (where a view of a value starts)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retrograd.backends.native.views import View
from retrograd.core.types import Shape


@dataclass(frozen=True, slots=True)
class Address:
    """An argument word that becomes the address of a view's first element."""

    view: View


@dataclass(frozen=True, slots=True)
class KernelAddress:
    """An argument word that becomes the address of another kernel."""

    key: str


@dataclass(frozen=True, slots=True)
class ArgsAddress:
    """An argument word that becomes the address of this launch's own words, from word `start` on."""

    start: int


Word = int | Address | KernelAddress | ArgsAddress


@dataclass(eq=False)
class Bound:
    """An operand of a kernel: a view whose strides follow the axes of the kernel's domain.

    Attributes:
        per_column: it does not move along the reduced axes of an outer reduction, and is read once a column.
    """

    view: View
    dtype: str
    written: bool
    per_column: bool = False

    @property
    def pattern(self) -> tuple[Shape, int, object]:
        """Which elements it touches at which point."""
        return self.view.strides, self.view.offset, self.view.dynamic


@dataclass(eq=False)
class Work:
    """One launch.

    Attributes:
        kernel: key of the kernel in the cache.
        words: its arguments.
        tiles: how many tiles it has.
        cost: roughly how many elements it touches, or multiplies.
        reads, writes: roots.
        members: values it computes, for `explain`.
        operands: of its loop, if it has one.
    """

    kernel: str
    words: list[Word]
    tiles: int
    cost: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    members: tuple[int, ...] = ()
    operands: tuple[Bound, ...] = ()

    def overwrites_exactly(self, source: int, target: int) -> bool:
        """Whether it may write root `target` over root `source`: no element is read after it is written."""
        written = {b.pattern for b in self.operands if b.written and b.view.root == target}
        read = {b.pattern for b in self.operands if not b.written and b.view.root == source}
        return len(written) == 1 and read == written


# IR text of kernels by key, made only if the cache has no code for them.
Generators = dict[str, Callable[[], str]]


def even_part(extent: int, limit: int) -> int:
    """The size of even parts of at most about `limit`."""
    parts = max(-(-extent // max(limit, 1)), 1)
    return -(-extent // parts)
