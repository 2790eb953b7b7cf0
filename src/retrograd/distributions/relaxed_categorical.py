"""The categorical distribution made continuous."""

from __future__ import annotations

import math
from typing import Any

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import ExpTransform
from retrograd.distributions.over_categories import OverCategories
from retrograd.distributions.parameters import clamped, together
from retrograd.distributions.relaxed_distribution import RelaxedDistribution
from retrograd.tensor.random import rand


class ExpRelaxedCategorical(OverCategories):
    """The logarithms of the vectors of `RelaxedOneHotCategorical`.

    Args:
        temperature: above 0; a number, or a tensor that broadcasts to the batch.
        probs, logits, validate_args: as for `Categorical`.

    Source: torch.distributions.relaxed_categorical.ExpRelaxedCategorical, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.ExpRelaxedCategorical(1.0, rg.ones(3)).sample().exp().sum().round(decimals=4)
    tensor(1.)
    """

    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (self.temperature,) = together(temperature)
        super().__init__(probs, logits, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real_vector

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        uniform = clamped(rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        scores = (self.logits - (-uniform.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        n = self._event_shape[0]
        logits, value = together(self.logits, value)
        scores = logits - value * self.temperature
        rest = (scores - scores.logsumexp(-1, keepdim=True)).sum(-1)
        return rest + math.lgamma(n) + (n - 1) * self.temperature.log()


class RelaxedOneHotCategorical(RelaxedDistribution):
    """Vectors of probabilities that come the closer to the corners the lower the temperature (Gumbel-softmax).

    Gradients flow through them to the probabilities of the corners.

    Args:
        temperature: above 0; a number, or a tensor that broadcasts to the batch.
        probs, logits, validate_args: as for `Categorical`.

    Source: torch.distributions.RelaxedOneHotCategorical, whose values it draws for the same seed; Maddison, Mnih and
    Teh (2017); Jang, Gu and Poole (2017).

    >>> import retrograd as rg
    >>> rg.distributions.RelaxedOneHotCategorical(0.5, rg.ones(3)).sample().sum().round(decimals=4)
    tensor(1.)
    """

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(
            ExpRelaxedCategorical(temperature, probs, logits, validate_args), ExpTransform(), validate_args
        )

    @property
    def support(self) -> Constraint:
        return constraints.simplex
