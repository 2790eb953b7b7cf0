"""What distributions have in common that one moves by a location and stretches by a scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together


class LocationScale(Distribution):
    """A distribution of loc + scale z, where z has no parameters; its density is greatest at loc.

    Args:
        loc: a number, or a tensor of any shape.
        scale: likewise, above 0; the two broadcast.
        validate_args: see `Distribution`.
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"loc": constraints.real, "scale": constraints.positive}
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real

    @property
    def mode(self) -> Any:
        return self.loc
