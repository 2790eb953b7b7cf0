"""The negative binomial distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.over_trials import OverTrials
from retrograd.nn.functions.activation import logsigmoid
from retrograd.tensor.blending import where
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.sampling import poisson


class NegativeBinomial(OverTrials):
    """How many trials succeed before r of them have failed: P(k) = Gamma(r + k) / (k! Gamma(r)) p^k (1 - p)^r.

    Args:
        total_count: r, not negative; it need not be whole.
        probs, logits, validate_args: as for `Bernoulli`; p is below 1.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.NegativeBinomial, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.NegativeBinomial(1.0, rg.tensor(0.5)).log_prob(rg.tensor(1.0)).exp()
    tensor(0.2500)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "total_count": constraints.nonnegative,
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.nonnegative_integer

    @property
    def mean(self) -> Any:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Any:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Poisson numbers whose rates are gamma numbers."""
        with no_grad():
            rates = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
            return poisson(rates.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        r = self.total_count
        ways = (r + value).lgamma() - (value + 1).lgamma() - r.lgamma()
        # With no failure to wait for, nothing is counted: Gamma(0) / Gamma(0) is 1.
        ways = where(r + value == 0, 0.0, ways)
        return ways + r * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
