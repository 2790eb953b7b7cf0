"""The exponential distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.creation import empty, zeros_like


class Exponential(Distribution):
    """The exponential distribution: p(x) = rate exp(-rate x) for x >= 0.

    Args:
        rate: how often, on average.
        validate_args: see `Distribution`.

    Source: torch.distributions.Exponential, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Exponential(2.0).cdf(rg.tensor(0.0)).item()
    0.0
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"rate": constraints.positive}
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative

    @property
    def mean(self) -> Any:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Any:
        return zeros_like(self.rate)

    @property
    def stddev(self) -> Any:
        return self.rate.reciprocal()

    @property
    def variance(self) -> Any:
        return self.rate.pow(-2)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return empty(self._extended_shape(sample_shape), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Any) -> Any:
        return -(-value).log1p() / self.rate

    def entropy(self) -> Any:
        return 1.0 - self.rate.log()
