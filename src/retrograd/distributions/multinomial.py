"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.over_categories import OverCategories
from retrograd.tensor.blending import where
from retrograd.tensor.creation import ones_like, zeros
from retrograd.tensor.ranges import arange


class Multinomial(OverCategories):
    """How often each of n categories comes up in a number of draws: P(x) = N! / (x_1! ... x_n!) p_1^x_1 ... p_n^x_n.

    Args:
        total_count: N, how many draws.
        probs, logits, validate_args: as for `Categorical`.

    Raises:
        OptionError: total_count is no whole number, or both forms of the probabilities are given, or none.

    Source: torch.distributions.Multinomial, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Multinomial(3, rg.tensor([0.0, 1.0])).sample()
    tensor([0., 3.])
    """

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int) or total_count < 0:
            raise OptionError(f"Multinomial: total_count must be a whole number, not below 0, and is {total_count}")
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.counts(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        places = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = zeros(self._extended_shape(sample_shape), dtype=places.dtype)
        return counts.scatter_add(-1, places, ones_like(places)).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        # What cannot come up, and does not, leaves the probability as it is.
        logits = where((value == 0) & (self.logits == -math.inf), 0.0, self.logits)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Any:
        """N H - log N! + sum_i E[log x_i!], H that of one draw and x_i binomial."""
        n = self.total_count
        count = arange(1, n + 1, dtype=self.probs.dtype).reshape(n, *[1] * self.probs.ndim)
        ways = math.lgamma(n + 1) - (count + 1).lgamma() - (n - count + 1).lgamma()
        chance = (ways + count.xlogy(self.probs) + (n - count).xlogy(1 - self.probs)).exp()
        return n * self._categorical.entropy() - math.lgamma(n + 1) + (chance * (count + 1).lgamma()).sum((0, -1))
