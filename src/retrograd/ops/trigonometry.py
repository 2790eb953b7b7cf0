"""Trigonometric functions beyond sin and cos, and the hyperbolic ones, as composites."""

from __future__ import annotations

import math

from retrograd.ops.formula import (
    Formula,
    apply,
    atan,
    copy_sign,
    cos,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    nearest,
    odd,
    pair_function,
    polynomial,
    real_function,
    sin,
    sqrt,
    where,
)


@real_function("tan", lambda x, y: 1 + y * y)
def TAN(x: Formula) -> Formula:
    """sin(x) / cos(x)."""
    return sin(x) / cos(x)


@real_function("atan", lambda x, y: 1 / (1 + x * x))
def ATAN(x: Formula) -> Formula:
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return atan(x)


@real_function("asin", lambda x, y: 1 / sqrt((1 - x) * (1 + x)))
def ASIN(x: Formula) -> Formula:
    """The angle in [-pi/2, pi/2] whose sine is x."""
    return atan(x / sqrt((1 - x) * (1 + x)))


@real_function("acos", lambda x, y: -1 / sqrt((1 - x) * (1 + x)))
def ACOS(x: Formula) -> Formula:
    """The angle in [0, pi] whose cosine is x: twice the one whose tangent is sqrt((1 - x) / (1 + x))."""
    return 2 * atan(sqrt((1 - x) / (1 + x)))


@pair_function("atan2", lambda a, b, y: _atan2_slopes(a, b))
def ATAN2(a: Formula, b: Formula) -> Formula:
    """The angle in [-pi, pi] of the point (b, a), zeros with their signs included."""
    rise, run = abs(a), abs(b)
    # Where both are 0 or both infinite, the quotient is none.
    slope = where(rise.equals(run), where(rise.equals(0), rise, 1.0), rise / run)
    angle = atan(slope)
    angle = where(b.bits < 0, math.pi - angle, angle)
    return copy_sign(angle, a)


def _atan2_slopes(a: Formula, b: Formula) -> tuple[Formula, Formula]:
    square = a * a + b * b
    return b / square, -a / square


@pair_function("hypot", lambda a, b, y: (a / y, b / y))
def HYPOT(a: Formula, b: Formula) -> Formula:
    """sqrt(a^2 + b^2) without overflow: m sqrt(1 + (n / m)^2), m the larger and n the smaller magnitude.

    Beside an infinity even NaN makes no difference.
    """
    large, small = maximum(abs(a), abs(b)), minimum(abs(a), abs(b))
    ratio = where(large.equals(small), where(large.equals(0), large, 1.0), small / large)
    infinite = abs(a).equals(math.inf) | abs(b).equals(math.inf)
    return where(infinite, math.inf, large * sqrt(1 + ratio * ratio))


def _sinc_near_zero(square: Formula) -> Formula:
    """sin(t) / t as a series in t^2, for |t| < 1."""
    return polynomial(square, [(-1) ** k / math.factorial(2 * k + 1) for k in range(12)])


@real_function("sinc")
def SINC(x: Formula) -> Formula:
    """sin(pi x) / (pi x), and 1 at 0."""
    is_near = abs(x) < 0.25
    near, away = where(is_near, x, 0.0) * math.pi, where(is_near, 1.0, x)
    return where(is_near, _sinc_near_zero(near * near), sin_pi(away) / (away * math.pi))


# -- hyperbolic -------------------------------------------------------------------------------------------------------


def _cosh(x: Formula, y: Formula) -> Formula:
    return apply(COSH, x)


@real_function("sinh", _cosh)
def SINH(x: Formula) -> Formula:
    """(exp(x) - exp(-x)) / 2."""
    return odd(_positive_sinh, x)


def _positive_sinh(x: Formula) -> Formula:
    less_one = expm1(x)
    # exp(x) may overflow where half of it does not.
    root = exp(x * 0.5)
    return where(x < 20, (less_one + less_one / (less_one + 1)) * 0.5, root * 0.5 * root)


@real_function("cosh", lambda x, y: apply(SINH, x))
def COSH(x: Formula) -> Formula:
    """(exp(x) + exp(-x)) / 2."""
    root = exp(abs(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


@real_function("asinh", lambda x, y: 1 / sqrt(x * x + 1))
def ASINH(x: Formula) -> Formula:
    """log(x + sqrt(x^2 + 1)), accurate near 0 too."""
    return odd(_positive_asinh, x)


def _positive_asinh(x: Formula) -> Formula:
    small = where(x < 1e9, x, 0.0)
    square = small * small
    return where(x < 1e9, log1p(small + square / (1 + sqrt(square + 1))), log(x) + math.log(2))


@real_function("acosh", lambda x, y: 1 / (sqrt(x - 1) * sqrt(x + 1)))
def ACOSH(x: Formula) -> Formula:
    """log(x + sqrt(x^2 - 1)), accurate near 1 too."""
    above = x - 1
    return where(x < 1e9, log1p(above + sqrt(above) * sqrt(x + 1)), log(x) + math.log(2))


@real_function("atanh", lambda x, y: 1 / ((1 - x) * (1 + x)))
def ATANH(x: Formula) -> Formula:
    """log((1 + x) / (1 - x)) / 2."""
    return odd(lambda x: 0.5 * log1p(2 * x / (1 - x)), x)


# -- angles -----------------------------------------------------------------------------------------------------------


@real_function("deg2rad")
def DEG2RAD(x: Formula) -> Formula:
    """x pi / 180."""
    return x * (math.pi / 180)


@real_function("rad2deg")
def RAD2DEG(x: Formula) -> Formula:
    """x 180 / pi."""
    return x * (180 / math.pi)


def sin_pi(x: Formula) -> Formula:
    """sin(pi x), exact where x is whole."""
    whole = nearest(x)
    half = whole * 0.5
    wave = sin((x - whole) * math.pi)
    return where(nearest(half).equals(half), wave, -wave)
