"""The distribution of numbers whose logarithms are normal."""

from __future__ import annotations

from typing import Any

from retrograd.distributions.normal import Normal
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.distributions.transforms import ExpTransform


class LogNormal(TransformedDistribution):
    """exp(x) of normal numbers x.

    Args:
        loc, scale: mean and standard deviation of x.
        validate_args: see `Distribution`.

    Source: torch.distributions.LogNormal, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.LogNormal(0.0, 1.0).mode
    tensor(0.3679)
    """

    base_dist: Normal

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Any:
        return self.base_dist.loc

    @property
    def scale(self) -> Any:
        return self.base_dist.scale

    @property
    def mean(self) -> Any:
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Any:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Any:
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc
