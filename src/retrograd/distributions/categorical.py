"""The categorical distribution."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from retrograd.core.errors import ShapeError
from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import clamped, derived, one_of, softmax_of
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.joining import broadcast_tensors
from retrograd.tensor.ranges import arange
from retrograd.tensor.sampling import multinomial


class Categorical(Distribution):
    """A number 0, 1, ..., n - 1, each with a probability of its own.

    Args:
        probs: (..., n), not negative; they are divided by their sum.
        logits: (..., n), logarithms of probabilities up to a constant, in place of `probs`.
        validate_args: see `Distribution`.

    Raises:
        OptionError: both forms are given, or none. ShapeError: a single number.

    Source: torch.distributions.Categorical, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> policy = rg.distributions.Categorical(logits=rg.tensor([0.0, 0.0]))
    >>> policy.log_prob(rg.tensor(1)), policy.entropy()
    (tensor(-0.6931), tensor(0.6931))
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        given = probs if one_of("Categorical", probs, logits) else logits
        if not given.ndim:
            raise ShapeError("Categorical: the parameter must have an axis of categories, and is a single number")
        self._has_probs = logits is None
        if self._has_probs:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)
        # The quotients are pending: what the user gave may be in memory.
        if self._has_probs:
            self._require(constraints.independent(constraints.nonnegative, 1), probs, "the parameter probs")

    @derived
    def logits(self) -> Any:
        return clamped(self.probs).log()

    @derived
    def probs(self) -> Any:
        return softmax_of(self.logits)

    @property
    def _param(self) -> Any:
        return self.probs if self._has_probs else self.logits

    @property
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Any:
        """Categories have no mean: NaN."""
        return self.probs.new_full(self._batch_shape, float("nan"))

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Any:
        """Categories have no variance: NaN."""
        return self.mean

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        count = prod(sample_shape)
        with no_grad():
            drawn = multinomial(self.probs.detach().reshape(-1, self._num_events), count, True)
        return drawn.T.reshape(shape)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        places, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, places[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        values = arange(self._num_events).reshape(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values
