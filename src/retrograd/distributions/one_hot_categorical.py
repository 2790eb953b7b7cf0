"""The categorical distribution with values as vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.distributions import constraints
from retrograd.distributions.categorical import Categorical
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.nn.functions.one_hot import one_hot
from retrograd.tensor.ranges import eye
from retrograd.tensor.size import Size


class OneHotCategorical(Distribution):
    """One of n vectors that are 1 at one place and 0 elsewhere, each with a probability of its own.

    Args:
        probs, logits, validate_args: as for `Categorical`.

    Source: torch.distributions.OneHotCategorical, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.OneHotCategorical(rg.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        return self._copied({"_categorical": self._categorical.expand(shape)}, shape)

    @property
    def probs(self) -> Any:
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._categorical.param_shape

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
