"""What the parameters and the values of distributions must satisfy. Source: torch.distributions.constraints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from retrograd.tensor.tensor import from_array

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Constraint:
    """A condition on elements, or on vectors or matrices of them.

    Attributes:
        name: as it is shown.
        holds: of an array, where the condition holds.
        event_dim: how many axes a single value has.
        is_discrete: whether there are gaps between values.

    >>> import retrograd as rg
    >>> positive.check(rg.tensor([1.0, 0.0])), positive
    (tensor([ True, False]), GreaterThan(lower_bound=0.0))
    """

    name: str
    holds: Callable[[Array], Array]
    event_dim: int = 0
    is_discrete: bool = False

    def check(self, value: Any) -> Any:
        """Where a tensor satisfies it; axes of single values are taken together."""
        return from_array(np.asarray(self.holds(value._value())))

    def __repr__(self) -> str:
        return self.name


def greater_than(lower_bound: float) -> Constraint:
    """Above a bound."""
    return Constraint(f"GreaterThan(lower_bound={lower_bound})", lambda x: x > lower_bound)


def greater_than_eq(lower_bound: float) -> Constraint:
    """Not below a bound."""
    return Constraint(f"GreaterThanEq(lower_bound={lower_bound})", lambda x: x >= lower_bound)


def less_than(upper_bound: float) -> Constraint:
    """Below a bound."""
    return Constraint(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Between two bounds, both included."""
    return Constraint(
        f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})",
        lambda x: (x >= lower_bound) & (x <= upper_bound),
    )


def half_open_interval(lower_bound: float, upper_bound: float) -> Constraint:
    """Between two bounds, of which the lower one is included."""
    return Constraint(
        f"HalfOpenInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
        lambda x: (x >= lower_bound) & (x < upper_bound),
    )


def integer_interval(lower_bound: int, upper_bound: int) -> Constraint:
    """Whole numbers between two bounds, both included."""
    return Constraint(
        f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
        lambda x: (x % 1 == 0) & (x >= lower_bound) & (x <= upper_bound),
        is_discrete=True,
    )


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """A condition on all elements along the last axes at once."""
    axes = tuple(range(-reinterpreted_batch_ndims, 0))
    return Constraint(
        f"IndependentConstraint({base_constraint}, {reinterpreted_batch_ndims})",
        lambda x: np.all(base_constraint.holds(x), axis=axes),
        base_constraint.event_dim + reinterpreted_batch_ndims,
        base_constraint.is_discrete,
    )


def counts(total: int) -> Constraint:
    """Vectors of whole numbers, not below 0, with a given sum."""
    return Constraint(
        f"Multinomial(upper_bound={total})",
        lambda x: (x >= 0).all(-1) & (x % 1 == 0).all(-1) & (x.sum(-1) == total),
        1,
        True,
    )


def _is_simplex(x: Array) -> Array:
    return np.asarray((x >= 0).all(-1) & (np.abs(x.sum(-1) - 1) < 1e-6))


def _is_one_hot(x: Array) -> Array:
    return np.asarray(((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1))


def _is_lower_cholesky(x: Array) -> Array:
    return np.asarray((np.tril(x) == x).all((-2, -1)) & (np.diagonal(x, axis1=-2, axis2=-1) > 0).all(-1))


def _is_positive_definite(x: Array) -> Array:
    symmetric = np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-2, -1))
    return np.asarray(symmetric & (np.linalg.eigvalsh(np.nan_to_num(x)) > 0).all(-1))


boolean: Final = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
lower_cholesky: Final = Constraint("LowerCholesky()", _is_lower_cholesky, 2)
nonnegative: Final = greater_than_eq(0.0)
nonnegative_integer: Final = Constraint(
    "IntegerGreaterThan(lower_bound=0)", lambda x: (x % 1 == 0) & (x >= 0), is_discrete=True
)
one_hot: Final = Constraint("OneHot()", _is_one_hot, 1, True)
positive: Final = greater_than(0.0)
positive_definite: Final = Constraint("PositiveDefinite()", _is_positive_definite, 2)
real: Final = Constraint("Real()", lambda x: x == x)
real_vector: Final = independent(real, 1)
simplex: Final = Constraint("Simplex()", _is_simplex, 1)
unit_interval: Final = interval(0.0, 1.0)
