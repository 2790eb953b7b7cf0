"""Functions of numbers, element by element. Source: torch.distributions.transforms."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import event_axes_summed
from retrograd.distributions.transform import Transform, with_shapes_of
from retrograd.nn.functions.activation import softplus
from retrograd.tensor.size import Size


def clipped_sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), kept within (0, 1)."""
    limits = finfo(x.dtype)
    return x.sigmoid().clamp(min=limits.tiny, max=1.0 - limits.eps)


class ExpTransform(Transform):
    """y = exp(x). Source: torch.distributions.ExpTransform."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class AffineTransform(Transform):
    """y = loc + scale x.

    Args:
        loc, scale: numbers or tensors.
        event_dim: how many axes one x has.
        cache_size: see `Transform`.

    Source: torch.distributions.AffineTransform.

    >>> import retrograd as rg
    >>> AffineTransform(1.0, 2.0).inv(rg.tensor(5.0))
    tensor(2.)
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale = loc, scale
        if event_dim:
            self.domain = self.codomain = constraints.independent(constraints.real, event_dim)

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, (int, float)):
            return 1 if self.scale > 0 else -1 if self.scale < 0 else 0
        return self.scale.sign()

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if isinstance(self.scale, (int, float)):
            stretched = x.new_full(tuple(x.shape), math.log(abs(self.scale)))
        else:
            stretched = self.scale.abs().log().expand(*x.shape)
        return event_axes_summed(stretched, self.domain.event_dim)

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return with_shapes_of(shape, self.loc, self.scale)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return with_shapes_of(shape, self.loc, self.scale)

    def _parts(self) -> tuple[Any, ...]:
        return self.loc, self.scale


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)), kept within (0, 1). Source: torch.distributions.SigmoidTransform."""

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return clipped_sigmoid(x)

    def _inverse(self, y: Any) -> Any:
        limits = finfo(y.dtype)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """y = tanh(x). With `cache_size=1` no arc tangent is computed of what was just drawn.

    Source: torch.distributions.TanhTransform.
    """

    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class SoftplusTransform(Transform):
    """y = log(1 + exp(x)). Source: torch.distributions.SoftplusTransform."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class PowerTransform(Transform):
    """y = x^exponent of positive numbers. Source: torch.distributions.PowerTransform."""

    domain = codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent

    @property
    def sign(self) -> Any:
        return (1 if self.exponent > 0 else -1) if isinstance(self.exponent, (int, float)) else self.exponent.sign()

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return with_shapes_of(shape, self.exponent)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return with_shapes_of(shape, self.exponent)

    def _parts(self) -> tuple[Any, ...]:
        return (self.exponent,)


class AbsTransform(Transform):
    """y = |x|; of its inverse, the values that are not negative. Source: torch.distributions.AbsTransform."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


class CumulativeDistributionTransform(Transform):
    """y = P(X <= x), the distribution function of a distribution of numbers.

    Args:
        distribution: of X.
        cache_size: see `Transform`.

    Source: torch.distributions.CumulativeDistributionTransform.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> d.CumulativeDistributionTransform(d.Normal(0.0, 1.0))(rg.tensor(0.0))
    tensor(0.5000)
    """

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return self.distribution.support

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)

    def _parts(self) -> tuple[Any, ...]:
        return (self.distribution,)
