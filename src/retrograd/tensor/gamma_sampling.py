"""Gamma numbers with a gradient: how a draw moves with the parameter of its distribution.

A draw z of concentration a has F(a, z) = u for a fixed u, F being the distribution function. So dz/da is
-(dF/da) / (dF/dz) (Figurnov, Mohamed and Mnih, 2018). F is a series below its middle, and 1 less a continued fraction
above; both are differentiated term by term, and the density cancels.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from retrograd.core import generator as random, mode
from retrograd.core.gamma_draws import standard_gamma as drawn_gamma
from retrograd.tensor.tensor import from_array

Array = np.ndarray[Any, Any]
_MOST_TERMS: Final = 100_000
_STEP: Final = 1e-30


def standard_gamma(concentration: Any) -> Any:
    """A number with density x^(a - 1) exp(-x) / Gamma(a) for each element a, from which gradients flow to it.

    Source: torch._standard_gamma, whose values it has for the same seed. Deviation: the gradient is exact to rounding,
    where PyTorch's is an approximation to three digits.
    """
    a = concentration._value()
    z = drawn_gamma(random.default_generator, a)
    made = from_array(z)
    if not (concentration.requires_grad and mode.state.grad_enabled):
        return made
    slope = slope_of_gamma(a.astype(np.float64), z.astype(np.float64))
    return made + (concentration - concentration.detach()) * from_array(slope.astype(a.dtype))


def slope_of_gamma(a: Array, z: Array) -> Array:
    """dz/da for draws z of concentrations a, both of double precision."""
    found = np.zeros(a.shape)
    with np.errstate(all="ignore"):
        low = (z <= a + 1) & (z > 0) & (a > 0)
        high = (z > a + 1) & np.isfinite(z)
        found[low] = _from_below(a[low], z[low])
        found[high] = _from_above(a[high], z[high])
    return np.nan_to_num(found)


def _from_below(a: Array, z: Array) -> Array:
    """By S = 1 + z / (a + 1) + z^2 / ((a + 1) (a + 2)) + ..., of which F is z^a exp(-z) / Gamma(a + 1) times."""
    term, total, change, harmonic = np.ones(a.shape), np.ones(a.shape), np.zeros(a.shape), np.zeros(a.shape)
    for k in range(1, _MOST_TERMS):
        term *= z / (a + k)
        harmonic += 1 / (a + k)
        total += term
        change -= term * harmonic
        if np.all(term * harmonic < 1e-17 * total):
            break
    return np.asarray(-(z / a) * (total * (np.log(z) - _digamma(a + 1)) + change))


def _from_above(a: Array, z: Array) -> Array:
    """By the continued fraction C (Legendre's), of which 1 - F is z^a exp(-z) / Gamma(a) times; Lentz's method.

    It is computed of a + ih: the imaginary part is h times the derivative, without any difference being taken.
    """
    complex_a = a + 1j * _STEP
    b = z + 1 - complex_a
    c, d = np.full(a.shape, 1e300 + 0j), 1 / b
    value = d
    for k in range(1, _MOST_TERMS):
        factor = -k * (k - complex_a)
        b = b + 2
        d, c = 1 / (factor * d + b), b + factor / c
        change = c * d
        value = value * change
        if np.all((np.abs(change.real - 1) < 1e-15) & (np.abs(change.imag) < 1e-15 * _STEP)):
            break
    return np.asarray(z * (value.real * (np.log(z) - _digamma(a)) + value.imag / _STEP))


def _digamma(x: Array) -> Array:
    """Gamma'(x) / Gamma(x) of positive numbers: moved up to 10, where its asymptotic series is exact to rounding."""
    x, found = x.copy(), np.zeros(x.shape)
    for _ in range(10):
        small = x < 10
        found[small] -= 1 / x[small]
        x[small] += 1
    y = 1 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * 691 / 32760)))))
    return np.asarray(found + np.log(x) - 0.5 / x - series)
