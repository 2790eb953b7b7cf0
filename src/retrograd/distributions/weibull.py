"""The Weibull distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import AffineTransform, PowerTransform
from retrograd.distributions.exponential import Exponential
from retrograd.distributions.parameters import together
from retrograd.distributions.transformed_distribution import TransformedDistribution
from retrograd.tensor.creation import ones_like

_EULER: Final = 0.57721566490153286060


class Weibull(TransformedDistribution):
    """The Weibull distribution: P(X > x) = exp(-(x / scale)^k) for x >= 0.

    Args:
        scale: how wide it is.
        concentration: k, its form.
        validate_args: see `Distribution`.

    Source: torch.distributions.Weibull, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Weibull(2.0, 1.0).cdf(rg.tensor(2.0))
    tensor(0.6321)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "scale": constraints.positive,
        "concentration": constraints.positive,
    }

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = together(scale, concentration)
        transforms = [PowerTransform(self.concentration.reciprocal()), AffineTransform(0, self.scale)]
        super().__init__(Exponential(ones_like(self.scale)), transforms, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.positive

    @property
    def mean(self) -> Any:
        return self.scale * self._gamma(1)

    @property
    def mode(self) -> Any:
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    @property
    def variance(self) -> Any:
        return self.scale.pow(2) * (self._gamma(2) - self._gamma(1).square())

    def _gamma(self, n: int) -> Any:
        """Gamma(1 + n / k): the moment of order n, at a scale of 1."""
        return (1 + n / self.concentration).lgamma().exp()

    def entropy(self) -> Any:
        inverse = self.concentration.reciprocal()
        return _EULER * (1 - inverse) + (self.scale * inverse).log() + 1
