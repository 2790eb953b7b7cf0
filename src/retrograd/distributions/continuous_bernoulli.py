"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.parameters import clamped, derived, one_of, together
from retrograd.distributions.success_probability import WithSuccessProbability
from retrograd.nn.functions.loss import binary_cross_entropy_with_logits
from retrograd.tensor.blending import where
from retrograd.tensor.random import rand


class ContinuousBernoulli(WithSuccessProbability):
    """Numbers of [0, 1] with a density like the probabilities of `Bernoulli`: p(x) = C(p) p^x (1 - p)^(1 - x).

    It is what binary cross-entropy of values between 0 and 1, such as the shades of an image, is the density of.

    Args:
        probs: p, which is not the mean; it is kept away from 0 and 1 by a rounding unit.
        logits: log(p / (1 - p)), in place of `probs`.
        lims: between these two values of p, close to 1/2, formulas are replaced by their series.
        validate_args: see `Distribution`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.ContinuousBernoulli, whose values it draws for the same seed; Loaiza-Ganem and
    Cunningham (2019).

    >>> import retrograd as rg
    >>> rg.distributions.ContinuousBernoulli(rg.tensor(0.5)).log_prob(rg.tensor(0.25)).exp()
    tensor(1.)
    """

    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims, self._validate_args = lims, validate_args
        if one_of("ContinuousBernoulli", probs, logits):
            (given,) = together(probs)
            # It is looked at as it was given: clamped, it always passes.
            self._require(constraints.unit_interval, given, "the parameter probs")
            self.probs = clamped(given)
        else:
            (given,) = together(logits)
            self.logits = given
        super().__init__(given.shape, validate_args=validate_args)

    @derived
    def probs(self) -> Any:
        return clamped(self.logits.sigmoid())

    @property
    def support(self) -> Constraint:
        return constraints.unit_interval

    def _apart(self) -> tuple[Any, Any]:
        """Where p is far enough from 1/2 for the formulas, and p with another value in its place elsewhere."""
        low, high = self._lims
        is_far = (self.probs <= low) | (self.probs > high)
        return is_far, where(is_far, self.probs, low)

    def _log_norm(self) -> Any:
        """log C(p) = log(log((1 - p) / p) / (1 - 2 p))."""
        is_far, p = self._apart()
        below, above = where(p <= 0.5, p, 0.0), where(p >= 0.5, p, 1.0)
        found = ((-p).log1p() - p.log()).abs().log()
        found = found - where(p <= 0.5, (-2 * below).log1p(), (2 * above - 1).log())
        square = (self.probs - 0.5).pow(2)
        return where(is_far, found, math.log(2) + (4 / 3 + 104 / 45 * square) * square)

    @property
    def mean(self) -> Any:
        is_far, p = self._apart()
        found = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        offset = self.probs - 0.5
        return where(is_far, found, 0.5 + (1 / 3 + 16 / 45 * offset.pow(2)) * offset)

    @property
    def variance(self) -> Any:
        is_far, p = self._apart()
        found = p * (p - 1) / (1 - 2 * p).pow(2) + 1 / ((-p).log1p() - p.log()).pow(2)
        square = (self.probs - 0.5).pow(2)
        return where(is_far, found, 1 / 12 - (1 / 15 - 128 / 945 * square) * square)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        logits, value = together(self.logits, value)
        return self._log_norm() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Any) -> Any:
        self._check_value(value)
        is_far, p = self._apart()
        found = where(is_far, (p.pow(value) * (1 - p).pow(1 - value) + p - 1) / (2 * p - 1), value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, found))

    def icdf(self, value: Any) -> Any:
        is_far, p = self._apart()
        found = ((value * (2 * p - 1) - p).log1p() - (-p).log1p()) / (p.log() - (-p).log1p())
        return where(is_far, found, value)

    def entropy(self) -> Any:
        log_zero, log_one = (-self.probs).log1p(), self.probs.log()
        return self.mean * (log_zero - log_one) - self._log_norm() - log_zero
