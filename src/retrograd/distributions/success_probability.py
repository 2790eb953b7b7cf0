"""What distributions of successes and failures have in common: a probability, given as it is or as its logit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import derived, logit_of, one_of, together


class WithSuccessProbability(Distribution):
    """A distribution with a probability p of success, which is known as `probs` and as `logits`, log(p / (1 - p))."""

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }

    def _take(self, probs: Any, logits: Any, *beside: Any) -> list[Any]:
        """Keep p in the form in which it is given.

        Returns:
            What was given, and what stands `beside` it, as tensors of one shape.

        Raises:
            OptionError: both forms are given, or none.
        """
        is_probability = one_of(type(self).__name__, probs, logits)
        made = together(probs if is_probability else logits, *beside)
        setattr(self, "probs" if is_probability else "logits", made[0])
        return made

    @derived
    def logits(self) -> Any:
        return logit_of(self.probs)

    @derived
    def probs(self) -> Any:
        return self.logits.sigmoid()

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._batch_shape
