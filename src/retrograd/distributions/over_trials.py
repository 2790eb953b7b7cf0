"""What distributions of counts of trials have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.success_probability import WithSuccessProbability


class OverTrials(WithSuccessProbability):
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
        **WithSuccessProbability.arg_constraints,
    }

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        given, count = self._take(probs, logits, total_count)
        self.total_count = count.to(given.dtype)
        super().__init__(given.shape, validate_args=validate_args)
