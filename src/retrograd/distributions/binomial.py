"""The binomial distribution."""

from __future__ import annotations

from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.over_trials import OverTrials
from retrograd.nn.functions.activation import logsigmoid
from retrograd.tensor.binomial import binomial
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.ranges import arange


class Binomial(OverTrials):
    """How many of n trials succeed: P(k) = n! / (k! (n - k)!) p^k (1 - p)^(n - k).

    Args:
        total_count: n.
        probs, logits, validate_args: as for `Bernoulli`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.Binomial, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Binomial(2, rg.tensor(0.5)).log_prob(rg.tensor(1.0)).exp()
    tensor(0.5000)
    """

    has_enumerate_support = True

    @property
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self.total_count)

    def _knows_support(self) -> bool:
        return self._looks_at(self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        n = self.total_count
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * self.logits + n * logsigmoid(-self.logits)

    def entropy(self) -> Any:
        """By a sum over all values.

        Raises:
            NotImplementedError: the batch has more than one n.
        """
        logs = self.log_prob(self.enumerate_support(False))
        return -(logs.exp() * logs).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        n = int(self.total_count.max().item())
        if self.total_count.min().item() != n:
            raise self._missing("list of all values where the batch has more than one total_count")
        values = arange(n + 1, dtype=self.total_count.dtype).reshape(n + 1, *[1] * len(self._batch_shape))
        return values.expand(n + 1, *self._batch_shape) if expand else values
