"""The Kumaraswamy distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import AffineTransform, PowerTransform
from retrograd.distributions.parameters import together
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.distributions.uniform import Uniform
from retrograd.tensor.blending import where
from retrograd.tensor.creation import ones_like, zeros_like

_EULER: Final = 0.57721566490153286060


class Kumaraswamy(TransformedDistribution):
    """A relative of the beta distribution that is easy to draw from: P(X > x) = (1 - x^a)^b for x in [0, 1].

    Args:
        concentration1, concentration0: a and b.
        validate_args: see `Distribution`.

    Source: torch.distributions.Kumaraswamy, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Kumaraswamy(1.0, 1.0).cdf(rg.tensor(0.25))
    tensor(0.2500)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = together(concentration1, concentration0)
        transforms = [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ]
        base = Uniform(zeros_like(self.concentration0), ones_like(self.concentration0), False)
        super().__init__(base, transforms, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.unit_interval

    @property
    def mean(self) -> Any:
        return self._moment(1)

    @property
    def mode(self) -> Any:
        """NaN where a or b is below 1: the density has no peak."""
        a, b = self.concentration1, self.concentration0
        peak = b.reciprocal() * (-b).log1p() - (-a * b).log1p()
        return where((a < 1) | (b < 1), math.nan, peak).exp()

    @property
    def variance(self) -> Any:
        return self._moment(2) - self.mean.square()

    def _moment(self, n: int) -> Any:
        """b B(1 + n / a, b)."""
        b, first = self.concentration0, 1 + n / self.concentration1
        return b * (first.lgamma() + b.lgamma() - (first + b).lgamma()).exp()

    def entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + _EULER
        return 1 - b.reciprocal() + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
