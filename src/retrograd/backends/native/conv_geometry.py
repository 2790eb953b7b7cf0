"""Where a convolution reads, axis by axis.

With stride s, input dilation D, kernel dilation d and padding `low` before the input, output p and tap r meet at the
input element (p s + r d - low) / D, if D divides that. Outputs p and p + D / gcd(s, D) meet the same taps: they are of
one phase. Within a phase an axis is a plain convolution of a part of the taps, so no kernel ever multiplies the zeros
that dilation would put between the elements of the input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from retrograd.core.types import Shape
from retrograd.ops.conv import Padding

# Kernels see this many spatial axes; a convolution of fewer has axes of extent 1 in front.
SPATIAL_AXES = 3


class Tap(NamedTuple):
    """Tap `number` of a kernel meets input element `offset` at the first output of a phase."""

    number: int
    offset: int


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution."""

    extent: int
    kernel: int
    out: int
    stride: int = 1
    low: int = 0
    input_dilation: int = 1
    dilation: int = 1

    @property
    def period(self) -> int:
        """How many phases there are: outputs that many apart meet the same taps."""
        return self.input_dilation // math.gcd(self.stride, self.input_dilation)

    @property
    def step(self) -> int:
        """How far in the input two neighbouring outputs of a phase lie apart."""
        return self.stride // math.gcd(self.stride, self.input_dilation)

    def taps(self, phase: int) -> tuple[Tap, ...]:
        """The taps that the outputs phase, phase + period, ... meet, ascending."""
        places = ((r, phase * self.stride + r * self.dilation - self.low) for r in range(self.kernel))
        return tuple(Tap(r, place // self.input_dilation) for r, place in places if place % self.input_dilation == 0)

    def count(self, phase: int) -> int:
        """How many outputs a phase has."""
        return max(-(-(self.out - phase) // self.period), 0)

    @property
    def offsets(self) -> tuple[int, int]:
        """The least and the greatest offset of all taps; (0, 0) without any."""
        found = [tap.offset for phase in range(self.period) for tap in self.taps(phase)]
        return (min(found), max(found)) if found else (0, 0)

    @property
    def reach(self) -> tuple[int, int]:
        """The first input element that any output meets, and the last; both may lie outside of the input."""
        met = [
            (taps[0].offset, taps[-1].offset + (self.count(phase) - 1) * self.step)
            for phase in range(min(self.period, self.out))
            if (taps := self.taps(phase))
        ]
        return (min(first for first, _ in met), max(last for _, last in met)) if met else (0, 0)

    @property
    def inside(self) -> bool:
        """Whether all that is met lies within the input."""
        first, last = self.reach
        return first >= 0 and last < self.extent

    @property
    def in_a_row(self) -> bool:
        """Whether the taps of each output are all taps, and meet neighbouring elements."""
        return self.period == 1 and self.dilation == self.input_dilation and len(self.taps(0)) == self.kernel


def axes_of(
    extents: Shape, kernel: Shape, out: Shape, stride: Shape, padding: Padding, input_dilation: Shape, dilation: Shape
) -> tuple[Axis, ...]:
    """The axes of a convolution, filled up to `SPATIAL_AXES`."""
    given = [
        Axis(extent, taps, positions, step, low, spread, apart)
        for extent, taps, positions, step, (low, _), spread, apart in zip(
            extents, kernel, out, stride, padding, input_dilation, dilation, strict=True
        )
    ]
    return (*[Axis(1, 1, 1)] * (SPATIAL_AXES - len(given)), *given)
