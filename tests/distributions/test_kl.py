"""Kullback and Leibler's divergence against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

_ANY, _ABOVE, _SHARE = numbers((3, 2), 1), numbers((3, 2), 2, 0.2, 2.0), numbers((3, 2), 3, 0.1, 0.9)
_ROOTS = [np.tril(numbers((3, 2, 2), seed, 0.3, 1.0)) + np.eye(2) for seed in (5, 6)]
# how p and q are made of a library and three arrays
PAIRS: dict[str, tuple[Callable[..., tuple[Any, Any]], list[np.ndarray]]] = {
    "Normal": (lambda d, a, b, c: (d.Normal(a, b), d.Normal(c, 1.5)), [_ANY, _ABOVE, _ANY[::-1].copy()]),
    "LogNormal": (lambda d, a, b, c: (d.LogNormal(a, b), d.LogNormal(c, 1.5)), [_ANY, _ABOVE, _ANY[::-1].copy()]),
    "Laplace": (lambda d, a, b, c: (d.Laplace(a, b), d.Laplace(c, 1.5)), [_ANY, _ABOVE, _ANY[::-1].copy()]),
    "Uniform": (lambda d, a, b, c: (d.Uniform(a, a + b), d.Uniform(a - c, a + b + c)), [_ANY, _ABOVE, _SHARE]),
    "Exponential": (lambda d, a, b: (d.Exponential(a), d.Exponential(b)), [_ABOVE, _SHARE]),
    "Poisson": (lambda d, a, b: (d.Poisson(a), d.Poisson(b)), [_ABOVE, _SHARE]),
    "Geometric": (lambda d, a, b: (d.Geometric(a), d.Geometric(b)), [_SHARE, _SHARE[::-1].copy()]),
    "Bernoulli": (lambda d, a, b: (d.Bernoulli(a), d.Bernoulli(b)), [_SHARE, _SHARE[::-1].copy()]),
    "Gamma": (lambda d, a, b: (d.Gamma(a, b), d.Gamma(b, a)), [_ABOVE, _SHARE]),
    "Chi2": (lambda d, a, b: (d.Chi2(a), d.Chi2(b)), [_ABOVE, _SHARE]),
    "Beta": (lambda d, a, b: (d.Beta(a, b), d.Beta(b, a)), [_ABOVE, _SHARE]),
    "Dirichlet": (lambda d, a, b: (d.Dirichlet(a), d.Dirichlet(b)), [_ABOVE, _SHARE]),
    "Categorical": (lambda d, a, b: (d.Categorical(a), d.Categorical(logits=b)), [_SHARE, _ANY]),
    "OneHotCategorical": (lambda d, a, b: (d.OneHotCategorical(a), d.OneHotCategorical(logits=b)), [_SHARE, _ANY]),
    "Independent": (
        lambda d, a, b, c: (d.Independent(d.Normal(a, b), 1), d.Independent(d.Normal(c, 1.5), 1)),
        [_ANY, _ABOVE, _ANY[::-1].copy()],
    ),
    "MultivariateNormal": (
        lambda d, a, b, c: (d.MultivariateNormal(a, scale_tril=b), d.MultivariateNormal(a * 2, scale_tril=c)),
        [_ANY, *_ROOTS],
    ),
}


@needs_torch
@pytest.mark.parametrize("name", PAIRS)
def test_divergences_and_their_gradients(name: str) -> None:
    make, arrays = PAIRS[name]
    assert_same(
        lambda *x: rg.distributions.kl_divergence(*make(rg.distributions, *x)),
        lambda *x: torch.distributions.kl_divergence(*make(torch.distributions, *x)),
        arrays,
        rtol=1e-9,
    )


@needs_torch
def test_what_one_of_them_rules_out() -> None:
    def found(lib: Any) -> list[Any]:
        d = lib.distributions
        certain, fair = lib.tensor([0.0, 1.0, 0.5]), lib.tensor([0.5, 0.0, 1.0])
        return [
            d.kl_divergence(d.Bernoulli(certain), d.Bernoulli(fair)).tolist(),
            d.kl_divergence(d.Categorical(lib.tensor([0.0, 1.0])), d.Categorical(lib.tensor([0.5, 0.5]))).tolist(),
            d.kl_divergence(d.Categorical(lib.tensor([0.5, 0.5])), d.Categorical(lib.tensor([0.0, 1.0]))).tolist(),
            d.kl_divergence(d.Uniform(0.0, 2.0), d.Uniform(0.5, 2.0)).tolist(),
        ]

    for ours, theirs in zip(found(rg), found(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_rules_of_the_user_come_first_for_what_is_nearest() -> None:
    d = rg.distributions

    class Special(d.Normal):
        pass

    assert d.kl_divergence(Special(0.0, 1.0), d.Normal(1.0, 1.0)).item() == 0.5

    @d.register_kl(Special, d.Normal)
    def special(p: Any, q: Any) -> Any:
        return rg.tensor(7.0)

    assert d.kl_divergence(Special(0.0, 1.0), d.Normal(1.0, 1.0)).item() == 7.0
    with pytest.raises(NotImplementedError, match="none is known of Normal and Poisson"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.Poisson(1.0))
