"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any, Final

from retrograd.core.limits import finfo
from retrograd.distributions.location_scale import LocationScale
from retrograd.tensor.random import rand

_EULER: Final = 0.57721566490153286060


class Gumbel(LocationScale):
    """The Gumbel distribution, of the largest of many numbers: p(x) = exp(y - exp(y)) / scale, y = (loc - x) / scale.

    Args:
        loc: the most probable value.
        scale: how wide it is.
        validate_args: see `Distribution`.

    Source: torch.distributions.Gumbel, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Gumbel(0.0, 1.0).cdf(rg.tensor(0.0))
    tensor(0.3679)
    """

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * _EULER

    @property
    def stddev(self) -> Any:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Any:
        return self.stddev.pow(2)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        limits = finfo(self.loc.dtype)
        drawn = rand(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.icdf(limits.tiny + drawn * (1 - limits.eps - limits.tiny))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return (-((self.loc - value) / self.scale).exp()).exp()

    def icdf(self, value: Any) -> Any:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Any:
        return self.scale.log() + (1 + _EULER)
