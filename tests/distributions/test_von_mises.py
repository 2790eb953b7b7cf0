"""The von Mises distribution: samples against PyTorch, the rest against integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch

_LOC, _K = np.array([-2.0, 0.5, 3.0, 9.0]), np.array([1e-6, 0.7, 3.0, 50.0])
_NODES = np.linspace(-math.pi, math.pi, 4001)[:-1]


@needs_torch
def test_samples_of_the_same_seed() -> None:
    for shape in ((), (5,), (100, 1)):
        rg.manual_seed(3)
        torch.manual_seed(3)
        found = rg.distributions.VonMises(rg.tensor(_LOC), rg.tensor(_K)).sample(shape)
        expected = torch.distributions.VonMises(torch.tensor(_LOC), torch.tensor(_K)).sample(shape)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


@needs_torch
def test_what_pytorch_computes_to_seven_digits() -> None:
    made, theirs = (lib.distributions.VonMises(lib.tensor(_LOC), lib.tensor(_K)) for lib in (rg, torch))
    x = np.array([[0.1], [2.0]])
    np.testing.assert_allclose(made.log_prob(rg.tensor(x)).numpy(), theirs.log_prob(torch.tensor(x)).numpy(), atol=4e-7)
    np.testing.assert_allclose(made.variance.numpy(), theirs.variance.numpy(), atol=1e-6)
    assert made.mean.tolist() == theirs.mean.tolist()
    assert tuple(made.expand((2, 4)).sample().shape) == (2, 4)


def test_the_density_has_an_integral_of_one_and_the_variance_that_is_told() -> None:
    made = rg.distributions.VonMises(rg.zeros(4, dtype=rg.float64), rg.tensor(_K))
    density = made.log_prob(rg.tensor(_NODES[:, None])).exp().numpy() * (2 * math.pi / 4000)
    np.testing.assert_allclose(density.sum(0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(made.variance.numpy(), 1 - (density * np.cos(_NODES)[:, None]).sum(0), atol=1e-12)


def test_large_concentrations_do_not_overflow() -> None:
    found = rg.distributions.VonMises(0.0, 1e4).log_prob(rg.tensor(0.0)).item()
    assert found == pytest.approx(0.5 * math.log(1e4 / (2 * math.pi)), rel=1e-4)


def test_gradients() -> None:
    loc, k = rg.tensor(_LOC[1:], requires_grad=True), rg.tensor(_K[1:], requires_grad=True)
    x = rg.tensor([0.3, 1.0, 2.0], dtype=rg.float64)
    assert rg.autograd.gradcheck(lambda a, b: rg.distributions.VonMises(a, b).log_prob(x), [loc, k])
