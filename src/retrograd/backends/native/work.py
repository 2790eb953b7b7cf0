"""Work: what one launch does, before memory and phases are known.

A work in short:

    work     = kernel key and generator, argument words, tiles, what it reads and writes
             | a loop: phases of work, and how often
    word     = an integer | Address (where a view of a value starts)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from retrograd.backends.native.views import View
from retrograd.core.extent import greatest
from retrograd.core.graph import Step
from retrograd.core.types import Shape, TensorType


@dataclass(frozen=True, slots=True)
class Move:
    """How an address changes from step to step of a loop: by so many elements, there and back in turn if it
    alternates."""

    elements: int
    alternates: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """An argument word that becomes the address of a view's first element.

    Attributes:
        view: as the first step of all loops around has it.
        moves: for each loop around, from the innermost.
    """

    view: View
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class KernelAddress:
    """An argument word that becomes the address of another kernel."""

    key: str


@dataclass(frozen=True, slots=True)
class ArgsAddress:
    """An argument word that becomes the address of this launch's own words, from word `start` on."""

    start: int


@dataclass(frozen=True, slots=True)
class BlockAddress:
    """An argument word that becomes the address of the phases of one of this launch's instances, by its number."""

    number: int


Word = int | Address | KernelAddress | ArgsAddress | BlockAddress


# The root of an operand that is no memory: its addresses are the positions that the kernel asks for.
NOWHERE = -1


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
    def address(self) -> Word:
        """Where its first element is, as an argument word."""
        return self.view.offset if self.view.root == NOWHERE else Address(self.view)

    @property
    def is_read(self) -> bool:
        """Whether it is memory that the kernel reads."""
        return not self.written and self.view.root != NOWHERE

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
        inside: steps of a loop's body that it computes, for `explain`.
        operands: of its loop, if it has one.
        parts: roots of which it writes a part that no other work writes.
    """

    kernel: str
    words: list[Word]
    tiles: int
    cost: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    members: tuple[int, ...] = ()
    operands: tuple[Bound, ...] = ()
    parts: tuple[int, ...] = ()
    inside: tuple[Step, ...] = ()

    def overwrites_exactly(self, source: int, target: int) -> bool:
        """Whether it may write root `target` over root `source`: no element is read after it is written."""
        written = {b.pattern for b in self.operands if b.written and b.view.root == target}
        read = {b.pattern for b in self.operands if not b.written and b.view.root == source}
        return len(written) == 1 and read == written


@dataclass(eq=False)
class LoopWork(Work):
    """Work that is done many times over, phase by phase; it is no launch itself.

    Attributes:
        phases: what one step does.
        count: how many steps there are.
    """

    phases: list[list[Work]] = field(default_factory=list)
    count: int = 0


@dataclass(eq=False)
class BlockWork(Work):
    """One launch of which each tile is a loop that a thread runs by itself.

    Attributes:
        instances: the loop of each tile.
    """

    instances: list[LoopWork] = field(default_factory=list)


@dataclass(frozen=True)
class Inside:
    """Where a body is lowered.

    Attributes:
        constants: the inputs that stay the same from step to step.
        alone: whether one thread runs all of it.
    """

    constants: frozenset[int] = frozenset()
    alone: bool = False


@dataclass(frozen=True)
class Packed:
    """A constant operand of products that is to be packed before the loop.

    Attributes:
        root: the root of the body that stands for it.
        type: how much memory it takes.
        layout: of the operand.
    """

    root: int
    type: TensorType
    layout: Literal["row", "col"]


# IR text of kernels by key, made only if the cache has no code for them.
Generators = dict[str, Callable[[], str]]


def even_part(extent: int, limit: int) -> int:
    """The size of even parts of at most about `limit`."""
    parts = greatest(-(-extent // greatest(limit, 1)), 1)
    return -(-extent // parts)


def roughly(extent: int) -> int:
    """A number of about this size: choices that are made for such numbers are made seldom, and remembered.

    >>> [roughly(n) for n in (0, 7, 8, 9, 10, 100, 1000)]
    [0, 7, 8, 8, 10, 96, 896]
    """
    shift = max(extent.bit_length() - 3, 0)
    return extent >> shift << shift
