"""The complement of erf, its inverse, and the normal distribution, as composites.

With t = (x - c) / (x + c), which takes [0, inf) to [-1, 1), the function (1 + 2x) exp(x^2) erfc(x) is a short series of
Chebyshev polynomials of t. All else is made of that, of erf, and of Newton's method with Halley's correction.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograd.ops.formula import (
    Formula,
    apply,
    chebyshev,
    copy_sign,
    erf,
    exp,
    log,
    log1p,
    nearest,
    real_function,
    sqrt,
    where,
)

CENTRE = 3.75
SERIES = (
    1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
    0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.9169733025012e-05, 4.139027986073095e-06,
    7.740383066199499e-07, -2.1886401049223435e-07, 1.076499946578121e-08, 4.521959811321238e-09,
    -7.75440020795044e-10, -6.318088334205306e-11, 2.8687950149989923e-11, 1.9455869707521697e-13,
    -9.654696930956613e-13, 3.252543474353797e-14, 3.347804772792646e-14, -1.864654355568362e-15,
    -1.2508995137284256e-15, 7.407258362286669e-17, 5.057446746414299e-17,
)  # fmt: skip

ROOT_TWO, ROOT_PI = math.sqrt(2), math.sqrt(math.pi)
# Of the normal density: 1 / sqrt(2 pi).
DENSITY = 1 / math.sqrt(2 * math.pi)


def _scaled_complement(x: Formula) -> Formula:
    """exp(x^2) erfc(x) for x >= 0."""
    far = x > 1e9
    bounded = where(far, 1.0, x)
    series = chebyshev((bounded - CENTRE) / (bounded + CENTRE), SERIES) / (1 + 2 * bounded)
    return where(far, (1 / ROOT_PI) / x, series)


def _exp_of_square(x: Formula, sign: float) -> Formula:
    """exp(+-x^2), the rounding error of the square made good."""
    high = nearest(x * 64) * (1 / 64)
    rest = (x - high) * (x + high)
    # Where x^2 is out of range, so that the rest is no number, the exponential is 0 or infinite by itself.
    return exp(high * high * sign) * exp(where(abs(rest) < 1, rest, 0.0) * sign)


def _complement(x: Formula) -> Formula:
    above = where(x < 0.5, 0.5, x)
    return where(x < 0.5, 1 - erf(x), _exp_of_square(above, -1) * _scaled_complement(above))


@real_function("erfc", lambda x, y: exp(-x * x) * (-2 / ROOT_PI), in_double=True)
def ERFC(x: Formula) -> Formula:
    """1 - erf(x), accurate where that is small."""
    return _complement(x)


@real_function("erfcx", lambda x, y: 2 * x * y - 2 / ROOT_PI, in_double=True)
def ERFCX(x: Formula) -> Formula:
    """exp(x^2) erfc(x)."""
    size = abs(x)
    positive = _scaled_complement(size)
    return where(x < 0, 2 * _exp_of_square(size, 1) - positive, positive)


# -- inverses ---------------------------------------------------------------------------------------------------------


def _first_guess(log_product: Formula) -> Formula:
    """An approximation of erfinv(x) from log(1 - x^2); after Winitzki (2008)."""
    a = 0.147
    middle = 2 / (math.pi * a) + log_product * 0.5
    return sqrt(sqrt(middle * middle - log_product * (1 / a)) - middle)


def _refined(y: Formula, steps: int, residual: Callable[[Formula], Formula]) -> Formula:
    """Some of Halley's steps towards a zero of `residual`, whose slope is 2 / sqrt(pi) exp(-y^2)."""
    for _ in range(steps):
        step = residual(y) * (ROOT_PI / 2) * _exp_of_square(y, 1)
        y = y - step / (1 + step * y)
    return y


@real_function("erfinv", lambda x, y: exp(y * y) * (ROOT_PI / 2), in_double=True)
def ERFINV(x: Formula) -> Formula:
    """The number whose erf is x; +-infinity at +-1."""
    size = abs(x)
    at_end = size.equals(1)
    inside = where(at_end, 0.5, size)
    guess = _first_guess(log((1 - inside) * (1 + inside)))
    found = _refined(guess, 2, lambda y: where(inside < 0.5, erf(y) - inside, (1 - inside) - _complement(y)))
    return copy_sign(where(at_end, math.inf, found), x)


def _complement_inverse(z: Formula) -> Formula:
    """The number whose erfc is z, for z in (0, 1]."""
    guess = _first_guess(log(z * (2 - z)))
    return _refined(guess, 3, lambda y: z - _complement(y))


# -- the normal distribution ------------------------------------------------------------------------------------------


@real_function("ndtr", lambda x, y: exp(x * x * -0.5) * DENSITY, in_double=True)
def NDTR(x: Formula) -> Formula:
    """The area below the normal density to the left of x."""
    return 0.5 * _complement(x * (-1 / ROOT_TWO))


@real_function("log_ndtr", lambda x, y: math.sqrt(2 / math.pi) / apply(ERFCX, x * (-1 / ROOT_TWO)), in_double=True)
def LOG_NDTR(x: Formula) -> Formula:
    """The logarithm of ndtr(x), accurate where that is small."""
    below = where(x < -1, x, -1.0)
    tail = log(0.5 * _scaled_complement(below * (-1 / ROOT_TWO))) - below * below * 0.5
    return where(x < -1, tail, log1p(-0.5 * _complement(x * (1 / ROOT_TWO))))


@real_function("ndtri", lambda x, y: exp(y * y * 0.5) * (1 / DENSITY), in_double=True)
def NDTRI(x: Formula) -> Formula:
    """The number to whose left the area below the normal density is x; -infinity at 0, infinity at 1."""
    lower = x <= 0.5
    twice = 2 * where(lower, x, 1 - x)
    at_end = twice.equals(0)
    found = ROOT_TWO * where(at_end, math.inf, _complement_inverse(where(at_end, 1.0, twice)))
    return where(lower, -found, found)


@real_function("entr", lambda x, y: -log(x) - 1)
def ENTR(x: Formula) -> Formula:
    """-x log(x); 0 at 0, -infinity below."""
    return where(x < 0, -math.inf, where(x.equals(0), 0.0, -x * log(where(x > 0, x, 1.0))))
