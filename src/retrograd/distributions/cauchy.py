"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

from retrograd.distributions.location_scale import LocationScale
from retrograd.tensor.creation import empty


class Cauchy(LocationScale):
    """The Cauchy distribution: p(x) = 1 / (pi scale (1 + ((x - loc) / scale)^2)).

    Args:
        loc: the median.
        scale: half the width at half the height.
        validate_args: see `Distribution`.

    Source: torch.distributions.Cauchy, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Cauchy(0.0, 1.0).cdf(rg.tensor(1.0))
    tensor(0.7500)
    """

    @property
    def mean(self) -> Any:
        """There is none: NaN."""
        return self.loc.new_full(self._batch_shape, math.nan)

    @property
    def variance(self) -> Any:
        return self.loc.new_full(self._batch_shape, math.inf)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.loc + empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).cauchy_() * self.scale

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Any:
        return math.log(4 * math.pi) + self.scale.log()
