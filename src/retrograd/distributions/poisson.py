"""The Poisson distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.sampling import poisson


class Poisson(Distribution):
    """How often something happens that does so at random: P(k) = rate^k exp(-rate) / k!.

    Args:
        rate: how often on average.
        validate_args: see `Distribution`.

    Source: torch.distributions.Poisson, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Poisson(1.0).log_prob(rg.tensor(0.0)).item()
    -1.0
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"rate": constraints.nonnegative}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative_integer

    @property
    def mean(self) -> Any:
        return self.rate

    @property
    def mode(self) -> Any:
        return self.rate.floor()

    @property
    def variance(self) -> Any:
        return self.rate

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return value.xlogy(self.rate) - self.rate - (value + 1).lgamma()
