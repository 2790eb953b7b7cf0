"""The distribution of the magnitudes of normal numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.normal import Normal
from retrograd.distributions.parameters import together
from retrograd.tensor.blending import where
from retrograd.tensor.creation import zeros_like


class HalfNormal(Distribution):
    """|x| of normal numbers x around 0.

    Args:
        scale: the standard deviation of x.
        validate_args: see `Distribution`.

    Source: torch.distributions.HalfNormal, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.HalfNormal(1.0).mean
    tensor(0.7979)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"scale": constraints.positive}
    has_rsample = True

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = together(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def _whole(self) -> Normal:
        """The distribution of x."""
        return Normal(zeros_like(self.scale), self.scale, validate_args=False)

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Any:
        return zeros_like(self.scale)

    @property
    def variance(self) -> Any:
        return self.scale.pow(2) * (1 - 2 / math.pi)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self._whole.rsample(sample_shape).abs()

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return where(value >= 0, self._whole.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return 2 * self._whole.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self._whole.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self._whole.entropy() - math.log(2)
