"""Invertible functions of numbers, element by element, and how much they stretch.

Source: torch.distributions.transforms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.nn.functions.activation import softplus


class Transform:
    """y = f(x) for each element, with its inverse and log |dy/dx|.

    Attributes:
        domain, codomain: what x and y satisfy.
        sign: 1 where f grows, -1 where it falls.

    Args:
        cache_size: 1 keeps the last pair (x, y): the inverse of a y that was just computed is the very x. 0 keeps
            nothing.

    Source: torch.distributions.Transform.
    """

    domain: ClassVar[Constraint] = constraints.real
    codomain: Constraint = constraints.real
    sign: Any = 1

    def __init__(self, cache_size: int = 0) -> None:
        self._cache_size = cache_size
        self._last: tuple[Any, Any] | None = None

    def __call__(self, x: Any) -> Any:
        if self._last is not None and self._last[0] is x:
            return self._last[1]
        y = self._call(x)
        self._last = (x, y) if self._cache_size else None
        return y

    def inv(self, y: Any) -> Any:
        """The x with f(x) = y."""
        if self._last is not None and self._last[1] is y:
            return self._last[0]
        x = self._inverse(y)
        self._last = (x, y) if self._cache_size else None
        return x

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |dy/dx| for each element."""
        raise NotImplementedError

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ExpTransform(Transform):
    """y = exp(x). Source: torch.distributions.ExpTransform."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class AffineTransform(Transform):
    """y = loc + scale x. Source: torch.distributions.AffineTransform.

    >>> import retrograd as rg
    >>> AffineTransform(1.0, 2.0).inv(rg.tensor(5.0))
    tensor(2.)
    """

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        if event_dim:
            raise NotImplementedError("AffineTransform: event_dim must be 0; put Independent around the distribution")
        self.loc, self.scale = loc, scale

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
            return x.new_full(tuple(x.shape), math.log(abs(self.scale)))
        return self.scale.abs().log().expand(*x.shape)


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)), kept within (0, 1). Source: torch.distributions.SigmoidTransform."""

    codomain = constraints.unit_interval

    def _call(self, x: Any) -> Any:
        limits = finfo(x.dtype)
        return x.sigmoid().clamp(min=limits.tiny, max=1.0 - limits.eps)

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

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class SoftplusTransform(Transform):
    """y = log(1 + exp(x)). Source: torch.distributions.SoftplusTransform."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class PowerTransform(Transform):
    """y = x^exponent of positive numbers. Source: torch.distributions.PowerTransform."""

    domain = codomain = constraints.positive

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


class ComposeTransform(Transform):
    """Transforms one after another. Source: torch.distributions.ComposeTransform."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        if self.parts:
            self.codomain = self.parts[-1].codomain

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    def _call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        total: Any = 0.0
        for part in self.parts:
            following = part(x)
            total = total + part.log_abs_det_jacobian(x, following)
            x = following
        return total

    def __repr__(self) -> str:
        return f"ComposeTransform({self.parts})"
