"""The Dirichlet distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.dtype import float64, int64
from retrograd.core.errors import ShapeError
from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.nn.functions.one_hot import one_hot
from retrograd.tensor.blending import where
from retrograd.tensor.creation import zeros
from retrograd.tensor.gamma_sampling import standard_gamma


class Dirichlet(Distribution):
    """The distribution of n probabilities: p(x) = Gamma(sum_i a_i) prod_i x_i^(a_i - 1) / Gamma(a_i).

    Args:
        concentration: a, (..., n).
        validate_args: see `Distribution`.

    Raises:
        ShapeError: a single number.

    Source: torch.distributions.Dirichlet, whose values it draws for the same seed. Deviation: gradients of samples are
    those of gamma numbers over their sum; PyTorch's are others with the same mean.

    >>> import retrograd as rg
    >>> rg.distributions.Dirichlet(rg.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "concentration": constraints.independent(constraints.positive, 1)
    }
    has_rsample = True

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ShapeError("Dirichlet: the concentration must have an axis of categories, and is a single number")
        self.concentration = concentration
        super().__init__(tuple(concentration.shape[:-1]), tuple(concentration.shape[-1:]), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.simplex

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        """The most probable value; where all of a are below 1, and all corners are, the first one."""
        above = (self.concentration - 1).clamp(min=0.0)
        corner = one_hot(zeros((), dtype=int64), self._event_shape[0]).to(above.dtype)
        is_corner = (self.concentration < 1).all(-1, keepdim=True)
        return where(is_corner, corner, above / where(is_corner, 1.0, above.sum(-1, True)))

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        dtype = self.concentration.dtype
        drawn = standard_gamma(self.concentration.to(float64).expand(self._extended_shape(sample_shape)))
        limits = finfo(dtype)
        return (drawn / drawn.sum(-1, True)).to(dtype).clamp(limits.tiny, 1 - limits.eps / 2)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        a = self.concentration
        return (a - 1.0).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Any:
        a, total = self.concentration, self.concentration.sum(-1)
        spread = (a.shape[-1] - total) * total.digamma() + ((a - 1.0) * a.digamma()).sum(-1)
        return a.lgamma().sum(-1) - total.lgamma() - spread
