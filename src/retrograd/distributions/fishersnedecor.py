"""Fisher and Snedecor's distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.parameters import together
from retrograd.tensor.blending import where


class FisherSnedecor(Distribution):
    """The F distribution: (x / df1) / (y / df2) of x from `Chi2(df1)` and y from `Chi2(df2)`.

    Args:
        df1, df2: degrees of freedom.
        validate_args: see `Distribution`.

    Source: torch.distributions.FisherSnedecor, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.FisherSnedecor(1.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"df1": constraints.positive, "df2": constraints.positive}
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = together(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.positive

    @property
    def mean(self) -> Any:
        """There is none where df2 <= 2: NaN."""
        df2 = where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Any:
        """NaN where df1 <= 2: the density has no peak."""
        return where(self.df1 <= 2, math.nan, (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2))

    @property
    def variance(self) -> Any:
        """There is none where df2 <= 4: NaN."""
        df1, df2 = self.df1, where(self.df2 <= 4, math.nan, self.df2)
        return 2 * df2.pow(2) * (df1 + df2 - 2) / (df1 * (df2 - 2).pow(2) * (df2 - 4))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        above, below = (Gamma(df * 0.5, df, False).rsample(sample_shape) for df in (self.df1, self.df2))
        least = finfo(below.dtype).tiny
        return (above / below.clamp(min=least)).clamp(min=least)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        ways = (half1 + half2).lgamma() - half1.lgamma() - half2.lgamma()
        rising = half1 * ratio.log() + (half1 - 1) * value.log()
        return ways + rising - (half1 + half2) * (ratio * value).log1p()
