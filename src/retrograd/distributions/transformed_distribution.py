"""Distributions of functions of random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import event_axes_summed
from retrograd.distributions.transforms import Transform
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.size import Size


class TransformedDistribution(Distribution):
    """The distribution of y = f(x): p(y) = p(x) |dx/dy|.

    Args:
        base_distribution: that of x.
        transforms: f, or functions that follow one another. They work element by element.
        validate_args: see `Distribution`.

    Source: torch.distributions.TransformedDistribution. Deviation: transforms of vectors are not there.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> squashed = d.TransformedDistribution(d.Normal(rg.zeros(2), 1.0), [d.TanhTransform(cache_size=1)])
    >>> squashed.rsample().abs() < 1
    tensor([True, True])
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        super().__init__(base_distribution.batch_shape, base_distribution.event_shape, validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        return self._copied({"base_dist": self.base_dist.expand(shape)}, shape)

    @property
    def support(self) -> Constraint:
        if not self.transforms:
            return self.base_dist.support
        inner, count = self.transforms[-1].codomain, len(self._event_shape)
        return constraints.independent(inner, count) if count else inner

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        with no_grad():
            return self._applied(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self._applied(self.base_dist.rsample(sample_shape))

    def _applied(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        stretched: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            stretched = stretched + transform.log_abs_det_jacobian(x, value)
            value = x
        axes = len(self._event_shape)
        return self.base_dist.log_prob(value) - (event_axes_summed(stretched, axes) if self.transforms else 0.0)

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._in_order(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._applied(self.base_dist.icdf(self._in_order(value)))

    def _in_order(self, chance: Any) -> Any:
        """The probability of the other side where the transforms together fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return chance if isinstance(sign, int) and sign == 1 else sign * (chance - 0.5) + 0.5

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.transforms})"
