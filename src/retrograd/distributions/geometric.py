"""The geometric distribution."""

from __future__ import annotations

from typing import Any

from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.success_probability import WithSuccessProbability
from retrograd.nn.functions.loss import binary_cross_entropy_with_logits
from retrograd.tensor.blending import where
from retrograd.tensor.creation import empty, zeros_like
from retrograd.tensor.grad_mode import no_grad


class Geometric(WithSuccessProbability):
    """How many trials fail before the first one succeeds: P(k) = (1 - p)^k p.

    Args:
        probs: p, the probability of success, above 0.
        logits: log(p / (1 - p)), in place of `probs`.
        validate_args: see `Distribution`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.Geometric, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Geometric(rg.tensor(0.5)).log_prob(rg.tensor(1.0)).exp()
    tensor(0.2500)
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        (given,) = self._take(probs, logits)
        super().__init__(given.shape, validate_args=validate_args)
        if logits is None:
            self._require(constraints.positive, self.probs, "the parameter probs")

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative_integer

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        dtype = self.probs.dtype
        with no_grad():
            u = empty(self._extended_shape(sample_shape), dtype=dtype).uniform_(finfo(dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        # Nothing fails where success is certain: 0 log 0 is 0.
        kept = where((self.probs == 1) & (value == 0), 0.0, self.probs)
        return value * (-kept).log1p() + self.probs.log()

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
