"""Gamma numbers: PyTorch's for the same seed, and how they move with their concentration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from retrograd.tensor.gamma_sampling import slope_of_gamma, standard_gamma
from tests.support.parity import needs_torch, torch

CONCENTRATIONS = np.array([0.01, 0.3, 0.99, 1.0, 1.5, 3.0, 20.0, 1e4] * 12).reshape(8, -1)


@needs_torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_seed_gives_the_same_numbers(dtype: Any) -> None:
    a = CONCENTRATIONS.astype(dtype)
    for m in (rg, torch):
        m.manual_seed(3)
        m.randn(3)  # one normal number is left over
    found, expected = standard_gamma(rg.tensor(a)), torch._standard_gamma(torch.tensor(a))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-15 if dtype is np.float64 else 1e-7)
    assert rg.randn(3).tolist() == torch.randn(3).tolist()
    assert rg.rand(2).tolist() == torch.rand(2).tolist()


def test_refusals() -> None:
    with pytest.raises(OptionError, match="at least 0"):
        standard_gamma(rg.tensor([-1.0]))


def test_exponential_numbers_move_as_their_formula_says() -> None:
    """F(1, z) = 1 - exp(-z), and dF/da at a = 1 is the series sum_k (-1)^k z^k (log z - psi(k)) ... in closed form."""
    for z in (0.1, 0.5, 1.0, 1.9, 2.1, 5.0):
        nodes, weights = np.polynomial.legendre.leggauss(200)
        # dF/da = int_0^z (log t - psi(1)) exp(-t) dt, with t = z s^2 so that the logarithm is tame.
        s = (nodes + 1) / 2
        t = z * s * s
        integral = float(np.sum(weights / 2 * (np.log(t) + np.euler_gamma) * np.exp(-t) * 2 * z * s))
        expected = -integral / math.exp(-z)
        found = slope_of_gamma(np.array([1.0]), np.array([z]))[0]
        assert found == pytest.approx(expected, rel=1e-5)


@needs_torch
def test_draws_keep_their_place_in_the_distribution() -> None:
    """F(a + h, z + h dz/da) stays where it is, in the middle and far from it, by an independent F."""
    generator = np.random.default_rng(0)
    a = np.exp(generator.uniform(math.log(0.05), math.log(1e3), 2000))
    z = np.maximum(generator.gamma(a), 1e-200)
    slope, h = slope_of_gamma(a, z), 1e-5 * a

    def place(shift: np.ndarray) -> np.ndarray:
        return np.asarray(torch.special.gammainc(torch.tensor(a + shift), torch.tensor(z + shift * slope)))

    # Central differences: what is left is of third order, and the rounding of F.
    np.testing.assert_allclose(place(h), place(-h), atol=1e-11)


def test_the_mean_moves_with_the_concentration() -> None:
    generator = np.random.default_rng(1)
    for a in (0.2, 1.0, 5.0, 100.0):
        z = np.maximum(generator.gamma(a, size=40_000), 1e-200)
        assert slope_of_gamma(np.full(z.shape, a), z).mean() == pytest.approx(1.0, abs=0.03)


def test_gradients_flow_and_values_stay() -> None:
    a = rg.tensor([0.5, 2.0, 30.0], dtype=rg.float64, requires_grad=True)
    rg.manual_seed(5)
    plain = standard_gamma(a.detach())
    rg.manual_seed(5)
    drawn = standard_gamma(a)
    assert drawn.tolist() == plain.tolist()
    found = rg.autograd.grad(drawn.sum(), a)[0]
    np.testing.assert_allclose(found.numpy(), slope_of_gamma(a.detach().numpy(), plain.numpy()), rtol=1e-15)


def test_a_draw_of_nothing_and_of_zero() -> None:
    assert standard_gamma(rg.zeros(0, 2)).shape == (0, 2)
    assert slope_of_gamma(np.array([0.0, 1e-8]), np.array([0.0, 0.0])).tolist() == [0.0, 0.0]
