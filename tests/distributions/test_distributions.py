"""Distributions against PyTorch: densities, moments, samples for the same seed, gradients, shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers

Make = Callable[[Any, Any, Any], Any]
_ANY, _ABOVE, _SHARE = numbers((3, 2), 1), numbers((3, 2), 2, 0.2, 2.0), numbers((3, 2), 3, 0.1, 0.9)
_CORRELATIONS = np.linalg.cholesky(np.eye(3) + 0.3 * (1 - np.eye(3)))
_SIMPLEX = (lambda x: x / x.sum(-1, keepdims=True))(numbers((3, 4), 4, 0.1, 1.0))
_ROOT = np.tril(numbers((3, 2, 2), 5, 0.3, 1.0)) + np.eye(2)
# name -> how it is made of a library and two parameters, these, and values
DISTRIBUTIONS: dict[str, tuple[Make, np.ndarray, np.ndarray, np.ndarray]] = {
    "Normal": (lambda d, a, b: d.Normal(a, b), _ANY, _ABOVE, _ANY),
    "Uniform": (lambda d, a, b: d.Uniform(a, a + b), _ANY, _ABOVE, _ANY + 0.5 * _ABOVE),
    "Exponential": (lambda d, a, b: d.Exponential(b), _ANY, _ABOVE, _ABOVE),
    "Laplace": (lambda d, a, b: d.Laplace(a, b), _ANY, _ABOVE, _ANY + 0.3),
    "LogNormal": (lambda d, a, b: d.LogNormal(a, b), _ANY, _ABOVE, _ABOVE),
    "Poisson": (lambda d, a, b: d.Poisson(b), _ANY, _ABOVE, np.round(_ABOVE)),
    "Geometric": (lambda d, a, b: d.Geometric(b), _ANY, _SHARE, np.round(_ABOVE)),
    "Geometric by logits": (lambda d, a, b: d.Geometric(logits=a), _ANY, _SHARE, np.round(_ABOVE)),
    "Bernoulli": (lambda d, a, b: d.Bernoulli(b), _ANY, _SHARE, np.round(_SHARE)),
    "Bernoulli by logits": (lambda d, a, b: d.Bernoulli(logits=a), _ANY, _SHARE, np.round(_SHARE)),
    "Categorical": (lambda d, a, b: d.Categorical(b), _ANY, _SIMPLEX, np.array([3, 0, 1])),
    "Categorical by logits": (lambda d, a, b: d.Categorical(logits=b), _ANY, _SIMPLEX, np.array([3, 0, 1])),
    "OneHotCategorical": (lambda d, a, b: d.OneHotCategorical(b), _ANY, _SIMPLEX, np.eye(4)[[3, 0, 1]]),
    "OneHotCategoricalStraightThrough": (
        lambda d, a, b: d.OneHotCategoricalStraightThrough(logits=b), _ANY, _SIMPLEX, np.eye(4)[[3, 0, 1]],
    ),
    "Multinomial": (lambda d, a, b: d.Multinomial(3, b), _ANY, _SIMPLEX, np.eye(4)[[3, 0, 1]] + np.eye(4)[0] * 2),
    "MultivariateNormal": (lambda d, a, b: d.MultivariateNormal(a, scale_tril=b), _ANY, _ROOT, _ANY + 0.1),
    "MultivariateNormal by covariance": (
        lambda d, a, b: d.MultivariateNormal(a, b @ b.mT), _ANY, _ROOT, _ANY + 0.1,
    ),
    "MultivariateNormal by precision": (
        lambda d, a, b: d.MultivariateNormal(a, precision_matrix=b @ b.mT), _ANY, _ROOT, _ANY + 0.1,
    ),
    "Independent": (lambda d, a, b: d.Independent(d.Normal(a, b), 1), _ANY, _ABOVE, _ANY + 0.1),
    "Cauchy": (lambda d, a, b: d.Cauchy(a, b), _ANY, _ABOVE, _ANY + 0.3),
    "Gumbel": (lambda d, a, b: d.Gumbel(a, b), _ANY, _ABOVE, _ANY + 0.3),
    "HalfNormal": (lambda d, a, b: d.HalfNormal(b), _ANY, _ABOVE, _ABOVE),
    "Gamma": (lambda d, a, b: d.Gamma(b, b * 2), _ANY, _ABOVE, _ABOVE),
    "Chi2": (lambda d, a, b: d.Chi2(b), _ANY, _ABOVE, _ABOVE),
    "Beta": (lambda d, a, b: d.Beta(b, b * 2), _ANY, _ABOVE, _SHARE),
    "Dirichlet": (lambda d, a, b: d.Dirichlet(b), _ANY, _ABOVE, _SIMPLEX[:, :2] / _SIMPLEX[:, :2].sum(1)[:, None]),
    "StudentT": (lambda d, a, b: d.StudentT(b + 1.5, a, b), _ANY, _ABOVE, _ANY),
    "Binomial": (lambda d, a, b: d.Binomial(5, b), _ANY, _SHARE, np.round(4 * _SHARE)),
    "Binomial by logits": (lambda d, a, b: d.Binomial(30, logits=a), _ANY, _SHARE, np.round(4 * _SHARE)),
    "NegativeBinomial": (lambda d, a, b: d.NegativeBinomial(b * 5, b), _ANY, _SHARE, np.round(4 * _SHARE)),
    "NegativeBinomial by logits": (lambda d, a, b: d.NegativeBinomial(2.5, logits=a), _ANY, _SHARE, np.round(_SHARE)),
    "Weibull": (lambda d, a, b: d.Weibull(b, b + 1), _ANY, _ABOVE, _ABOVE),
    "Pareto": (lambda d, a, b: d.Pareto(b, b + 2), _ANY, _ABOVE, 1.5 * _ABOVE),
    "GeneralizedPareto": (lambda d, a, b: d.GeneralizedPareto(a, b, 0.3 * b), _ANY, _ABOVE, _ANY + 0.1),
    "GeneralizedPareto, bounded": (lambda d, a, b: d.GeneralizedPareto(a, b, -b), _ANY, _ABOVE, _ANY + 0.1),
    "GeneralizedPareto, c = 0": (lambda d, a, b: d.GeneralizedPareto(a, b, b * 0), _ANY, _ABOVE, _ANY + 0.1),
    "HalfCauchy": (lambda d, a, b: d.HalfCauchy(b), _ANY, _ABOVE, _ABOVE),
    "InverseGamma": (lambda d, a, b: d.InverseGamma(b + 2, b), _ANY, _ABOVE, _ABOVE),
    "Kumaraswamy": (lambda d, a, b: d.Kumaraswamy(b + 1, b + 1.5), _ANY, _ABOVE, _SHARE),
    "FisherSnedecor": (lambda d, a, b: d.FisherSnedecor(b + 2, b + 4), _ANY, _ABOVE, _ABOVE),
    "ContinuousBernoulli": (lambda d, a, b: d.ContinuousBernoulli(b), _ANY, _SHARE, _SHARE),
    "ContinuousBernoulli by logits": (lambda d, a, b: d.ContinuousBernoulli(logits=a), _ANY, _SHARE, _SHARE),
    "ContinuousBernoulli about 1/2": (
        lambda d, a, b: d.ContinuousBernoulli(0.5 + 1e-4 * b), _ANY, _SHARE, _SHARE,
    ),
    "RelaxedBernoulli": (lambda d, a, b: d.RelaxedBernoulli(b[0, 0], b), _ANY, _SHARE, _SHARE),
    "RelaxedBernoulli by logits": (lambda d, a, b: d.RelaxedBernoulli(b[0, 0], logits=a), _ANY, _SHARE, _SHARE),
    "RelaxedOneHotCategorical": (
        lambda d, a, b: d.RelaxedOneHotCategorical(b[0, 0] * 3, b), _ANY, _SIMPLEX, _SIMPLEX[::-1].copy(),
    ),
    "ExpRelaxedCategorical": (
        lambda d, a, b: d.relaxed_categorical.ExpRelaxedCategorical(b[0, 0] * 3, logits=b),
        _ANY, _SIMPLEX, np.log(_SIMPLEX[::-1]),
    ),
    "LogisticNormal": (lambda d, a, b: d.LogisticNormal(a, b), _ANY, _ABOVE, _SIMPLEX[:, :3] / _SIMPLEX[:, :3].sum(
        1, keepdims=True)),
    "LowRankMultivariateNormal": (
        lambda d, a, b: d.LowRankMultivariateNormal(a, a.unsqueeze(-1), b), _ANY, _ABOVE, _ANY + 0.1,
    ),
    "LowRankMultivariateNormal, one covariance": (
        lambda d, a, b: d.LowRankMultivariateNormal(a, a[0].unsqueeze(-1), b[0]), _ANY, _ABOVE, _ANY + 0.1,
    ),
    "LKJCholesky": (lambda d, a, b: d.LKJCholesky(3, b[:, 0]), _ANY, _ABOVE, _CORRELATIONS),
    "mixture": (
        lambda d, a, b: d.MixtureSameFamily(d.Categorical(logits=a), d.Normal(a, b)), _ANY, _ABOVE, _ANY[:, 0],
    ),
    "mixture of vectors": (
        lambda d, a, b: d.MixtureSameFamily(d.Categorical(b[:, 0]), d.Independent(d.Normal(a, b), 1)),
        _ANY, _ABOVE, _ANY[0] + 0.3,
    ),
    "squashed": (
        lambda d, a, b: d.TransformedDistribution(d.Normal(a, b), [d.TanhTransform(cache_size=1)]),
        _ANY, _ABOVE, 0.9 * np.tanh(_ANY),
    ),
    "stretched": (
        lambda d, a, b: d.TransformedDistribution(
            d.Independent(d.Normal(a, b), 1), [d.AffineTransform(1.0, -2.0), d.SigmoidTransform()]
        ),
        _ANY, _ABOVE, _SHARE,
    ),
    "power": (
        lambda d, a, b: d.TransformedDistribution(
            d.Normal(a, b), [d.ComposeTransform([d.SoftplusTransform(), d.PowerTransform(2.0)])]
        ),
        _ANY, _ABOVE, _ABOVE,
    ),
}  # fmt: skip
PROPERTIES = ("mean", "mode", "variance", "stddev")
# PyTorch's gradients of their samples are approximations to three digits; ours: `tests/tensor/test_gamma_sampling.py`.
APPROXIMATE = ("Gamma", "Chi2", "Beta", "Dirichlet", "StudentT", "InverseGamma", "FisherSnedecor")


def _both(name: str) -> tuple[list[Any], list[Any]]:
    """The distribution, its parameters and its values, in both libraries."""
    make, a, b, values = DISTRIBUTIONS[name]
    made = []
    for lib in (rg, torch):
        x, y = lib.tensor(a, requires_grad=True), lib.tensor(b, requires_grad=True)
        made.append([make(lib.distributions, x, y), (x, y), lib.tensor(values)])
    return made[0], made[1]


def _assert_alike(ours: Any, theirs: Any, parameters: tuple[Any, ...]) -> None:
    """Values, and the gradients of their sum."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)
    assert ours.requires_grad == theirs.requires_grad
    if theirs.requires_grad:
        found = rg.autograd.grad(ours.sum(), parameters[0], allow_unused=True, retain_graph=True)
        expected = torch.autograd.grad(theirs.sum(), parameters[1], allow_unused=True, retain_graph=True)
        for g, h in zip(found, expected, strict=True):
            zeros = np.zeros(h.shape) if h is not None else 0.0
            left, right = (zeros if x is None else x.numpy() for x in (g, h))
            np.testing.assert_allclose(left, right, rtol=1e-8, atol=1e-10)


def _asked(distribution: Any, what: str, values: Any) -> Any:
    if what in ("log_prob", "cdf"):
        return getattr(distribution, what)(values)
    if what == "icdf":
        return distribution.icdf(distribution.mean.detach() * 0 + 0.3)
    found = getattr(distribution, what)
    return found if what in PROPERTIES else found()


@pytest.fixture
def _in_double() -> Iterator[None]:
    """PyTorch's GeneralizedPareto works in its default dtype alone."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@needs_torch
@pytest.mark.usefixtures("_in_double")
@pytest.mark.parametrize("what", ["log_prob", "cdf", "icdf", "entropy", "perplexity", *PROPERTIES])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_values_and_gradients(name: str, what: str) -> None:
    ours, theirs = _both(name)
    try:
        expected = _asked(theirs[0], what, theirs[2])
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            _asked(ours[0], what, ours[2])
        return
    if name in ("Gamma", "Chi2", "InverseGamma") and what == "cdf":
        # PyTorch has no gradient for the concentration; `igamma` is held against finite differences.
        found = _asked(ours[0], what, ours[2])
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-9)
        return
    if name == "Multinomial" and what in ("entropy", "perplexity"):
        pytest.skip("PyTorch computes log N! in float32; see the sum over all values below")
    _assert_alike(_asked(ours[0], what, ours[2]), expected, (ours[1], theirs[1]))


@needs_torch
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_samples_of_the_same_seed(name: str) -> None:
    ours, theirs = _both(name)
    for shape in ((), (2,), (4, 1)):
        for what in ("sample", "rsample") if theirs[0].has_rsample else ("sample",):
            rg.manual_seed(7)
            torch.manual_seed(7)
            found, expected = getattr(ours[0], what)(shape), getattr(theirs[0], what)(shape)
            if name in APPROXIMATE:
                assert found.requires_grad == expected.requires_grad
                found, expected = found.detach(), expected.detach()
            _assert_alike(found, expected, (ours[1], theirs[1]))
    assert ours[0].has_rsample == theirs[0].has_rsample


@needs_torch
@pytest.mark.usefixtures("_in_double")
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_shapes(name: str) -> None:
    ours, theirs = _both(name)
    assert tuple(ours[0].batch_shape) == tuple(theirs[0].batch_shape)
    assert tuple(ours[0].event_shape) == tuple(theirs[0].event_shape)
    larger = (5, *theirs[0].batch_shape)
    found, expected = ours[0].expand(larger), theirs[0].expand(larger)
    assert (tuple(found.batch_shape), tuple(found.event_shape)) == (larger, tuple(expected.event_shape))
    _assert_alike(found.log_prob(ours[2]), expected.log_prob(theirs[2]), (ours[1], theirs[1]))
    assert found.sample((2,)).shape == expected.sample((2,)).shape
    assert ours[0].has_enumerate_support == theirs[0].has_enumerate_support
    if theirs[0].has_enumerate_support:
        for flag in (True, False):
            assert ours[0].enumerate_support(flag).tolist() == theirs[0].enumerate_support(flag).tolist()


@needs_torch
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_support_is_that_of_pytorch(name: str) -> None:
    ours, theirs = _both(name)
    samples = theirs[0].sample((3,))
    for shift in (0.0, 0.5, -3.0):
        values = samples.numpy() + shift
        if values.dtype.kind == "f" or not shift:
            found = ours[0].support.check(rg.tensor(values))
            assert found.tolist() == theirs[0].support.check(torch.tensor(values)).tolist()


@needs_torch
def test_of_numbers_and_how_they_look() -> None:
    for make in (
        lambda d: d.Normal(0, 1.5),
        lambda d: d.Uniform(0.0, 2.0),
        lambda d: d.Bernoulli(0.25),
        lambda d: d.Laplace(0.0, 1.0),
        lambda d: d.Exponential(2.0),
        lambda d: d.Poisson(2.0),
    ):
        ours, theirs = make(rg.distributions), make(torch.distributions)
        assert repr(ours) == repr(theirs)
        assert (ours.batch_shape, ours.mean.dtype) == ((), rg.float32)
    lines = rg.distributions.Independent(rg.distributions.Normal(rg.zeros(4, 3), 1.0), 1)
    theirs = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(4, 3), 1.0), 1)
    assert repr(lines).replace("retrograd", "torch") == repr(theirs)


def test_derived_parameters_stay_out_of_sight() -> None:
    made = rg.distributions.Bernoulli(rg.tensor([0.5]))
    before = repr(made)
    assert made.logits.item() == 0.0
    assert repr(made) == before
    assert made.expand((3,)).logits.shape == (3,)


def test_the_entropy_of_counts_is_that_of_all_values() -> None:
    probs = rg.tensor([0.1, 0.2, 0.7], dtype=rg.float64, requires_grad=True)
    made = rg.distributions.Multinomial(4, probs)
    values = [x for x in np.ndindex(5, 5, 5) if sum(x) == 4]
    logs = made.log_prob(rg.tensor(np.array(values, np.float64)))
    expected = -(logs.exp() * logs).sum()
    assert logs.exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    assert made.entropy().item() == pytest.approx(expected.item(), rel=1e-12)
    found, wanted = (rg.autograd.grad(x, probs, retain_graph=True)[0].tolist() for x in (made.entropy(), expected))
    assert found == pytest.approx(wanted, rel=1e-10)


def test_a_policy_learns() -> None:
    """REINFORCE on a bandit whose second arm pays."""
    rg.manual_seed(0)
    logits = rg.zeros(3, requires_grad=True)
    optimizer = rg.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        policy = rg.distributions.Categorical(logits=logits)
        action = policy.sample((8,))
        reward = (action == 1).float()
        optimizer.zero_grad()
        (-(policy.log_prob(action) * (reward - reward.mean())).mean()).backward()
        optimizer.step()
    assert rg.softmax(logits, 0)[1].item() > 0.8


def test_a_normal_is_fitted_by_its_samples() -> None:
    rg.manual_seed(0)
    loc, log_scale = rg.zeros((), requires_grad=True), rg.zeros((), requires_grad=True)
    optimizer = rg.optim.Adam([loc, log_scale], lr=0.05)
    for _ in range(150):
        x = rg.distributions.Normal(loc, log_scale.exp()).rsample((64,))
        optimizer.zero_grad()
        (((x - 3.0) / 0.5) ** 2 / 2).mean().sub(log_scale).backward()
        optimizer.step()
    assert loc.item() == pytest.approx(3.0, abs=0.1)
    assert log_scale.exp().item() == pytest.approx(0.5, abs=0.1)
