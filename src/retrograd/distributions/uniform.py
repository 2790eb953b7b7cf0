"""The uniform distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.errors import OptionError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.random import rand


class Uniform(Distribution):
    """The uniform distribution on [low, high): p(x) = 1 / (high - low).

    Args:
        low, high: the ends.
        validate_args: see `Distribution`.

    Raises:
        OptionError: the ends are in memory, and one low is not below its high.

    Source: torch.distributions.Uniform, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Uniform(0.0, 2.0).log_prob(rg.tensor(1.0))
    tensor(-0.6931)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"low": constraints.real, "high": constraints.real}
    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = together(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._knows_support() and not (self.low._value() < self.high._value()).all():
            raise OptionError(f"Uniform: low must be below high, and they are {self.low} and {self.high}")

    @property
    def support(self) -> Constraint:
        return constraints.interval(self.low, self.high)

    def _knows_support(self) -> bool:
        return self._looks_at(self.low) and self._looks_at(self.high)

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        """No value is more probable than others: NaN."""
        return self.high * float("nan")

    @property
    def stddev(self) -> Any:
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> Any:
        return (self.high - self.low).pow(2) / 12

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        drawn = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        inside = ((self.low <= value) & (self.high > value)).to(self.low.dtype)
        return inside.log() - (self.high - self.low).log()

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Any) -> Any:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        return (self.high - self.low).log()
