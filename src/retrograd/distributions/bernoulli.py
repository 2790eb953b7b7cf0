"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.parameters import together
from retrograd.distributions.success_probability import WithSuccessProbability
from retrograd.nn.functions.loss import binary_cross_entropy_with_logits
from retrograd.tensor.blending import where
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.ranges import arange
from retrograd.tensor.sampling import bernoulli


class Bernoulli(WithSuccessProbability):
    """1 with probability p, else 0.

    Args:
        probs: p.
        logits: log(p / (1 - p)), in place of `probs`.
        validate_args: see `Distribution`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.Bernoulli, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Bernoulli(rg.tensor([0.25])).log_prob(rg.tensor([1.0])).exp()
    tensor([0.2500])
    """

    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        (self._param,) = self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.boolean

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        """The more probable value, NaN where both are equally so."""
        likely = (self.probs >= 0.5).to(self.probs.dtype)
        return where(self.probs == 0.5, float("nan"), likely)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        logits, value = together(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        values = arange(2, dtype=self.probs.dtype).reshape(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values
