"""The Bernoulli distribution made continuous."""

from __future__ import annotations

from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import SigmoidTransform
from retrograd.distributions.parameters import logit_of, together
from retrograd.distributions.relaxed_distribution import RelaxedDistribution
from retrograd.distributions.success_probability import WithSuccessProbability
from retrograd.tensor.random import rand


class LogitRelaxedBernoulli(WithSuccessProbability):
    """The logits of the numbers of `RelaxedBernoulli`: (logit of p + logistic noise) / temperature.

    Args:
        temperature: a number, or a tensor that broadcasts to the batch.
        probs, logits, validate_args: as for `Bernoulli`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.relaxed_bernoulli.LogitRelaxedBernoulli, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.LogitRelaxedBernoulli(1.0, rg.tensor(0.5)).log_prob(rg.tensor(0.0)).exp()
    tensor(0.2500)
    """

    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (given,) = self._take(probs, logits)
        (self.temperature,) = together(temperature)
        super().__init__(given.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        noise = rand(shape, dtype=self.probs.dtype)
        return (logit_of(noise) + logit_of(self.probs.expand(shape))) / self.temperature

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        logits, value = together(self.logits, value)
        rest = logits - value * self.temperature
        return self.temperature.log() + rest - 2 * rest.exp().log1p()


class RelaxedBernoulli(RelaxedDistribution):
    """Numbers of (0, 1) that come the closer to 0 and 1 the lower the temperature; gradients flow through them to p.

    Args:
        temperature: above 0; a number, or a tensor that broadcasts to the batch.
        probs, logits, validate_args: as for `Bernoulli`.

    Raises:
        OptionError: both forms of p are given, or none.

    Source: torch.distributions.RelaxedBernoulli, whose values it draws for the same seed; Maddison, Mnih and Teh
    (2017); Jang, Gu and Poole (2017).

    >>> import retrograd as rg
    >>> probs = rg.tensor([0.25, 0.75], requires_grad=True)
    >>> rg.distributions.RelaxedBernoulli(0.5, probs).rsample().requires_grad
    True
    """

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.unit_interval
