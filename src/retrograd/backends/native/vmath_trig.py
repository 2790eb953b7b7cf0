"""sin and cos."""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograd.backends.native.ir import F32, F64, Function, Value, element_of
from retrograd.backends.native.vmath_core import (
    DOUBLE, SINGLE, bits_of, format_of, from_bits, like, multiply_add, nearest_whole, polynomial,
)  # fmt: skip

# pi/2 in three parts; the first two have so few bits that their product with a quadrant's number is exact.
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)

# sin(r) = r + r**3 p(r**2) and cos(r) = 1 - r**2/2 + r**4 p(r**2), for |r| a little over pi/4.
SINE = {
    SINGLE: (-0.166666672, 0.00833332911, -0.000198391921, 2.71694194e-06),
    DOUBLE: (
        -0.16666666666666666, 0.008333333333333321, -0.00019841269841252196, 2.75573192126777e-06,
        -2.5052104513274664e-08, 1.6058315495959437e-10, -7.576150172744775e-13,
    ),
}  # fmt: skip
COSINE = {
    SINGLE: (0.0416666679, -0.00138888834, 2.47993594e-05, -2.71968958e-07),
    DOUBLE: (
        0.041666666666666664, -0.001388888888888887, 2.4801587301568206e-05, -2.7557319213965197e-07,
        2.0876754049538053e-09, -1.1470257496039789e-11, 4.7365039267567755e-14,
    ),
}  # fmt: skip


def sin(f: Function, x: Value) -> Value:
    return _wave(f, x, 0)


def cos(f: Function, x: Value) -> Value:
    return _wave(f, x, 1)


def _wave(f: Function, x: Value, quarter_turns: int) -> Value:
    """sin(x + quarter_turns * pi/2)."""
    angle, tail, quadrant = _reduce(f, x)
    quadrant = quadrant + quarter_turns
    sine, cosine = _sine(f, angle, tail), _cosine(f, angle, tail)
    result = f.select(f.compare("ne", quadrant & 1, 0), cosine, sine)
    form = format_of(x)
    sign = (quadrant & 2) << (8 * (8 if form is DOUBLE else 4) - 2)
    return from_bits(f, bits_of(f, result) ^ sign, x.type)
