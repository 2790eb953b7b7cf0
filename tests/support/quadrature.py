"""Special functions by their integrals and by bisection: slow, and made of nothing that the library uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# t = exp(u - exp(-u)) takes the whole line to (0, inf); the trapezoidal rule converges exponentially there.
_U = np.linspace(-5.0, 6.5, 1500)
_T = np.exp(_U - np.exp(-_U))
_WEIGHTS = _T * (1 + np.exp(-_U)) * (_U[1] - _U[0])


def integral(f: Callable[[Array], Array]) -> float:
    """The integral of f from 0 to infinity."""
    with np.errstate(all="ignore"):
        values = f(_T) * _WEIGHTS
    return math.fsum(values[np.isfinite(values)].tolist())


def elementwise(f: Callable[..., float]) -> Callable[..., Array]:
    return np.vectorize(f, otypes=[np.float64])


def _polygamma(x: float, n: int) -> float:
    shift = 0.0
    while x < 0.5:
        shift += math.factorial(n) * (-1) ** n / x ** (n + 1)
        x += 1
    if n == 0:
        rest = integral(lambda t: t / ((t * t + x * x) * np.expm1(2 * math.pi * t)))
        return math.log(x) - 1 / (2 * x) - 2 * rest - shift
    return (-1) ** (n + 1) * integral(lambda t: t**n * np.exp(-x * t) / -np.expm1(-t)) - shift


def _zeta(s: float, q: float) -> float:
    return integral(lambda t: t ** (s - 1) * np.exp(-q * t) / -np.expm1(-t)) / math.gamma(s)


def _bessel_i(x: float, n: int) -> float:
    angles = np.linspace(0, math.pi, 401)
    values = np.exp(x * np.cos(angles)) * np.cos(n * angles)
    values[[0, -1]] /= 2
    return math.fsum(values.tolist()) / 400


def _erfcx(x: float) -> float:
    return 2 / math.sqrt(math.pi) * integral(lambda t: np.exp(-t * t - 2 * x * t))


def inverse(f: Callable[[float], float], low: float, high: float) -> Callable[[float], float]:
    """The inverse of a growing function, by bisection."""

    def found(y: float) -> float:
        a, b = low, high
        for _ in range(200):
            middle = (a + b) / 2
            a, b = (middle, b) if f(middle) < y else (a, middle)
        return (a + b) / 2

    return found


def _share_above(a: float, x: float) -> float:
    return integral(lambda t: (x + t) ** (a - 1) * np.exp(-x - t)) / math.gamma(a)


def _share_below(a: float, x: float) -> float:
    """With t = x (1 - e^-v)."""
    return integral(lambda v: (-x * np.expm1(-v)) ** (a - 1) * np.exp(x * np.expm1(-v) - v) * x) / math.gamma(a)


def _share_below_by_a(a: float, x: float) -> float:
    logs = integral(lambda t: np.log(x + t) * (x + t) ** (a - 1) * np.exp(-x - t)) / math.gamma(a)
    return _polygamma(a, 0) * _share_above(a, x) - logs


polygamma = elementwise(_polygamma)
zeta = elementwise(_zeta)
bessel_i = elementwise(_bessel_i)
erfcx = elementwise(_erfcx)
lgamma = elementwise(math.lgamma)
erfc = elementwise(math.erfc)
ndtr = elementwise(lambda x: math.erfc(-x / math.sqrt(2)) / 2)
erfinv = elementwise(inverse(math.erf, -6.0, 6.0))
ndtri = elementwise(inverse(lambda x: math.erfc(-x / math.sqrt(2)) / 2, -9.0, 9.0))
share_above = elementwise(_share_above)
share_below = elementwise(_share_below)
share_below_by_a = elementwise(_share_below_by_a)
