"""The categorical distribution with values as vectors."""

from __future__ import annotations

from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.over_categories import OverCategories
from retrograd.nn.functions.one_hot import one_hot
from retrograd.tensor.ranges import eye


class OneHotCategorical(OverCategories):
    """One of n vectors that are 1 at one place and 0 elsewhere, each with a probability of its own.

    Args:
        probs, logits, validate_args: as for `Categorical`.

    Source: torch.distributions.OneHotCategorical, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.OneHotCategorical(rg.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    has_enumerate_support = True

    @property
    def support(self) -> Constraint:
        return constraints.one_hot

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return one_hot(self._categorical.mode, self._event_shape[0]).to(self.probs.dtype)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        places = self._categorical.sample(sample_shape)
        return one_hot(places, self._event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Any:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        (n,) = self._event_shape
        values = eye(n, dtype=self.probs.dtype).reshape(n, *[1] * len(self._batch_shape), n)
        return values.expand(n, *self._batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """As `OneHotCategorical`, and gradients of samples go to the probabilities as if these were the samples.

    Source: torch.distributions.OneHotCategoricalStraightThrough; Bengio, Leonard and Courville (2013).
    """

    has_rsample = True

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
