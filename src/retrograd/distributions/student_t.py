"""Student's distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.distributions import constraints
from retrograd.distributions.chi2 import Chi2
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.blending import where
from retrograd.tensor.random import randn
from retrograd.tensor.size import Size


class StudentT(Distribution):
    """Student's distribution: loc + scale x / sqrt(z / df) of a standard normal x and z from `Chi2(df)`.

    Args:
        df: degrees of freedom.
        loc, scale: where its middle is, and how wide it is.
        validate_args: see `Distribution`.

    Source: torch.distributions.StudentT, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.StudentT(1.0).log_prob(rg.tensor(0.0))
    tensor(-1.1447)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = together(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args)
        super().__init__(self.df.shape, validate_args=validate_args)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        grown = {name: self._grown(self.__dict__[name], shape) for name in self._given}
        return self._copied({**grown, "_chi2": self._chi2.expand(shape)}, shape)

    @property
    def support(self) -> Constraint:
        return constraints.real

    @property
    def mean(self) -> Any:
        """There is none where df <= 1: NaN."""
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        """Infinite where df <= 2; there is none where df <= 1: NaN."""
        finite = self.scale.pow(2) * self.df / where(self.df > 2, self.df - 2, 1.0)
        return where(self.df > 2, finite, where(self.df > 1, math.inf, where(self.df <= 1, math.nan, self.df)))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        x = randn(self._extended_shape(sample_shape), dtype=self.df.dtype)
        z = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (x * (z / self.df).rsqrt())

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        y = (value - self.loc) / self.scale
        ways = (0.5 * self.df).lgamma() - (0.5 * (self.df + 1.0)).lgamma()
        total = self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + ways
        return -0.5 * (self.df + 1.0) * (y**2.0 / self.df).log1p() - total

    def entropy(self) -> Any:
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        ways = half.lgamma() + math.lgamma(0.5) - more.lgamma()
        return self.scale.log() + more * (more.digamma() - half.digamma()) + 0.5 * self.df.log() + ways
