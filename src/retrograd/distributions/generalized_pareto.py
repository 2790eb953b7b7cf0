"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.blending import where
from retrograd.tensor.pairwise import isclose
from retrograd.tensor.random import rand


class GeneralizedPareto(Distribution):
    """What lies above a high threshold: P(X > x) = (1 + c z)^(-1 / c), z = (x - loc) / scale, and exp(-z) for c = 0.

    Args:
        loc: the threshold, the least value.
        scale: how wide it is.
        concentration: c. Where it is negative, no value is above loc - scale / c.
        validate_args: see `Distribution`.

    Source: torch.distributions.GeneralizedPareto, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.GeneralizedPareto(0.0, 1.0, 1.0).cdf(rg.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = together(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        c = self.concentration
        return constraints.interval(self.loc, where(c < 0, self.loc - self.scale / c, math.inf))

    def _knows_support(self) -> bool:
        # The upper end is computed.
        return self._validate_args is True

    @property
    def mean(self) -> Any:
        """There is none where c >= 1: NaN."""
        c = self.concentration
        return where(c < 1, self.loc + self.scale / (1 - where(c < 1, c, 0.5)), math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        """There is none where c >= 1/2: NaN."""
        c = where(self.concentration < 0.5, self.concentration, 0.25)
        return where(self.concentration < 0.5, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        is_zero, c = self._curved()
        z = (value - self.loc) / self.scale
        power = 1 / c + 1
        falling = where(power == 0, power, power * (c * z).log1p())
        return -self.scale.log() - where(is_zero, z, falling)

    def log_survival_function(self, value: Any) -> Any:
        """log P(X > x)."""
        self._check_value(value)
        is_zero, c = self._curved()
        z = (value - self.loc) / self.scale
        return where(is_zero, -z, -(c * z).log1p() / c)

    def log_cdf(self, value: Any) -> Any:
        """log P(X <= x)."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Any) -> Any:
        return self.log_cdf(value).exp()

    def icdf(self, value: Any) -> Any:
        is_zero, c = self._curved()
        log_above = (-value).log1p()
        return self.loc + where(is_zero, -self.scale * log_above, self.scale / c * (-c * log_above).expm1())

    def entropy(self) -> Any:
        return self.scale.log() + self.concentration + 1

    def _curved(self) -> tuple[Any, Any]:
        """Where c counts as 0, and c with 1 in its place there."""
        is_zero = isclose(self.concentration, self.concentration.new_zeros(()))
        return is_zero, where(is_zero, 1.0, self.concentration)
