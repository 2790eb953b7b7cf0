"""The normal distribution of vectors whose covariance is a diagonal and a few directions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.errors import ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import derived
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.linalg.decomposing import cholesky
from retrograd.tensor.linalg.solving import solve_triangular
from retrograd.tensor.random import randn
from retrograd.tensor.ranges import eye


class LowRankMultivariateNormal(Distribution):
    """The normal distribution of vectors with the covariance C = W W^T + diag(d).

    Determinant and inverse are those of the small matrix I + W^T diag(d)^-1 W (Woodbury's identity).

    Args:
        loc: the mean, (..., n).
        cov_factor: W, (..., n, r).
        cov_diag: d, (..., n), above 0.
        validate_args: see `Distribution`.

    Raises:
        ShapeError: shapes that do not fit.

    Source: torch.distributions.LowRankMultivariateNormal, whose values it draws for the same seed.

    >>> import retrograd as rg
    >>> made = rg.distributions.LowRankMultivariateNormal(rg.zeros(2), rg.tensor([[1.0], [0.0]]), rg.ones(2))
    >>> made.variance
    tensor([2., 1.])
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    has_rsample = True

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        shapes = tuple(loc.shape), tuple(cov_factor.shape), tuple(cov_diag.shape)
        if loc.ndim < 1 or cov_factor.ndim < 2 or not shapes[0][-1:] == shapes[1][-2:-1] == shapes[2][-1:]:
            raise ShapeError(
                f"LowRankMultivariateNormal: loc, cov_factor and cov_diag have shapes {shapes}; expected (..., n), "
                "(..., n, r) and (..., n)"
            )
        batch = broadcast_shapes("LowRankMultivariateNormal", shapes[0][:-1], shapes[1][:-2])
        batch = broadcast_shapes("LowRankMultivariateNormal", batch, shapes[2][:-1])
        self.loc = loc.expand(*batch, *shapes[0][-1:])
        self.cov_factor = cov_factor.expand(*batch, *shapes[1][-2:])
        self.cov_diag = cov_diag.expand(*batch, *shapes[2][-1:])
        super().__init__(batch, shapes[0][-1:], validate_args)

    @derived
    def _scaled_factor(self) -> Any:
        """W^T diag(d)^-1."""
        return self.cov_factor.mT / self.cov_diag.unsqueeze(-2)

    @derived
    def _capacitance_tril(self) -> Any:
        """The Cholesky factor of I + W^T diag(d)^-1 W."""
        rank = self.cov_factor.shape[-1]
        return cholesky(self._scaled_factor @ self.cov_factor + eye(rank, dtype=self.loc.dtype))

    @derived
    def scale_tril(self) -> Any:
        """The Cholesky factor of C, by way of I + diag(d)^-1/2 W W^T diag(d)^-1/2, whose eigenvalues are above 1."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        return root * cholesky(scaled @ scaled.mT + eye(self._event_shape[0], dtype=self.loc.dtype))

    @derived
    def covariance_matrix(self) -> Any:
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @derived
    def precision_matrix(self) -> Any:
        whitened = self._whitened_factor()
        return self.cov_diag.reciprocal().diag_embed() - whitened.mT @ whitened

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
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        shape, dtype = self._extended_shape(sample_shape), self.loc.dtype
        along = randn((*shape[:-1], self.cov_factor.shape[-1]), dtype=dtype)
        apart = randn(shape, dtype=dtype)
        return self.loc + (self.cov_factor @ along.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * apart

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        distance = self._distance(value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Any:
        return 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det())

    def _log_det(self) -> Any:
        """log det C."""
        return 2 * self._capacitance_tril.diagonal(0, -2, -1).log().sum(-1) + self.cov_diag.log().sum(-1)

    def _distance(self, x: Any) -> Any:
        """x^T C^-1 x."""
        along = (self._scaled_factor @ x.unsqueeze(-1)).squeeze(-1)
        capacitance = self._capacitance_tril.expand(*along.shape, along.shape[-1])
        whitened = solve_triangular(capacitance, along.unsqueeze(-1), upper=False)
        return (x.pow(2) / self.cov_diag).sum(-1) - whitened.pow(2).sum((-2, -1))

    def _whitened_factor(self) -> Any:
        """A with C^-1 = diag(d)^-1 - A^T A."""
        return solve_triangular(self._capacitance_tril, self._scaled_factor, upper=False)
