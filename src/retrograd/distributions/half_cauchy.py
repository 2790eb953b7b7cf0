"""The distribution of the magnitudes of Cauchy numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.cauchy import Cauchy
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import AbsTransform
from retrograd.distributions.parameters import together
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.tensor.blending import where
from retrograd.tensor.creation import zeros_like


class HalfCauchy(TransformedDistribution):
    """|x| of Cauchy numbers x around 0.

    Args:
        scale: that of x.
        validate_args: see `Distribution`.

    Source: torch.distributions.HalfCauchy, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.HalfCauchy(1.0).cdf(rg.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"scale": constraints.positive}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = together(scale)
        super().__init__(Cauchy(zeros_like(self.scale), self.scale, False), AbsTransform(), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative

    @property
    def mean(self) -> Any:
        return self.scale.new_full(self._batch_shape, math.inf)

    @property
    def mode(self) -> Any:
        return zeros_like(self.scale)

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)
