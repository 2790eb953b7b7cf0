"""exp, exp2, expm1 and tanh."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retrograd.backends.native.ir import Function, Value
from retrograd.backends.native.vmath_core import (
    DOUBLE,
    SINGLE,
    clamp,
    copy_sign,
    format_of,
    magnitude,
    multiply_add,
    nearest_whole,
    polynomial,
    polynomial_in_pairs,
    power_of_two,
    scale_by_power,
)

LOG2_E = 1.0 / math.log(2.0)


@dataclass(frozen=True)
class Exponential:
    """Constants of exp in one format.

    Attributes:
        lowest, highest: beyond these, exp is 0 or infinite.
        lowest_exponent, highest_exponent: beyond these, exp2 is 0 or infinite.
        minus_one: below this, expm1 rounds to -1.
        ln2_high, ln2_low: ln 2 in two parts; the first times any exponent of the format is exact.
        coefficients: of p in exp(r) = 1 + r + r**2 p(r), fitted on |r| <= ln(2)/2 for the least relative error.
    """

    lowest: float
    highest: float
    lowest_exponent: float
    highest_exponent: float
    minus_one: float
    ln2_high: float
    ln2_low: float
    coefficients: tuple[float, ...]


CONSTANTS = {
    SINGLE: Exponential(
        -104.0, 89.0, -151.0, 128.0, -20.0, 0.693145751953125, 1.4286068203094173e-06,
        (0.49999997, 0.166665047, 0.0416688062, 0.00836922042, 0.0013726966),
    ),
    DOUBLE: Exponential(
        -746.0, 710.0, -1076.0, 1024.0, -40.0, 0.6931471805598903, 5.497923018708371e-14,
        (
            0.5, 0.16666666666666666, 0.041666666666666706, 0.00833333333333327, 0.0013888888888865766,
            0.0001984126984146828, 2.4801587360567293e-05, 2.7557318940829012e-06, 2.755724384637922e-07,
            2.5052284927997107e-08, 2.0923881582954e-09, 1.6030076348752414e-10,
        ),
    ),
}  # fmt: skip

# tanh(x) = x + x**3 p(x**2) for |x| below the bound, fitted for the least relative error.
TANH_SMALL = 0.55
TANH_COEFFICIENTS = {
    SINGLE: (-0.333333313, 0.133332953, -0.05395988, 0.0217843615, -0.00841859356, 0.00240103016),
    DOUBLE: (
        -0.3333333333333333, 0.1333333333333308, -0.05396825396805337, 0.021869488528145912, -0.008863235342376402,
        0.003592125236777091, -0.001455806434151381, 0.0005898361202858602, -0.0002382247217829772,
        9.399031657685319e-05, -3.299467462297658e-05, 7.464429251111148e-06,
    ),
}  # fmt: skip


def _reduced_expm1(f: Function, x: Value, tail: Value | None = None) -> tuple[Value, Value]:
    """q and the integer k such that exp(x + tail) = (1 + q) * 2**k and |q| is less than about 0.42."""
    constants = CONSTANTS[format_of(x)]
    whole, integer = nearest_whole(f, x, LOG2_E)
    rest = multiply_add(f, whole, -constants.ln2_high, x)
    rest = multiply_add(f, whole, -constants.ln2_low, rest)
    if tail is not None:
        rest = rest + tail
    return _small_expm1(f, rest), integer


def _small_expm1(f: Function, x: Value) -> Value:
    """exp(x) - 1 for |x| <= ln(2)/2."""
    square = x * x
    return multiply_add(f, polynomial_in_pairs(f, x, square, CONSTANTS[format_of(x)].coefficients), square, x)


def exp(f: Function, x: Value, tail: Value | None = None) -> Value:
    """exp(x), or exp(x + tail) for a tail that is tiny beside x."""
    constants = CONSTANTS[format_of(x)]
    q, exponent = _reduced_expm1(f, clamp(f, x, constants.lowest, constants.highest), tail)
    return scale_by_power(f, q + 1.0, exponent)


def exp2(f: Function, x: Value) -> Value:
    """2**x; exact where x is whole."""
    constants = CONSTANTS[format_of(x)]
    x = clamp(f, x, constants.lowest_exponent, constants.highest_exponent)
    whole, exponent = nearest_whole(f, x, 1.0)
    rest = x - whole
    low = rest * constants.ln2_low
    return scale_by_power(f, _small_expm1(f, multiply_add(f, rest, constants.ln2_high, low)) + 1.0, exponent)


def expm1(f: Function, x: Value) -> Value:
    form = format_of(x)
    constants = CONSTANTS[form]
    q, exponent = _reduced_expm1(f, clamp(f, x, constants.minus_one, constants.highest))
    # 2**k q + (2**k - 1), halved, because 2**k alone may overflow.
    half = power_of_two(f, exponent - 1, x.type)
    result = multiply_add(f, half, q, half - 0.5) * 2.0
    return f.select(f.compare("olt", magnitude(f, x), form.tiny), x, result)


def tanh(f: Function, x: Value) -> Value:
    size = magnitude(f, x)
    series = polynomial(f, x * x, TANH_COEFFICIENTS[format_of(x)])
    small = multiply_add(f, x * x * series, x, x)
    # Away from 0 what is missing to 1 is small, and so is its error.
    large = f.binary("sub", 1.0, f.binary("fdiv", 2.0, exp(f, size * 2.0) + 1.0))
    return copy_sign(f, f.select(f.compare("olt", size, TANH_SMALL), small, large), x)
