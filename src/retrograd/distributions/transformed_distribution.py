"""Distributions of functions of random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from retrograd.core.errors import ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.combined_transforms import ComposeTransform
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.independent import Independent
from retrograd.distributions.parameters import event_axes_summed
from retrograd.distributions.transform import Transform
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.size import Size


class TransformedDistribution(Distribution):
    """The distribution of y = f(x): p(y) = p(x) |det dx/dy|.

    Args:
        base_distribution: that of x. Where f takes vectors or matrices, the last axes of its batch become theirs.
        transforms: f, or functions that follow one another.
        validate_args: see `Distribution`.

    Raises:
        TypeError: a transform is none. ShapeError: x has fewer axes than f takes.

    Source: torch.distributions.TransformedDistribution.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> squashed = d.TransformedDistribution(d.Normal(rg.zeros(2), 1.0), [d.TanhTransform(cache_size=1)])
    >>> squashed.rsample().abs() < 1
    tensor([True, True])
    >>> d.TransformedDistribution(d.Normal(rg.zeros(2), 1.0), d.StickBreakingTransform()).event_shape
    retrograd.Size([3])
    """

    base_dist: Any

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(each, Transform) for each in self.transforms):
            raise TypeError(f"TransformedDistribution: expected transforms, received {self.transforms}")
        whole = ComposeTransform(self.transforms)
        self.base_dist, shape = _fitted(base_distribution, whole)
        inner = len(self.base_dist.event_shape) + whole.codomain.event_dim - whole.domain.event_dim
        cut = len(shape) - max(whole.codomain.event_dim, inner)
        super().__init__(tuple(shape[:cut]), tuple(shape[cut:]), validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return bool(self.base_dist.has_rsample)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        inner = ComposeTransform(self.transforms).inverse_shape((*shape, *self._event_shape))
        base = self.base_dist.expand(inner[: len(inner) - len(self.base_dist.event_shape)])
        return self._copied(
            {**{x: self._grown(self.__dict__[x], shape) for x in self._given}, "base_dist": base}, shape
        )

    @property
    def support(self) -> Constraint:
        if not self.transforms:
            inner: Constraint = self.base_dist.support
            return inner
        inner = self.transforms[-1].codomain
        count = len(self._event_shape) - inner.event_dim
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
        axes, stretched = len(self._event_shape), 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            axes += transform.domain.event_dim - transform.codomain.event_dim
            each = transform.log_abs_det_jacobian(x, value)
            stretched = stretched + event_axes_summed(each, axes - transform.domain.event_dim)
            value = x
        found = event_axes_summed(self.base_dist.log_prob(value), axes - len(self.base_dist.event_shape))
        return found - stretched if self.transforms else found

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
        if self._given or type(self) is not TransformedDistribution:
            return super().__repr__()
        return f"{type(self).__name__}({self.base_dist}, {self.transforms})"


def _fitted(base: Distribution, whole: Transform) -> tuple[Distribution, Size]:
    """The distribution of x in the shape that the transform takes, and the shape of y."""
    shape, axes = (*base.batch_shape, *base.event_shape), whole.domain.event_dim
    if len(shape) < axes:
        raise ShapeError(f"TransformedDistribution: the transform takes {axes} axes, and x has shape {shape}")
    after = whole.forward_shape(shape)
    before = whole.inverse_shape(after)
    if tuple(before) != shape:
        base = base.expand(tuple(before[: len(before) - len(base.event_shape)]))
    more = axes - len(base.event_shape)
    return (Independent(base, more) if more > 0 else base), after
