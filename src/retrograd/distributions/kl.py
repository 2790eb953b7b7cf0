"""Kullback and Leibler's divergence of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

from retrograd.distributions.bernoulli import Bernoulli
from retrograd.distributions.beta import Beta
from retrograd.distributions.binomial import Binomial
from retrograd.distributions.categorical import Categorical
from retrograd.distributions.cauchy import Cauchy
from retrograd.distributions.continuous_bernoulli import ContinuousBernoulli
from retrograd.distributions.dirichlet import Dirichlet
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.exponential import Exponential
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.geometric import Geometric
from retrograd.distributions.gumbel import Gumbel
from retrograd.distributions.half_normal import HalfNormal
from retrograd.distributions.independent import Independent
from retrograd.distributions.laplace import Laplace
from retrograd.distributions.log_normal import LogNormal
from retrograd.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from retrograd.distributions.multivariate_normal import MultivariateNormal
from retrograd.distributions.normal import Normal
from retrograd.distributions.one_hot_categorical import OneHotCategorical
from retrograd.distributions.parameters import event_axes_summed
from retrograd.distributions.pareto import Pareto
from retrograd.distributions.poisson import Poisson
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.distributions.uniform import Uniform
from retrograd.distributions.wishart import Wishart
from retrograd.nn.functions.activation import softplus
from retrograd.tensor.blending import where
from retrograd.tensor.linalg.solving import solve_triangular

Rule = Callable[[Any, Any], Any]
_Rule = TypeVar("_Rule", bound=Rule)
_RULES: Final[dict[tuple[type[Any], type[Any]], Rule]] = {}
_EULER: Final = 0.57721566490153286060


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[_Rule], _Rule]:
    """Decorator: enter a function of p and q as the divergence of two kinds of distributions.

    Source: torch.distributions.register_kl.
    """

    def enter(function: _Rule) -> _Rule:
        _RULES[type_p, type_q] = function
        return function

    return enter


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q), the mean under p of log p(x) - log q(x), for each distribution of the batch.

    The function that is entered for the nearest bases of both kinds is called (see `register_kl`).

    Raises:
        NotImplementedError: there is none.

    Source: torch.distributions.kl_divergence. Deviation: of Wisharts, gradients flow to both, and not to q alone.

    >>> import retrograd as rg
    >>> rg.distributions.kl_divergence(rg.distributions.Normal(0.0, 1.0), rg.distributions.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            rule = _RULES.get((kind_p, kind_q))
            if rule is not None:
                return rule(p, q)
    raise NotImplementedError(
        f"kl_divergence: none is known of {type(p).__name__} and {type(q).__name__}; enter one with register_kl"
    )


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Any:
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    ones = where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, ones))
    return ones + where(p.probs == 1, 0.0, where(q.probs == 1, math.inf, zeros))


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Any:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("kl_divergence: of Binomials, there is none where q has the larger total_count")
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return where(p.total_count > q.total_count, math.inf, p.total_count * one)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = where(q.probs == 0, math.inf, terms)
    return where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Any:
    """Chyzak and Nielsen (2019)."""
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Any:
    norms = p._log_norm() + (-p.probs).log1p() - q._log_norm() - (-q.probs).log1p()
    return p.mean * (p.logits - q.logits) + norms


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Any:
    a, b = p.concentration, q.concentration
    ways = a.sum(-1).lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return ways + ((a - b) * (a.digamma() - a.sum(-1).digamma().unsqueeze(-1))).sum(-1)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Any:
    a, b = p.concentration, q.concentration
    ways = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return ways + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Any:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Any:
    ratio, offset = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return offset - ratio.log() + _EULER * (ratio - 1) - 1 + ((1 + ratio).lgamma() - offset).exp()


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Any:
    return _normal(p._whole, q._whole)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "kl_divergence: both must have equally many axes that Independent took from the batch"
        )
    return event_axes_summed(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Any:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(LogNormal, LogNormal)
def _log_normal(p: LogNormal, q: LogNormal) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Any:
    (n,) = p.event_shape
    scale = q.scale_tril
    both = scale.expand(*p.scale_tril.shape) if scale.ndim < p.scale_tril.ndim else scale
    spread = solve_triangular(both, p.scale_tril.expand(*both.shape), upper=False).pow(2).sum((-2, -1))
    rest = (q.loc - p.loc).unsqueeze(-1)
    distance = solve_triangular(both, rest, upper=False).pow(2).sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (spread + distance - n)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Any:
    """The trace of Cq^-1 Cp is taken apart by Cq^-1 = diag(dq)^-1 - A^T A and Cp = diag(dp) + W W^T."""
    whitened, factor = q._whitened_factor(), p.cov_factor
    spread = (p.cov_diag / q.cov_diag).sum(-1) + (factor.pow(2) / q.cov_diag.unsqueeze(-1)).sum((-2, -1))
    spread = spread - (whitened.pow(2) * p.cov_diag.unsqueeze(-2)).sum((-2, -1))
    spread = spread - (whitened @ factor).pow(2).sum((-2, -1))
    return 0.5 * (q._log_det() - p._log_det() + spread + q._distance(q.loc - p.loc) - p.event_shape[0])


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Any:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return where(p.scale < q.scale, math.inf, found)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Any:
    inside = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, inside)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Any:
    """A transform that both went through changes nothing."""
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            "kl_divergence: of TransformedDistributions, none is known unless transforms are equal"
        )
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Wishart, Wishart)
def _wishart(p: Wishart, q: Wishart) -> Any:
    root = p.scale_tril
    scale = q.scale_tril.expand(*root.shape) if q.scale_tril.ndim < root.ndim else q.scale_tril
    trace = solve_triangular(scale, root.expand(*scale.shape), upper=False).pow(2).sum((-2, -1))
    mean_log_det = p._mean_log_det() + 2 * p._half_log_det_of_twice()
    rest = 0.5 * p.df * (trace - p.event_shape[0]) + q._log_norm() - p._log_norm()
    return 0.5 * (p.df - q.df) * mean_log_det + rest
