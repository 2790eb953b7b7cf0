"""Divergences of distributions of different kinds: KL(p || q) = -H(p) - E_p[log q(x)].

Where p gives something to what q rules out, it is infinite. Source: torch.distributions.kl. Deviation: `Uniform` and
`ContinuousBernoulli` of the same interval have a finite divergence, which PyTorch says is infinite.
"""

from __future__ import annotations

import math
from typing import Any, Final

from retrograd.distributions.bernoulli import Bernoulli
from retrograd.distributions.beta import Beta
from retrograd.distributions.binomial import Binomial
from retrograd.distributions.continuous_bernoulli import ContinuousBernoulli
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.exponential import Exponential
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.gumbel import Gumbel
from retrograd.distributions.kl import register_kl
from retrograd.distributions.laplace import Laplace
from retrograd.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from retrograd.distributions.multivariate_normal import MultivariateNormal
from retrograd.distributions.normal import Normal
from retrograd.distributions.pareto import Pareto
from retrograd.distributions.poisson import Poisson
from retrograd.distributions.uniform import Uniform
from retrograd.tensor.blending import where
from retrograd.tensor.linalg.solving import solve_triangular

_EULER: Final = 0.57721566490153286060

# What p reaches, q does not.
_INFINITE: Final[dict[type[Distribution], tuple[type[Distribution], ...]]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _infinite(p: Any, q: Any) -> Any:
    return p.mean.new_full(p.batch_shape, math.inf)


for _p, _all in _INFINITE.items():
    for _q in _all:
        register_kl(_p, _q)(_infinite)


@register_kl(Bernoulli, Poisson)
def _to_poisson(p: Bernoulli, q: Poisson) -> Any:
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _to_normal(p: Any, q: Normal) -> Any:
    square = p.variance + (p.mean - q.loc).pow(2)
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + square / (2 * q.scale.pow(2)) - p.entropy()


@register_kl(Pareto, Normal)
def _pareto_to_normal(p: Pareto, q: Normal) -> Any:
    return where(p.alpha <= 2, math.inf, _to_normal(p, q))


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _to_exponential(p: Any, q: Exponential) -> Any:
    return q.rate * p.mean - q.rate.log() - p.entropy()


@register_kl(Pareto, Exponential)
def _pareto_to_exponential(p: Pareto, q: Exponential) -> Any:
    return where(p.alpha <= 1, math.inf, _to_exponential(p, q))


@register_kl(Uniform, Exponential)
def _uniform_to_exponential(p: Uniform, q: Exponential) -> Any:
    return where(p.low < 0, math.inf, _to_exponential(p, q))


def _to_gamma(p: Any, q: Gamma, mean_log: Any) -> Any:
    """`mean_log` is E_p[log x]."""
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * p.mean - p.entropy()


@register_kl(Beta, Gamma)
def _beta_to_gamma(p: Beta, q: Gamma) -> Any:
    return _to_gamma(p, q, p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma())


@register_kl(Exponential, Gamma)
def _exponential_to_gamma(p: Exponential, q: Gamma) -> Any:
    return _to_gamma(p, q, -p.rate.log() - _EULER)


@register_kl(Pareto, Gamma)
def _pareto_to_gamma(p: Pareto, q: Gamma) -> Any:
    return where(p.alpha <= 1, math.inf, _to_gamma(p, q, p.scale.log() + p.alpha.reciprocal()))


@register_kl(Uniform, Gamma)
def _uniform_to_gamma(p: Uniform, q: Gamma) -> Any:
    return where(p.low < 0, math.inf, _to_gamma(p, q, _mean_log(p.low, p.high)))


def _mean_log(low: Any, high: Any) -> Any:
    """The mean of log x between two numbers that are not negative."""
    return (high.xlogy(high) - low.xlogy(low)) / (high - low) - 1


def _to_gumbel(p: Any, q: Gumbel, mean_exp: Any) -> Any:
    """`mean_exp` is E_p[exp((loc - x) / scale)]."""
    return q.scale.log() + (p.mean - q.loc) / q.scale + mean_exp - p.entropy()


@register_kl(Exponential, Gumbel)
def _exponential_to_gumbel(p: Exponential, q: Gumbel) -> Any:
    stretched = p.rate * q.scale
    return _to_gumbel(p, q, (q.loc / q.scale).exp() * stretched / (stretched + 1))


@register_kl(Gamma, Gumbel)
def _gamma_to_gumbel(p: Gamma, q: Gumbel) -> Any:
    shrunk = (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    return _to_gumbel(p, q, (q.loc / q.scale).exp() * shrunk)


@register_kl(Normal, Gumbel)
def _normal_to_gumbel(p: Normal, q: Gumbel) -> Any:
    return _to_gumbel(p, q, ((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2)).exp())


@register_kl(Uniform, Gumbel)
def _uniform_to_gumbel(p: Uniform, q: Gumbel) -> Any:
    low, high = ((q.loc - end) / q.scale for end in (p.low, p.high))
    return _to_gumbel(p, q, q.scale / (p.high - p.low) * (low.exp() - high.exp()))


@register_kl(Normal, Laplace)
def _normal_to_laplace(p: Normal, q: Laplace) -> Any:
    offset = p.loc - q.loc
    apart = offset / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * apart.pow(2)).exp() + offset * (apart / math.sqrt(2)).erf()
    return (2 * q.scale).log() + distance / q.scale - p.entropy()


@register_kl(Beta, ContinuousBernoulli)
def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Any:
    return -p.mean * q.logits - (-q.probs).log1p() - q._log_norm() - p.entropy()


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_to_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Any:
    return where((p.low < 0) | (p.high > 1), math.inf, _to_continuous_bernoulli(p, q))


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _to_uniform(p: Any, q: Uniform) -> Any:
    return where((q.low > 0) | (q.high < 1), math.inf, (q.high - q.low).log() - p.entropy())


@register_kl(Uniform, Beta)
def _uniform_to_beta(p: Uniform, q: Beta) -> Any:
    a, b = q.concentration1, q.concentration0
    log_norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    rising, falling = _mean_log(p.low, p.high), _mean_log(1 - p.high, 1 - p.low)
    found = log_norm - (a - 1) * rising - (b - 1) * falling - p.entropy()
    return where((p.low < 0) | (p.high > 1), math.inf, found)


@register_kl(Uniform, Pareto)
def _uniform_to_pareto(p: Uniform, q: Pareto) -> Any:
    rising = (q.alpha + 1) * _mean_log(p.low, p.high)
    return where(p.low < q.scale, math.inf, rising - q.alpha.log() - q.alpha * q.scale.log() - p.entropy())


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _whole_to_low_rank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Any:
    root = p.scale_tril
    spread = (root / q.cov_diag.sqrt().unsqueeze(-1)).pow(2).sum((-2, -1))
    spread = spread - (q._whitened_factor() @ root).pow(2).sum((-2, -1))
    distance = q._distance(q.loc - p.loc)
    return 0.5 * (q._log_det() + spread + distance - p.event_shape[0]) - p._half_log_det()


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_to_whole(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Any:
    root, offset = p.scale_tril, (q.loc - p.loc).unsqueeze(-1)
    scale = q.scale_tril.expand(*offset.shape[:-2], *q.scale_tril.shape[-2:])
    spread = solve_triangular(scale, root.expand(*scale.shape), upper=False).pow(2).sum((-2, -1))
    distance = solve_triangular(scale, offset, upper=False).pow(2).sum((-2, -1))
    return q._half_log_det() + 0.5 * (spread + distance - p.event_shape[0] - p._log_det())
