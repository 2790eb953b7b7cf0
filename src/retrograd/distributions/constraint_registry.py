"""From conditions to transforms: how an unconstrained number becomes one that satisfies a condition.

Source: torch.distributions.constraint_registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from retrograd.distributions import constraints
from retrograd.distributions.combined_transforms import (
    CatTransform,
    ComposeTransform,
    IndependentTransform,
    StackTransform,
    identity_transform,
)
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.elementwise_transforms import AffineTransform, ExpTransform, SigmoidTransform
from retrograd.distributions.transform import Transform
from retrograd.distributions.vector_transforms import (
    CorrCholeskyTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    SoftmaxTransform,
    StickBreakingTransform,
)

Factory = Callable[[Constraint], Transform]


class ConstraintRegistry:
    """Which transform leads to values that satisfy a condition.

    Two of them are there: `transform_to`, whose transforms suit optimization, and `biject_to`, whose transforms are
    bijections that know how much they stretch.

    Source: torch.distributions.constraint_registry.ConstraintRegistry. Deviation: conditions are told apart by `kind`,
    and not by their classes.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> to_scale = d.transform_to(d.Normal.arg_constraints["scale"])
    >>> to_scale(rg.tensor(0.0)), to_scale.inv(rg.tensor(1.0))
    (tensor(1.), tensor(0.))
    """

    def __init__(self) -> None:
        self._factories: dict[str, Factory] = {}

    def register(self, constraint: Constraint, factory: Factory | None = None) -> Any:
        """Enter a function that makes the transform for all conditions of the kind of `constraint`.

        Without `factory`, a decorator.

        Raises:
            TypeError: `constraint` is none.
        """
        if factory is None:
            return lambda given: self.register(constraint, given)
        if not isinstance(constraint, Constraint):
            raise TypeError(f"register: expected a constraint, such as constraints.positive, received {constraint!r}")
        self._factories[constraint.kind] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        """The transform for a condition.

        Raises:
            NotImplementedError: none is known.
        """
        if constraint.kind not in self._factories:
            raise NotImplementedError(f"no transform is known that leads to {constraint}; enter one with register")
        return self._factories[constraint.kind](constraint)


biject_to: Final = ConstraintRegistry()
transform_to: Final = ConstraintRegistry()


def _above(constraint: Constraint) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.lower_bound, 1)])


def _under(constraint: Constraint) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.upper_bound, -1)])


def _between(constraint: Constraint) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return SigmoidTransform()
    return ComposeTransform([SigmoidTransform(), AffineTransform(low, high - low)])


def _enter_into(registry: ConstraintRegistry) -> None:
    """What both have in common."""
    registry.register(constraints.real, lambda _: identity_transform)
    registry.register(constraints.positive, _above)
    registry.register(constraints.nonnegative, _above)
    registry.register(constraints.less_than(0.0), _under)
    registry.register(constraints.unit_interval, _between)
    registry.register(constraints.half_open_interval(0.0, 1.0), _between)
    registry.register(constraints.corr_cholesky, lambda _: CorrCholeskyTransform())
    registry.register(
        constraints.real_vector,
        lambda c: IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims),
    )
    registry.register(
        constraints.cat([constraints.real]),
        lambda c: CatTransform([registry(each) for each in c.cseq], c.dim, c.lengths),
    )
    registry.register(
        constraints.stack([constraints.real]), lambda c: StackTransform([registry(each) for each in c.cseq], c.dim)
    )


_enter_into(biject_to)
_enter_into(transform_to)
biject_to.register(constraints.simplex, lambda _: StickBreakingTransform())
transform_to.register(constraints.simplex, lambda _: SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda _: LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda _: PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda _: PositiveDefiniteTransform())
