"""The Laplace distribution."""

from __future__ import annotations

from typing import Any

from retrograd.core.limits import finfo
from retrograd.distributions.location_scale import LocationScale
from retrograd.tensor.creation import empty


class Laplace(LocationScale):
    """The Laplace distribution: p(x) = exp(-|x - loc| / scale) / (2 scale).

    Args:
        loc: the mean.
        scale: how wide it is.
        validate_args: see `Distribution`.

    Source: torch.distributions.Laplace, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Laplace(0.0, 1.0).log_prob(rg.tensor(0.0))
    tensor(-0.6931)
    """

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Any:
        return 2 * self.scale.pow(2)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        drawn = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        u = drawn.uniform_(finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        rest = value - self.loc
        return 0.5 - 0.5 * rest.sign() * (-rest.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Any:
        return 1 + (2 * self.scale).log()
