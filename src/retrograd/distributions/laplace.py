"""The Laplace distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.creation import empty


class Laplace(Distribution):
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

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"loc": constraints.real, "scale": constraints.positive}
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
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
