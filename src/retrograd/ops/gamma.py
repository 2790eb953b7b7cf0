"""The gamma function's logarithm and the derivatives of that, and the zeta function they are made of, as composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import floating, meet
from retrograd.ops.formula import Formula, chebyshev, floor, log, polynomial, real_function, where
from retrograd.ops.trigonometry import sin_pi

# Of lgamma(x) / ((x - 1) (x - 2)) in polynomials of Chebyshev, for x from 3/2 to 5/2.
SERIES = (
    0.42702679007974553, -0.05136266063271509, 0.004283865121771959, -0.00040868943087787814, 4.189889214014742e-05,
    -4.4884162278409e-06, 4.950359592304836e-07, -5.572882261152328e-08, 6.369038926367588e-09,
    -7.363280290999341e-10, 8.590324630704468e-11, -1.0095630921452502e-11, 1.1936859013748236e-12,
    -1.4186121794476558e-13, 1.693301639270074e-14, -2.0288519799922935e-15, 2.43899034401661e-16,
    -2.940688354710887e-17,
)  # fmt: skip
# Bernoulli's numbers B_2, B_4, ...
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
# Asymptotic series begin here, and arguments below are carried up to it.
LARGE = 10


# -- lgamma -----------------------------------------------------------------------------------------------------------


def _stirling(x: Formula) -> Formula:
    """lgamma(x) for x >= 8."""
    terms = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI[:8], 1)]
    rest = polynomial(1 / (x * x), terms) / x
    return (x - 0.5) * (log(x) - 1) + (0.5 * math.log(2 * math.pi) - 0.5) + rest


def _lgamma_above_half(x: Formula) -> Formula:
    """By gamma(x + 1) = x gamma(x) from the numbers between 3/2 and 5/2, or by Stirling's series."""
    up = x < 1.5
    z, factor = x, x.constant(1)
    for start in range(2, 8):
        beyond = x >= start + 0.5
        z = where(beyond, z - 1, z)
        factor = where(beyond, factor * z, factor)
    # (z - 1) (z - 2) for z = x + 1, without rounding z.
    near_zeros = where(up, x * (x - 1), (z - 1) * (z - 2))
    middle = where(up, x + 1, where(x < 8, z, 2.0))
    base = near_zeros * chebyshev((middle - 2) * 2, SERIES)
    small = base + where(up, -log(where(up, x, 1.0)), log(factor))
    return where(x < 8, small, _stirling(where(x < 8, 8.0, x)))


def _digamma(x: Formula, y: Formula) -> Formula:
    return Formula(record(POLYGAMMA, (x.node,), (0,)))


@real_function("lgamma", _digamma, in_double=True)
def LGAMMA(x: Formula) -> Formula:
    """log |gamma(x)|; below 1/2 by gamma(x) gamma(1 - x) = pi / sin(pi x)."""
    lower = x < 0.5
    positive = _lgamma_above_half(where(lower, 1 - x, x))
    result = where(lower, log(math.pi / abs(sin_pi(where(lower, x, 0.5)))) - positive, positive)
    return where(abs(x).equals(math.inf), math.inf, result)


@composite("mvlgamma")
def MVLGAMMA(x: Node, p: int) -> Node:
    """p (p - 1) / 4 log(pi) + sum_{j < p} lgamma(x - j / 2)."""
    x = e.cast(x, floating(x.type.dtype))
    total = Formula(x).constant(p * (p - 1) / 4 * math.log(math.pi))
    for j in range(p):
        total = total + Formula(record(LGAMMA, ((Formula(x) - j / 2).node,)))
    return total.node


# -- digamma and its derivatives --------------------------------------------------------------------------------------


def _carried(x: Formula, term: Callable[[Formula], Formula]) -> tuple[Formula, Formula]:
    """x moved by whole steps to at least `LARGE`, and the sum of the terms at the places that were left."""
    total = x.constant(0)
    for _ in range(LARGE):
        small = x < LARGE
        total = where(small, total + term(where(small, x, 1.0)), total)
        x = where(small, x + 1, x)
    return x, total


def _digamma_positive(x: Formula) -> Formula:
    x, total = _carried(x, lambda t: 1 / t)
    terms = [b / (2 * k) for k, b in enumerate(BERNOULLI[:8], 1)]
    square = 1 / (x * x)
    series = where(x > 1e8, 0.0, polynomial(square, terms) * square)
    return log(x) - 0.5 / x - series - total


def _cotangent(x: Formula) -> Formula:
    """cot(pi x)."""
    return sin_pi(x + 0.5) / sin_pi(x)


def _cotangent_derivative(n: int, x: Formula) -> Formula:
    """The n-th derivative of pi cot(pi x): a polynomial in c = cot(pi x), since c' = -pi (1 + c^2)."""
    coefficients = [0.0, math.pi]
    for _ in range(n):
        slopes = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [-math.pi * (a + b) for a, b in zip([*slopes, 0.0, 0.0], [0.0, 0.0, *slopes], strict=True)]
    return polynomial(_cotangent(x), coefficients)


def _polygamma_positive(n: int, x: Formula) -> Formula:
    if n == 0:
        return _digamma_positive(x)
    return (-1.0) ** (n + 1) * math.factorial(n) * _hurwitz(x.constant(n + 1), x)


def _polygamma_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    return (e.mul(g, record(POLYGAMMA, (x[0],), (attributes[0] + 1,))),)


@composite("polygamma", _polygamma_gradient)
def POLYGAMMA(x: Node, n: int) -> Node:
    """The derivative of order n of digamma; below 0 by reflection: psi_n(1 - x) = (-1)^n (psi_n(x) + cot^(n))."""
    dtype = floating(x.type.dtype)
    z = Formula(e.cast(x, float64))
    lower = z < 0
    positive = _polygamma_positive(n, where(lower, 1 - z, where(z.equals(0), 1.0, z)))
    mirrored = (-1.0) ** n * positive - _cotangent_derivative(n, where(lower, z, 0.5))
    at_pole = lower & floor(z).equals(z)
    result = where(lower, where(at_pole, math.nan if n == 0 else math.inf, mirrored), positive)
    at_zero = (-1.0 if n % 2 == 0 else 1.0) * math.inf
    return e.cast(where(z.equals(0), at_zero, result).node, dtype)


# -- zeta -------------------------------------------------------------------------------------------------------------


def _hurwitz(s: Formula, q: Formula) -> Formula:
    """sum_{k >= 0} (q + k)^-s for q > 0 and s > 1, the tail by the formula of Euler and Maclaurin."""
    x, total = _carried(q, lambda t: t ** (-s))
    power = x ** (-s)
    total = total + power * x / (s - 1) + power * 0.5
    # B_2k / (2k)! s (s + 1) ... (s + 2k - 2) x^(-s - 2k + 1)
    term = power * s / x
    for k, (b, _) in enumerate(pairwise((*BERNOULLI, 0.0)), 1):
        total = total + term * (b / math.factorial(2 * k))
        term = term * (s + (2 * k - 1)) * (s + 2 * k) / (x * x)
    return total


@composite("zeta")
def ZETA(s: Node, q: Node) -> Node:
    """Hurwitz's zeta function; the gradient flows to q."""
    dtype = floating(meet("zeta", s, q)[0].type.dtype)
    wide = meet("zeta", s, q, dtype=float64)
    a, b = (Formula(x) for x in wide)
    regular = (a > 1) & (b > 0)
    value = _hurwitz(where(regular, a, 2.0), where(regular, b, 1.0))
    edge = where(a.equals(1) | ((a > 1) & floor(b).equals(b)), math.inf, a.constant(math.nan))
    return e.cast(where(regular, value, edge).node, dtype)
