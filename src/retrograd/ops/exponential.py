"""Combinations of exponentials and logarithms that neither overflow nor meet log(0) needlessly."""

from __future__ import annotations

import math

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import floating
from retrograd.ops.formula import Formula, exp, log, log1p, maximum, pair_function, where
from retrograd.ops.spread import spread


@composite("logit")
def LOGIT(x: Node, *eps: Node) -> Node:
    """log(x / (1 - x)); with eps, x is first brought into [eps, 1 - eps]."""
    x = e.cast(x, floating(x.type.dtype))
    z = Formula(x)
    if eps:
        low = Formula(spread(eps[0], x))
        z = where(z < low, low, z)
        z = where(z > 1 - low, 1 - low, z)
    return log(z / (1 - z)).node


def _share(a: Formula, b: Formula) -> Formula:
    """exp(a) / (exp(a) + exp(b)); of two equal infinities, a half."""
    return 1 / (1 + exp(where(a.equals(b), 0.0, b - a)))


def _log_sum(a: Formula, b: Formula, scale: float) -> Formula:
    """log(exp(a) + exp(b)) to the base of which `scale` is the logarithm."""
    distance = where(a.equals(b), 0.0, abs(a - b))
    return maximum(a, b) + log1p(exp(distance * -scale)) * (1 / scale)


@pair_function("logaddexp", lambda a, b, y: (_share(a, b), _share(b, a)))
def LOGADDEXP(a: Formula, b: Formula) -> Formula:
    """log(exp(a) + exp(b))."""
    return _log_sum(a, b, 1.0)


@pair_function(
    "logaddexp2", lambda a, b, y: (_share(a * math.log(2), b * math.log(2)), _share(b * math.log(2), a * math.log(2)))
)
def LOGADDEXP2(a: Formula, b: Formula) -> Formula:
    """log2(2^a + 2^b)."""
    return _log_sum(a, b, math.log(2))


def _times_log(x: Formula, y: Formula, logarithm: Formula) -> Formula:
    """x log, and 0 where x is 0 unless y is NaN."""
    return where(x.equals(0) & y.equals(y), 0.0, x * logarithm)


@pair_function("xlogy", lambda x, y, z: (where(x.equals(0) & (y <= 0), 0.0, log(y)), x / y))
def XLOGY(x: Formula, y: Formula) -> Formula:
    """x log(y), and 0 where x is 0."""
    return _times_log(x, y, log(y))


@pair_function("xlog1py", lambda x, y, z: (where(x.equals(0) & (y <= -1), 0.0, log1p(y)), x / (y + 1)))
def XLOG1PY(x: Formula, y: Formula) -> Formula:
    """x log(1 + y), and 0 where x is 0."""
    return _times_log(x, y, log1p(y))
