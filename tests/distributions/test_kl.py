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
    "Binomial": (lambda d, a, b: (d.Binomial(4, a), d.Binomial(4, b)), [_SHARE, _SHARE[::-1].copy()]),
    "Cauchy": (lambda d, a, b, c: (d.Cauchy(a, b), d.Cauchy(c, 1.5)), [_ANY, _ABOVE, _ANY[::-1].copy()]),
    "ContinuousBernoulli": (
        lambda d, a, b: (d.ContinuousBernoulli(a), d.ContinuousBernoulli(b)), [_SHARE, _SHARE[::-1].copy()],
    ),
    "Gumbel": (lambda d, a, b, c: (d.Gumbel(a, b), d.Gumbel(c, 1.5)), [_ANY, _ABOVE, _ANY[::-1].copy()]),
    "HalfNormal": (lambda d, a, b: (d.HalfNormal(a), d.HalfNormal(b)), [_ABOVE, _SHARE]),
    "HalfCauchy": (lambda d, a, b: (d.HalfCauchy(a), d.HalfCauchy(b)), [_ABOVE, _SHARE]),
    "InverseGamma": (lambda d, a, b: (d.InverseGamma(a, b), d.InverseGamma(b, a)), [_ABOVE, _SHARE]),
    "Pareto": (lambda d, a, b: (d.Pareto(a, b), d.Pareto(a * b, b + 1)), [_ABOVE, _SHARE]),
    "Pareto, of less": (lambda d, a, b: (d.Pareto(a, b), d.Pareto(a / b, b + 1)), [_ABOVE, _SHARE]),
    "LowRankMultivariateNormal": (
        lambda d, a, b, c: (
            d.LowRankMultivariateNormal(a, c.unsqueeze(-1), b),
            d.LowRankMultivariateNormal(c, a.unsqueeze(-1), b + 1),
        ),
        [_ANY, _ABOVE, _ANY[::-1].copy()],
    ),
    "MultivariateNormal to LowRankMultivariateNormal": (
        lambda d, a, b, c: (
            d.MultivariateNormal(a, scale_tril=c), d.LowRankMultivariateNormal(a + b, a.unsqueeze(-1), b + 1)
        ),
        [_ANY, _ABOVE, _ROOTS[0]],
    ),
    "LowRankMultivariateNormal to MultivariateNormal": (
        lambda d, a, b, c: (
            d.LowRankMultivariateNormal(a + b, a.unsqueeze(-1), b + 1), d.MultivariateNormal(a, scale_tril=c)
        ),
        [_ANY, _ABOVE, _ROOTS[0]],
    ),
}  # fmt: skip
# How each kind is made of a library, any numbers and positive ones.
KINDS: dict[str, Callable[..., Any]] = {
    "Bernoulli": lambda d, a, b: d.Bernoulli(b / 3),
    "Beta": lambda d, a, b: d.Beta(b, b + 1),
    "Binomial": lambda d, a, b: d.Binomial(3, b / 3),
    "ContinuousBernoulli": lambda d, a, b: d.ContinuousBernoulli(b / 3),
    "Exponential": lambda d, a, b: d.Exponential(b),
    "Gamma": lambda d, a, b: d.Gamma(b, b + 1),
    "Gumbel": lambda d, a, b: d.Gumbel(a, b),
    "Laplace": lambda d, a, b: d.Laplace(a, b),
    "Normal": lambda d, a, b: d.Normal(a, b),
    "Pareto": lambda d, a, b: d.Pareto(b, b + 0.9),
    "Poisson": lambda d, a, b: d.Poisson(b),
    "Uniform": lambda d, a, b: d.Uniform(b / 4, 0.51 + b / 9),
    "Uniform of more": lambda d, a, b: d.Uniform(b - 0.7, b + 0.6),
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


def _finite_gradients(made: Any, parameters: list[Any], lib: Any) -> list[np.ndarray]:
    kept = lib.where(lib.isfinite(made), made, lib.zeros_like(made))
    found = lib.autograd.grad(kept.sum(), parameters, allow_unused=True) if kept.requires_grad else [None] * 4
    return [np.zeros((3, 2)) if g is None else np.nan_to_num(g.numpy()) for g in found]


@needs_torch
@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("left", KINDS)
def test_divergences_of_two_kinds(left: str, right: str) -> None:
    arrays = [_ANY, _ABOVE, _ANY[::-1].copy(), _ABOVE[::-1].copy()]

    def found(lib: Any) -> tuple[Any, list[Any]]:
        x = [lib.tensor(array, requires_grad=True) for array in arrays]
        p, q = KINDS[left](lib.distributions, *x[:2]), KINDS[right](lib.distributions, *x[2:])
        return lib.distributions.kl_divergence(p, q), x

    if "Uniform" in left + right and "ContinuousBernoulli" in left + right:
        pytest.skip("PyTorch says that all of them are infinite; see below")
    try:
        expected, theirs = found(torch)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            found(rg)
        return
    made, ours = found(rg)
    np.testing.assert_allclose(made.detach().numpy(), expected.detach().numpy(), rtol=1e-9)
    for g, h in zip(_finite_gradients(made, ours, rg), _finite_gradients(expected, theirs, torch), strict=True):
        # PyTorch's trigamma function is good to nine digits.
        np.testing.assert_allclose(g, h, rtol=1e-8, atol=1e-9)


def _between(p: Any, q: Any, low: float, high: float) -> float:
    """The divergence by Gauss and Legendre's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x = rg.tensor(low + (high - low) * (nodes + 1) / 2)
    integrand = p.log_prob(x).exp() * (p.log_prob(x) - q.log_prob(x))
    return float((high - low) / 2 * (integrand.numpy() * weights).sum())


def test_uniform_and_continuous_bernoulli() -> None:
    d = rg.distributions
    soft, inside, whole = d.ContinuousBernoulli(0.7), d.Uniform(0.25, 0.5), d.Uniform(0.0, 1.0)
    assert d.kl_divergence(inside, soft).item() == pytest.approx(_between(inside, soft, 0.25, 0.5), rel=1e-5)
    assert d.kl_divergence(soft, whole).item() == pytest.approx(_between(soft, whole, 0.0, 1.0), rel=1e-5)
    assert d.kl_divergence(soft, d.Uniform(-1.0, 2.0)).item() == pytest.approx(
        d.kl_divergence(soft, whole).item() + np.log(3.0), rel=1e-5
    )
    assert d.kl_divergence(soft, inside).item() == np.inf
    assert d.kl_divergence(d.Uniform(0.5, 1.5), soft).item() == np.inf


def _wisharts(lib: Any, place: int | slice, df: Any) -> Any:
    d, roots = lib.distributions, [lib.tensor(root[place]) for root in _ROOTS]
    return d.kl_divergence(d.Wishart(df, scale_tril=roots[0]), d.Wishart(2 * df + 1, scale_tril=roots[1]))


@needs_torch
@pytest.mark.parametrize("place", [0, 1, 2])
def test_wisharts(place: int) -> None:
    """One by one: PyTorch adds up those of a batch."""
    df = 2.5 + place
    expected = _wisharts(torch, place, torch.tensor(df, dtype=torch.float64)).item()
    assert _wisharts(rg, place, rg.tensor(df, dtype=rg.float64)).item() == pytest.approx(expected, rel=1e-12)
    whole = _wisharts(rg, slice(None), rg.tensor([2.5, 3.5, 4.5], dtype=rg.float64))
    assert whole[place].item() == pytest.approx(expected, rel=1e-12)


def test_gradients_of_wisharts() -> None:
    """PyTorch's stop at the first of the two."""
    df = rg.tensor([2.5, 3.5, 4.5], dtype=rg.float64, requires_grad=True)
    assert rg.autograd.gradcheck(lambda x: _wisharts(rg, slice(None), x), [df])


def test_binomials_of_different_counts() -> None:
    d = rg.distributions
    assert d.kl_divergence(d.Binomial(4, rg.tensor(0.5)), d.Binomial(3, rg.tensor(0.5))).item() == np.inf
    with pytest.raises(NotImplementedError, match="larger total_count"):
        d.kl_divergence(d.Binomial(3, rg.tensor(0.5)), d.Binomial(4, rg.tensor(0.5)))


def test_transforms_that_differ() -> None:
    d = rg.distributions
    with pytest.raises(NotImplementedError, match="transforms are equal"):
        d.kl_divergence(d.Weibull(1.0, 2.0), d.Weibull(1.0, 3.0))


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
