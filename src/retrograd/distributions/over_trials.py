"""What distributions of counts of trials have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import derived, logit_of, one_of, together


class OverTrials(Distribution):
    """A distribution of how often trials succeed that do so with probability p.

    Args:
        total_count: how many trials there are, or failures to wait for; a number or a tensor.
        probs: p.
        logits: log(p / (1 - p)), in place of `probs`.
        validate_args: see `Distribution`.

    Raises:
        OptionError: both forms of p are given, or none.
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        form = "probs" if one_of(type(self).__name__, probs, logits) else "logits"
        given, count = together(probs if logits is None else logits, total_count)
        setattr(self, form, given)
        self.total_count = count.to(given.dtype)
        super().__init__(given.shape, validate_args=validate_args)

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
