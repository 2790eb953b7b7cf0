"""The logistic-normal distribution."""

from __future__ import annotations

from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.normal import Normal
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.distributions.vector_transforms import StickBreakingTransform


class LogisticNormal(TransformedDistribution):
    """n + 1 probabilities made of n normal numbers by `StickBreakingTransform`.

    Args:
        loc, scale: mean and standard deviation of the normal numbers, (..., n).
        validate_args: see `Distribution`.

    Source: torch.distributions.LogisticNormal, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.LogisticNormal(rg.zeros(3), rg.ones(3)).sample().sum().round(decimals=4)
    tensor(1.)
    """

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        base = base if base.batch_shape else base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.simplex

    @property
    def loc(self) -> Any:
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Any:
        return self.base_dist.base_dist.scale
