"""The incomplete gamma functions as composites: P(a, x), the share of gamma(a) that is below x, and Q = 1 - P.

With t = x exp(-s) below x, and t = x exp(s) above it,

    P(a, x) = x^a e^-x / gamma(a) * integral of exp(x (1 - e^-s) - a s) over s > 0
    Q(a, x) = x^a e^-x / gamma(a) * integral of exp(a s - x (e^s - 1)) over s > 0

where both integrands fall from 1: the first for x <= a, the second for x >= a. They are stretched to a width of about 1
and summed by the double exponential rule (Takahasi and Mori, 1974), which takes the same 157 places for all a and x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, floating, meet
from retrograd.ops.constant import iota
from retrograd.ops.formula import Formula, apply, exp, expm1, log, log1p, minimum, polynomial, sqrt, where
from retrograd.ops.gamma import LGAMMA, POLYGAMMA
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim

# Places of the rule: from where the stretched s is 1e-17 to where integrands are.
_FIRST, _STEP, _PLACES = -3.6, 0.05, 157
# Of Stirling's series of lgamma, from here on.
_LARGE = 10.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def _density(a: Formula, x: Formula) -> Formula:
    """x^a e^-x / gamma(a); for large a by the distance of x and a, where the powers nearly cancel."""
    is_large = a >= _LARGE
    wide, near = where(is_large, a, _LARGE), where(is_large, _LARGE, a)
    offset = x / wide - 1
    away = wide * (log1p((x - wide) / wide) - offset) - polynomial(1 / (wide * wide), _STIRLING) / wide
    plain = near * log(x) - x - apply(LGAMMA, near)
    return where(is_large, sqrt(wide / (2 * math.pi)) * exp(away), exp(plain))


def _integrals(a: Formula, x: Formula, is_low: Formula, weighted: bool) -> Formula:
    """The integral of P where `is_low`, else that of Q; or those of s times the integrands."""
    distance = abs(a - x)
    width = 2 / (distance + sqrt(distance * distance + 2 * x))
    shape = (*a.node.type.shape, _PLACES)
    place = Formula(e.cast(iota(shape, len(shape) - 1), float64)) * _STEP + _FIRST
    rate = exp(-place)
    y = exp(place - rate)
    low, a, x, width = (_repeated(each, shape) for each in (is_low, a, x, width))
    s = width * y
    # Beyond, e^s overflows, and the integrand is 0 long since.
    falls = where(low, a * s + x * expm1(-s), x * expm1(minimum(s, 600.0)) - a * s)
    terms = exp(-falls) * (width * y * (1 + rate) * _STEP)
    axis = len(shape) - 1
    return Formula(drop_axes(sum_keepdim((terms * s if weighted else terms).node, (axis,)), (axis,)))


def _repeated(x: Formula, shape: tuple[int, ...]) -> Formula:
    return Formula(broadcast_to(reshape(x.node, (*shape[:-1], 1)), shape))


def _parts(a: Formula, x: Formula) -> tuple[Formula, Formula, Formula, Formula, Formula]:
    """Where a and x are regular, and with others in their places elsewhere: whether x is low, a moved up by 1 there so
    that it is not small, and x^a e^-x / gamma(a + 1), by which P(a, x) is more than P(a + 1, x)."""
    regular = (a > 0) & (x > 0) & (a < math.inf) & (x < math.inf)
    a, x = where(regular, a, 1.0), where(regular, x, 1.0)
    is_low = x <= a + 1
    moved = where(is_low, a + 1, a)
    return regular, is_low, moved, x, _density(a, x) / a


def _edge(a: Formula, x: Formula, below: Formula, above: Formula) -> Formula:
    """P or Q where it is no integral: `below` is its value at x = 0 and `above` that at infinity."""
    inside = (a >= 0) & (x >= 0)
    at_zero = x.equals(0) & (a > 0) | (a.equals(math.inf) & (x < math.inf))
    at_end = a.equals(0) & (x > 0) | (x.equals(math.inf) & (a < math.inf))
    return where(inside & at_zero, below, where(inside & at_end, above, math.nan))


def _below(a: Formula, x: Formula) -> Formula:
    regular, is_low, moved, y, more = _parts(a, x)
    share = _density(moved, y) * _integrals(moved, y, is_low, False)
    zero, one = a.constant(0), a.constant(1)
    return where(regular, where(is_low, share + more, 1 - share), _edge(a, x, zero, one))


def _above(a: Formula, x: Formula) -> Formula:
    regular, is_low, moved, y, more = _parts(a, x)
    share = _density(moved, y) * _integrals(moved, y, is_low, False)
    zero, one = a.constant(0), a.constant(1)
    return where(regular, where(is_low, 1 - (share + more), share), _edge(a, x, one, zero))


def _by_a(a: Formula, x: Formula) -> Formula:
    """dP/da, under the integral."""
    regular, is_low, moved, y, more = _parts(a, x)
    density = _density(moved, y)
    share, change = (density * _integrals(moved, y, is_low, weighted) for weighted in (False, True))
    slope = log(y) - Formula(record(POLYGAMMA, (moved.node,), (0,)))
    found = where(is_low, (share + more) * slope - change, -(share * slope + change))
    return where(regular, found, 0.0)


def _by_x(a: Formula, x: Formula) -> Formula:
    """dP/dx, the density of the gamma distribution."""
    inside = (a > 0) & (x > 0)
    a, x = where(inside, a, 1.0), where(inside, x, 1.0)
    return where(inside, exp((a - 1) * log(x) - x - apply(LGAMMA, a)), 0.0)


def _pair(name: str, formula: Callable[[Formula, Formula], Formula], sign: float | None = None) -> Composite:
    """A composite of a and x that promotes and broadcasts and computes in double precision; `sign` is that of the
    derivatives of P, where they are known."""

    def gradient(g: Node, inputs: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
        assert sign is not None
        a, x = (Formula(each) for each in inputs)
        to_a, to_x = apply(IGAMMA_BY_A, a, x) * sign, _by_x(a, x) * sign
        return e.mul(g, to_a.node), e.mul(g, to_x.node)

    inner = Composite(name, lambda a, x: formula(Formula(a), Formula(x)).node, None if sign is None else gradient)

    def body(a: Node, x: Node) -> Node:
        wide = meet(name, a, x, dtype=float64)
        return e.cast(record(inner, tuple(wide)), floating(common_dtype(a, x)))

    body.__doc__ = formula.__doc__
    return composite(name)(body)


IGAMMA_BY_A: Composite = _pair("igamma_by_a", _by_a)
IGAMMA: Composite = _pair("igamma", _below, 1.0)
IGAMMAC: Composite = _pair("igammac", _above, -1.0)
