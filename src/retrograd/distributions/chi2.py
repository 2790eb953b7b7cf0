"""The chi-squared distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.gamma import Gamma
from retrograd.distributions.parameters import together


class Chi2(Gamma):
    """The sum of so many squares of standard normal numbers: `Gamma(df / 2, 1 / 2)`.

    Args:
        df: how many; any positive number.
        validate_args: see `Distribution`.

    Source: torch.distributions.Chi2, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.Chi2(3.0).mean
    tensor(3.)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (self.df,) = together(df)
        super().__init__(0.5 * self.df, 0.5, validate_args)

    def _copied(self, changed: Mapping[str, Any], batch_shape: Any) -> Any:
        grown = {name: self._grown(self.__dict__[name], batch_shape) for name in ("concentration", "rate")}
        return super()._copied({**grown, **changed}, batch_shape)
