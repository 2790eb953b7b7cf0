"""The distribution of the reciprocals of gamma numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import PowerTransform
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.parameters import together
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.tensor.blending import where


class InverseGamma(TransformedDistribution):
    """1 / x of gamma numbers x.

    Args:
        concentration, rate: those of x; `rate` is the scale of 1 / x.
        validate_args: see `Distribution`.

    Source: torch.distributions.InverseGamma, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(concentration, rate)
        base = Gamma(self.concentration, self.rate, validate_args)
        super().__init__(base, PowerTransform(self.rate.new_full((), -1.0)), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.positive

    @property
    def mean(self) -> Any:
        """Infinite where the concentration is 1 or less."""
        return where(self.concentration > 1, self.rate / (self.concentration - 1), math.inf)

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        """Infinite where the concentration is 2 or less."""
        a = self.concentration
        return where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Any:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
