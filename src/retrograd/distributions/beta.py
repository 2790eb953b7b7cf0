"""The beta distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.dirichlet import Dirichlet
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.joining import stack
from retrograd.tensor.size import Size


class Beta(Distribution):
    """The distribution of a probability: p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b).

    Args:
        concentration1, concentration0: a and b.
        validate_args: see `Distribution`.

    Source: torch.distributions.Beta, whose values it draws for the same seed. For gradients of samples see `Dirichlet`.

    >>> import retrograd as rg
    >>> rg.distributions.Beta(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self._dirichlet = Dirichlet(stack(together(concentration1, concentration0), -1), validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        return self._copied({"_dirichlet": self._dirichlet.expand(shape)}, shape)

    @property
    def concentration1(self) -> Any:
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Any:
        return self._dirichlet.concentration[..., 1]

    @property
    def support(self) -> Constraint:
        return constraints.unit_interval

    @property
    def mean(self) -> Any:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Any:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Any:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return self._dirichlet.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Any:
        return self._dirichlet.entropy()
