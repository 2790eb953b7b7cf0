"""The Pareto distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import AffineTransform, ExpTransform
from retrograd.distributions.exponential import Exponential
from retrograd.distributions.parameters import together
from retrograd.distributions.transformed_distribution import TransformedDistribution


class Pareto(TransformedDistribution):
    """The Pareto distribution: P(X > x) = (scale / x)^alpha for x >= scale.

    Args:
        scale: the least value.
        alpha: how soon it falls.
        validate_args: see `Distribution`.

    Source: torch.distributions.Pareto, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Pareto(1.0, 2.0).cdf(rg.tensor(2.0))
    tensor(0.7500)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "alpha": constraints.positive,
        "scale": constraints.positive,
    }

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = together(scale, alpha)
        transforms = [ExpTransform(), AffineTransform(0, self.scale)]
        super().__init__(Exponential(self.alpha, validate_args), transforms, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.greater_than_eq(self.scale)

    def _knows_support(self) -> bool:
        return self._looks_at(self.scale)

    @property
    def mean(self) -> Any:
        """Infinite where alpha <= 1."""
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        """Infinite where alpha <= 2."""
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Any:
        return (self.scale / self.alpha).log() + 1 + self.alpha.reciprocal()
