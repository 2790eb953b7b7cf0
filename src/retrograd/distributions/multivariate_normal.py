"""The normal distribution of vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.errors import ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.scale_matrix import WithScaleMatrix
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.linalg.solving import solve_triangular
from retrograd.tensor.random import randn


class MultivariateNormal(WithScaleMatrix):
    """The normal distribution of vectors: p(x) = exp(-(x - m)^T C^-1 (x - m) / 2) / sqrt(det(2 pi C)).

    Args:
        loc: m, (..., n).
        covariance_matrix: C, (..., n, n).
        precision_matrix: C^-1, in place of C.
        scale_tril: L, lower triangular, with C = L L^T, in place of C.
        validate_args: see `Distribution`.

    Raises:
        OptionError: not exactly one of the three matrices is given. ShapeError: shapes that do not fit.

    Source: torch.distributions.MultivariateNormal, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> rg.distributions.MultivariateNormal(rg.zeros(2), rg.eye(2)).log_prob(rg.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "loc": constraints.real_vector,
        **WithScaleMatrix.arg_constraints,
    }
    has_rsample = True

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = self._given_matrix(covariance_matrix, precision_matrix, scale_tril)
        if loc.ndim < 1 or matrix.ndim < 2:
            raise ShapeError(
                f"MultivariateNormal: loc has shape {tuple(loc.shape)} and {name} {tuple(matrix.shape)}; expected "
                "(..., n) and (..., n, n)"
            )
        batch = broadcast_shapes("MultivariateNormal", tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        self.loc = loc.expand(*batch, *loc.shape[-1:])
        setattr(self, name, matrix.expand(*batch, *matrix.shape[-2:]))
        super().__init__(batch, tuple(loc.shape[-1:]), validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real_vector

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self.scale_tril.pow(2).sum(-1)

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        drawn = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self.scale_tril @ drawn.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        rest = (value - self.loc).unsqueeze(-1)
        scale = self.scale_tril.expand(*rest.shape[:-2], *self.scale_tril.shape[-2:])
        whitened = solve_triangular(scale, rest, upper=False).squeeze(-1)
        squares = whitened.pow(2).sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + squares) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()

    def _half_log_det(self) -> Any:
        return self.scale_tril.diagonal(0, -2, -1).log().sum(-1)
