"""What distributions with a matrix for their scale have in common: it is given in one of three forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.core.errors import OptionError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import derived
from retrograd.tensor.linalg.decomposing import cholesky
from retrograd.tensor.linalg.solving import cholesky_inverse, inverse


class WithScaleMatrix(Distribution):
    """A distribution with a positive definite matrix C, known as `covariance_matrix`, as `precision_matrix`, C^-1, and
    as `scale_tril`, the lower triangular L of C = L L^T."""

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }

    def _given_matrix(self, covariance_matrix: Any, precision_matrix: Any, scale_tril: Any) -> tuple[str, Any]:
        """The name of the form that is given, and the matrix.

        Raises:
            OptionError: not exactly one is given.
        """
        forms = zip(WithScaleMatrix.arg_constraints, (covariance_matrix, precision_matrix, scale_tril), strict=True)
        given = [(name, matrix) for name, matrix in forms if matrix is not None]
        if len(given) != 1:
            names = ", ".join(WithScaleMatrix.arg_constraints)
            raise OptionError(f"{type(self).__name__}: give one of {names}, and not {len(given)}")
        return given[0]

    @derived
    def scale_tril(self) -> Any:
        if "covariance_matrix" in self._given:
            return cholesky(self.covariance_matrix)
        # With P = U U^T, U upper triangular, U^-T is lower triangular, and C = U^-T U^-1.
        upper = cholesky(self.precision_matrix.flip(-2, -1)).flip(-2, -1)
        return inverse(upper).mT

    @derived
    def covariance_matrix(self) -> Any:
        return self.scale_tril @ self.scale_tril.mT

    @derived
    def precision_matrix(self) -> Any:
        return cholesky_inverse(self.scale_tril)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        made = super().expand(batch_shape)
        if "scale_tril" in self.__dict__ and "scale_tril" not in self._given:
            made.scale_tril = self._grown(self.scale_tril, made.batch_shape)
        return made
