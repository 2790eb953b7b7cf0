"""A batch of distributions as one distribution."""

from __future__ import annotations

from typing import Any, Self

from retrograd.core.errors import ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import event_axes_summed
from retrograd.tensor.size import Size


class Independent(Distribution):
    """The last axes of a batch as axes of one value, whose elements are independent of one another.

    Args:
        base_distribution: the batch.
        reinterpreted_batch_ndims: how many axes.
        validate_args: see `Distribution`.

    Raises:
        ShapeError: the batch has fewer axes.

    Source: torch.distributions.Independent.

    >>> import retrograd as rg
    >>> rg.distributions.Independent(rg.distributions.Normal(rg.zeros(4, 3), 1.0), 1).log_prob(rg.zeros(3)).shape
    retrograd.Size([4])
    """

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ShapeError(
                f"Independent: {reinterpreted_batch_ndims} axes are asked for, and the batch has shape {tuple(batch)}"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        kept = len(batch) - reinterpreted_batch_ndims
        super().__init__(batch[:kept], (*batch[kept:], *base_distribution.event_shape), validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        return not self.reinterpreted_batch_ndims and self.base_dist.has_enumerate_support

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        inner = (*shape, *self._event_shape[: self.reinterpreted_batch_ndims])
        return self._copied({"base_dist": self.base_dist.expand(inner)}, shape)

    @property
    def support(self) -> Constraint:
        inner, count = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(inner, count) if count else inner

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        return event_axes_summed(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        return event_axes_summed(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        if self.reinterpreted_batch_ndims:
            raise self._missing("list of all combinations of its elements")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
