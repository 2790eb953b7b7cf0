"""atan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retrograd.backends.native.ir import Function, Value
from retrograd.backends.native.vmath_core import (
    DOUBLE,
    SINGLE,
    copy_sign,
    format_of,
    magnitude,
    multiply_add,
    polynomial,
)

# From each bound on, the angle is counted from the one whose tangent stands beside it: 1/2, 1, 3/2 or infinity.
BOUNDS = (math.sqrt(2.0) - 1.0, 0.7, 1.2, math.sqrt(2.0) + 1.0)
CENTRES = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class ArcTangent:
    """Constants of atan in one format.

    Attributes:
        starts: atan of 1/2, 1, 3/2 and infinity, each in two parts.
        coefficients: of p in atan(r) = r + r**3 p(r**2) for |r| <= sqrt(2) - 1, fitted for the least error.
    """

    starts: tuple[tuple[float, float], ...]
    coefficients: tuple[float, ...]


CONSTANTS = {
    SINGLE: ArcTangent(
        (
            (0.46364760398864746, 5.01215868808913e-09), (0.7853981852531433, -2.1855694143368964e-08),
            (0.9827937483787537, -2.5131424052915463e-08), (1.5707963705062866, -4.371138828673793e-08),
        ),
        (-0.3333333, 0.19999559, -0.14264503, 0.107488036, -0.064666174),
    ),
    DOUBLE: ArcTangent(
        (
            (0.4636476090008061, 2.2698777452961687e-17), (0.7853981633974483, 3.061616997868383e-17),
            (0.982793723247329, 1.3903311031230998e-17), (1.5707963267948966, 6.123233995736766e-17),
        ),
        (
            -0.3333333333333333, 0.19999999999995777, -0.142857142847154, 0.11111111018877935, -0.09090904714548766,
            0.07692186144305987, -0.06664550390626829, 0.05858466833345495, -0.05087018626704218, 0.03927453300368874,
            -0.019226694540414386,
        ),
    ),
}  # fmt: skip


def atan(f: Function, x: Value) -> Value:
    """atan(|x|) = atan(c) + atan(r) with r = (|x| - c) / (1 + c |x|), where r is small."""
    constants = CONSTANTS[format_of(x)]
    size = magnitude(f, x)
    above = [f.compare("oge", size, bound) for bound in BOUNDS]
    centre, start, start_low = (f.const(0.0, x.type) for _ in range(3))
    for is_above, number, (high, low) in zip(above, (*CENTRES, 0.0), constants.starts, strict=True):
        centre = f.select(is_above, f.const(number, x.type), centre)
        start = f.select(is_above, f.const(high, x.type), start)
        start_low = f.select(is_above, f.const(low, x.type), start_low)
    far = above[-1]
    numerator = f.select(far, f.const(-1.0, x.type), size - centre)
    ratio = numerator / f.select(far, size, multiply_add(f, centre, size, 1.0))
    square = ratio * ratio
    series = polynomial(f, square, constants.coefficients) * square
    angle = multiply_add(f, series, ratio, start_low) + ratio
    return copy_sign(f, start + angle, x)
