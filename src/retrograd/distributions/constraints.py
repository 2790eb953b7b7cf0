"""What the parameters and the values of distributions must satisfy. Source: torch.distributions.constraints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from retrograd.tensor.base import TensorBase
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
        details: what it was made of, such as `lower_bound`; each is an attribute too.

    >>> import retrograd as rg
    >>> positive.check(rg.tensor([1.0, 0.0])), positive
    (tensor([ True, False]), GreaterThan(lower_bound=0.0))
    >>> positive.lower_bound
    0.0
    """

    name: str
    holds: Callable[[Array], Array]
    event_dim: int = 0
    is_discrete: bool = False
    details: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> str:
        """The name without what stands in brackets: equal for conditions that differ in their bounds."""
        return self.name.partition("(")[0]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["details"][name]
        except KeyError:
            raise AttributeError(f"the constraint {self.__dict__.get('name')} has no {name}") from None

    def check(self, value: Any) -> Any:
        """Where a tensor satisfies it; axes of single values are taken together."""
        return from_array(np.asarray(self.holds(value._value())))

    def __repr__(self) -> str:
        return self.name


def _value_of(bound: Any) -> Any:
    """A bound, which may be a tensor, as NumPy compares it."""
    return bound._value() if isinstance(bound, TensorBase) else bound


def _bounded(kind: str, holds: Callable[[Array], Array], is_discrete: bool = False, **bounds: Any) -> Constraint:
    shown = ", ".join(f"{name}={bound}" for name, bound in bounds.items())
    return Constraint(f"{kind}({shown})", holds, is_discrete=is_discrete, details=bounds)


def greater_than(lower_bound: Any) -> Constraint:
    """Above a bound."""
    return _bounded("GreaterThan", lambda x: x > _value_of(lower_bound), lower_bound=lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Not below a bound."""
    return _bounded("GreaterThanEq", lambda x: x >= _value_of(lower_bound), lower_bound=lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Below a bound."""
    return _bounded("LessThan", lambda x: x < _value_of(upper_bound), upper_bound=upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Between two bounds, both included."""
    return _bounded(
        "Interval",
        lambda x: (x >= _value_of(lower_bound)) & (x <= _value_of(upper_bound)),
        lower_bound=lower_bound,
        upper_bound=upper_bound,
    )


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Between two bounds, of which the lower one is included."""
    return _bounded(
        "HalfOpenInterval",
        lambda x: (x >= _value_of(lower_bound)) & (x < _value_of(upper_bound)),
        lower_bound=lower_bound,
        upper_bound=upper_bound,
    )


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers between two bounds, both included."""
    return _bounded(
        "IntegerInterval",
        lambda x: (x % 1 == 0) & (x >= _value_of(lower_bound)) & (x <= _value_of(upper_bound)),
        True,
        lower_bound=lower_bound,
        upper_bound=upper_bound,
    )


def _whole_from(lower_bound: int) -> Constraint:
    """Whole numbers not below a bound."""
    return _bounded("IntegerGreaterThan", lambda x: (x % 1 == 0) & (x >= lower_bound), True, lower_bound=lower_bound)


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """A condition on all elements along the last axes at once."""
    axes = tuple(range(-reinterpreted_batch_ndims, 0))
    return Constraint(
        f"IndependentConstraint({base_constraint}, {reinterpreted_batch_ndims})",
        lambda x: np.all(base_constraint.holds(x), axis=axes),
        base_constraint.event_dim + reinterpreted_batch_ndims,
        base_constraint.is_discrete,
        {"base_constraint": base_constraint, "reinterpreted_batch_ndims": reinterpreted_batch_ndims},
    )


def cat(cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> Constraint:
    """A condition of its own for each stretch of an axis; `lengths` says how long they are (1 each by default)."""
    sizes = [1] * len(cseq) if lengths is None else list(lengths)
    ends = np.cumsum(sizes)[:-1]
    return Constraint(
        f"Cat({list(cseq)}, {dim})",
        lambda x: np.concatenate([c.holds(part) for c, part in zip(cseq, np.split(x, ends, dim), strict=True)], dim),
        max(c.event_dim for c in cseq),
        any(c.is_discrete for c in cseq),
        {"cseq": list(cseq), "dim": dim, "lengths": sizes},
    )


def stack(cseq: Sequence[Constraint], dim: int = 0) -> Constraint:
    """A condition of its own for each place along an axis."""
    event_dim = max(c.event_dim for c in cseq)
    return Constraint(
        f"Stack({list(cseq)}, {dim})",
        lambda x: np.stack([c.holds(np.take(x, place, dim)) for place, c in enumerate(cseq)], dim),
        event_dim + (dim + event_dim < 0),
        any(c.is_discrete for c in cseq),
        {"cseq": list(cseq), "dim": dim},
    )


def counts(total: int) -> Constraint:
    """Vectors of whole numbers, not below 0, with a given sum."""
    return Constraint(
        f"Multinomial(upper_bound={total})",
        lambda x: (x >= 0).all(-1) & (x % 1 == 0).all(-1) & (x.sum(-1) == total),
        1,
        True,
        {"upper_bound": total},
    )


def _is_simplex(x: Array) -> Array:
    return np.asarray((x >= 0).all(-1) & (np.abs(x.sum(-1) - 1) < 1e-6))


def _is_one_hot(x: Array) -> Array:
    return np.asarray(((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1))


def _is_lower_cholesky(x: Array) -> Array:
    return np.asarray((np.tril(x) == x).all((-2, -1)) & (np.diagonal(x, axis1=-2, axis2=-1) > 0).all(-1))


def _is_corr_cholesky(x: Array) -> Array:
    slack = np.finfo(x.dtype).eps * x.shape[-1] * 10
    return np.asarray(_is_lower_cholesky(x) & (np.abs(np.linalg.norm(x, axis=-1) - 1) <= slack).all(-1))


def _is_square(x: Array) -> Array:
    return np.full(x.shape[:-2], x.shape[-2] == x.shape[-1])


def _is_symmetric(x: Array) -> Array:
    if x.shape[-2] != x.shape[-1]:
        return _is_square(x)
    return np.asarray(np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-2, -1)))


def _is_positive_definite(x: Array) -> Array:
    return np.asarray(_is_symmetric(x) & (np.linalg.eigvalsh(np.nan_to_num(x)) > 0).all(-1))


def _is_positive_semidefinite(x: Array) -> Array:
    return np.asarray(_is_symmetric(x) & (np.linalg.eigvalsh(np.nan_to_num(x)) >= 0).all(-1))


boolean: Final = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
corr_cholesky: Final = Constraint("CorrCholesky()", _is_corr_cholesky, 2)
lower_cholesky: Final = Constraint("LowerCholesky()", _is_lower_cholesky, 2)
lower_triangular: Final = Constraint("LowerTriangular()", lambda x: (np.tril(x) == x).all((-2, -1)), 2)
multinomial: Final = counts
nonnegative: Final = greater_than_eq(0.0)
nonnegative_integer: Final = _whole_from(0)
one_hot: Final = Constraint("OneHot()", _is_one_hot, 1, True)
positive: Final = greater_than(0.0)
positive_definite: Final = Constraint("PositiveDefinite()", _is_positive_definite, 2)
positive_integer: Final = _whole_from(1)
positive_semidefinite: Final = Constraint("PositiveSemidefinite()", _is_positive_semidefinite, 2)
real: Final = Constraint("Real()", lambda x: x == x)
real_vector: Final = independent(real, 1)
simplex: Final = Constraint("Simplex()", _is_simplex, 1)
square: Final = Constraint("Square()", _is_square, 2)
symmetric: Final = Constraint("Symmetric()", _is_symmetric, 2)
unit_interval: Final = interval(0.0, 1.0)
