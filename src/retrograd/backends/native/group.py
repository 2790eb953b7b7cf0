"""A group: steps that one kernel computes together."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrograd.core.types import Shape

# What may have an epilogue.
PRODUCTS = frozenset({"matmul", "conv.depthwise", "conv.direct", "conv.winograd"})


@dataclass(eq=False)
class Group:
    """Steps that one kernel computes.

    Attributes:
        kind: "loop", or the name of a product (with its epilogue) or of a primitive that stands alone.
        domain: extents, without those of 1.
        reduced: axes of the domain that reductions of the group run over; None before the first.
        members: values, in order; the product first.
        sources: the roots that its members read, as they were placed.
    """

    kind: str
    domain: Shape
    reduced: tuple[int, ...] | None = None
    members: list[int] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)

    @property
    def first(self) -> int:
        """The earliest member: a product stands before the others, and what comes after it is in order."""
        return min(self.members[:2])

    @property
    def is_product(self) -> bool:
        """Whether it is a product or convolution, and steps behind it."""
        return self.kind in PRODUCTS

    @property
    def part(self) -> Shape:
        """The shape of what the group's reductions yield."""
        return tuple(n for i, n in enumerate(self.domain) if i not in (self.reduced or ()))
