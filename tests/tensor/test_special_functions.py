"""Special functions at their edges, in float32, and under all their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from tests.support import quadrature
from tests.support.parity import assert_same, needs_torch, torch

INF, NAN = math.inf, math.nan
EDGES: dict[str, dict[float, float]] = {
    "erfc": {INF: 0.0, -INF: 2.0, 0.0: 1.0, 30.0: 0.0},
    "erfcx": {INF: 0.0, -INF: INF, 0.0: 1.0, 1e300: 1 / math.sqrt(math.pi) * 1e-300},
    "erfinv": {1.0: INF, -1.0: -INF, 1.5: NAN, 0.0: 0.0},
    "ndtr": {INF: 1.0, -INF: 0.0, 0.0: 0.5},
    "log_ndtr": {INF: 0.0, -INF: -INF, -1e10: -5e19},
    "ndtri": {0.0: -INF, 1.0: INF, 0.5: 0.0, 2.0: NAN, -1.0: NAN},
    "entr": {0.0: 0.0, -1.0: -INF, 1.0: 0.0},
    "gammaln": {0.0: INF, -1.0: INF, INF: INF, -INF: INF, 1.0: 0.0, 2.0: 0.0},
    "digamma": {0.0: -INF, -1.0: NAN, INF: INF},
    "i0": {0.0: 1.0, INF: INF, -INF: INF},
    "i0e": {0.0: 1.0, INF: 0.0},
    "i1": {0.0: 0.0, -INF: -INF},
    "i1e": {0.0: 0.0, INF: 0.0},
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    for x, expected in {**EDGES[name], NAN: NAN}.items():
        found = getattr(rg.special, name)(rg.tensor(x, dtype=rg.float64)).item()
        assert found == pytest.approx(expected, rel=1e-15, abs=1e-300, nan_ok=True), f"{name}({x})"


ROUNDED: dict[str, tuple[Any, float, float]] = {
    "erfc": (quadrature.erfc, -3.0, 9.0),
    "erfcx": (quadrature.erfcx, -3.0, 9.0),
    "erfinv": (quadrature.erfinv, -0.999, 0.999),
    "gammaln": (quadrature.lgamma, -4.9, 20.0),
    "digamma": (lambda x: quadrature.polygamma(x, 0), -1.9, 20.0),
    "i0": (lambda x: quadrature.bessel_i(x, 0), -20.0, 20.0),
    "i1e": (lambda x: quadrature.bessel_i(x, 1) * np.exp(-np.abs(x)), -20.0, 20.0),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_single_precision_is_rounded_once(name: str) -> None:
    exact, low, high = ROUNDED[name]
    x = np.linspace(low, high, 100, dtype=np.float32)
    expected = exact(x.astype(np.float64))
    found = getattr(rg.special, name)(rg.tensor(x)).numpy()
    assert found.dtype == np.float32
    np.testing.assert_array_less(np.abs(found - expected), 0.501 * np.spacing(np.abs(expected).astype(np.float32)))


def test_names() -> None:
    x = rg.tensor([0.3, 0.7])
    for special, plain in (("expit", "sigmoid"), ("psi", "digamma"), ("gammaln", "lgamma"), ("erf", "erf")):
        assert rg.equal(getattr(rg.special, special)(x), getattr(rg, plain)(x))
    assert rg.equal(x.polygamma(1), rg.polygamma(1, x)) and rg.equal(x.mvlgamma(1), x.lgamma())
    assert rg.equal(rg.special.zeta(2.0, x), rg.polygamma(1, x))


def test_derivatives_of_all_orders() -> None:
    x = rg.tensor(1.3, dtype=rg.float64, requires_grad=True)
    y = x.lgamma()
    for order in range(4):
        (y,) = rg.autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(float(quadrature.polygamma(1.3, order)), rel=1e-12)


@needs_torch
def test_incomplete_gamma_functions_at_the_edges() -> None:
    a = np.array([0.0, 0.0, 1.0, 2.0, 2.0, np.inf, np.inf, -1.0, 2.0, np.nan, 1e-3, 5e3])
    x = np.array([1.0, 0.0, 0.0, np.inf, -1.0, 3.0, np.inf, 1.0, np.nan, 1.0, 0.5, 4.9e3])
    for name in ("igamma", "igammac"):
        found = getattr(rg, name)(rg.tensor(a), rg.tensor(x)).numpy()
        np.testing.assert_allclose(found, getattr(torch, name)(torch.tensor(a), torch.tensor(x)).numpy(), rtol=1e-9)


@needs_torch
@pytest.mark.parametrize("name", ["igamma", "igammac"])
def test_incomplete_gamma_functions_in_pytorch(name: str) -> None:
    a, x = np.array([[0.3], [2.0], [7.5]]), np.array([0.1, 1.0, 5.0, 9.0])
    assert_same(
        lambda x: getattr(rg, name)(rg.tensor(a), x), lambda x: getattr(torch, name)(torch.tensor(a), x), [x], 1e-9
    )
    found = getattr(rg.tensor(a, dtype=rg.float32), name)(rg.tensor(x, dtype=rg.float32))
    assert found.dtype is rg.float32
    expected = getattr(torch, name)(torch.tensor(a), torch.tensor(x)).numpy()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(("a", "x"), [(30.0, 25.0), (200.0, 180.0), (900.0, 910.0), (5000.0, 5010.0)])
def test_incomplete_gamma_functions_of_large_arguments(a: float, x: float) -> None:
    """By the series of P, each term from the one before; PyTorch is good to nine digits here."""
    terms, k = [1 / a], 0
    while terms[-1] > 1e-18 * terms[0]:
        k += 1
        terms.append(terms[-1] * x / (a + k))
    # x^a e^-x / gamma(a), by Stirling's series.
    away = a * (math.log1p((x - a) / a) - (x - a) / a) - (1 / (12 * a) - 1 / (360 * a**3) + 1 / (1260 * a**5))
    expected = math.sqrt(a / (2 * math.pi)) * math.exp(away) * math.fsum(terms)
    found, above = (f(rg.tensor(a, dtype=rg.float64), x).item() for f in (rg.igamma, rg.igammac))
    assert found == pytest.approx(expected, rel=2e-14)
    assert above == pytest.approx(1 - expected, rel=1e-12)


def test_incomplete_gamma_functions_of_the_gradient() -> None:
    a = rg.tensor([0.01, 0.5, 3.0, 20.0], dtype=rg.float64, requires_grad=True)
    x = rg.tensor([0.3, 0.2, 7.0, 18.0], dtype=rg.float64, requires_grad=True)
    for f in (rg.igamma, rg.igammac):
        assert rg.autograd.gradcheck(f, (a, x))
        assert rg.autograd.gradgradcheck(f, (a, x))


def test_wrong_uses() -> None:
    with pytest.raises(OptionError, match="must not be negative"):
        rg.polygamma(-1, rg.ones(1))
    with pytest.raises(OptionError, match="at least 1"):
        rg.mvlgamma(rg.ones(1), 0)
