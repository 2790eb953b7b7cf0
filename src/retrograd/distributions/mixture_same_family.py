"""Mixtures of distributions of one kind."""

from __future__ import annotations

from typing import Any, Self

from retrograd.core.errors import ShapeError
from retrograd.distributions.categorical import Categorical
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.size import Size
from retrograd.tensor.softmax import log_softmax


class MixtureSameFamily(Distribution):
    """A value of one of n distributions, each of which is chosen with a probability of its own.

    Args:
        mixture_distribution: which is chosen, of batch (...).
        component_distribution: the n distributions, along the last axis of their batch (..., n).
        validate_args: see `Distribution`.

    Raises:
        ShapeError: the batches do not fit. TypeError: the first is no `Categorical`.

    Source: torch.distributions.MixtureSameFamily, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> mixture = d.MixtureSameFamily(d.Categorical(rg.ones(2)), d.Normal(rg.tensor([-1.0, 1.0]), 0.5))
    >>> mixture.mean, mixture.variance
    (tensor(0.), tensor(1.2500))
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise TypeError(
                f"MixtureSameFamily: expected a Categorical, received {type(mixture_distribution).__name__}"
            )
        chosen = (*mixture_distribution.batch_shape, mixture_distribution.param_shape[-1])
        batch = tuple(component_distribution.batch_shape)
        pairs = zip(reversed(chosen[:-1]), reversed(batch[:-1]), strict=False)
        if not batch or chosen[-1] != batch[-1] or any(i != j and 1 not in (i, j) for i, j in pairs):
            raise ShapeError(
                f"MixtureSameFamily: the probabilities have shape {chosen} and the batch of components {batch}; "
                "expected (...) and n of both"
            )
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component is chosen."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        count = self._component_distribution.batch_shape[-1]
        changed = {
            "_mixture_distribution": self._mixture_distribution.expand(shape),
            "_component_distribution": self._component_distribution.expand((*shape, count)),
        }
        return self._copied(changed, shape)

    @property
    def support(self) -> Constraint:
        return self._component_distribution.support

    @property
    def _axis(self) -> int:
        """Where the components stand among the axes of their values."""
        return -1 - len(self._event_shape)

    def _weights(self) -> Any:
        """The probabilities of components, beside values of these."""
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *[1] * len(self._event_shape))

    @property
    def mean(self) -> Any:
        return (self._weights() * self._component_distribution.mean).sum(self._axis)

    @property
    def variance(self) -> Any:
        parts = self._component_distribution
        within = (self._weights() * parts.variance).sum(self._axis)
        rest = parts.mean - self.mean.unsqueeze(self._axis)
        return within + (self._weights() * rest.pow(2)).sum(self._axis)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        with no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            axis = values.ndim + self._axis
            places = chosen.reshape(*chosen.shape, *[1] * (values.ndim - chosen.ndim))
            places = places.expand(*values.shape[:axis], 1, *self._event_shape)
            return values.gather(axis, places).squeeze(axis)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        parts = self._component_distribution.log_prob(value.unsqueeze(self._axis))
        return (parts + log_softmax(self._mixture_distribution.logits, -1)).logsumexp(-1)

    def cdf(self, value: Any) -> Any:
        parts = self._component_distribution.cdf(value.unsqueeze(self._axis))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
