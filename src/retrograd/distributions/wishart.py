"""The Wishart distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from retrograd.core.errors import ShapeError
from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.chi2 import Chi2
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.scale_matrix import WithScaleMatrix
from retrograd.distributions.vector_transforms import lower_triangle
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.base import TensorBase
from retrograd.tensor.blending import where
from retrograd.tensor.linalg.matrix_functions import slogdet
from retrograd.tensor.linalg.solving import cholesky_solve
from retrograd.tensor.random import randn
from retrograd.tensor.ranges import arange
from retrograd.tensor.tensor import tensor


class Wishart(WithScaleMatrix):
    """The distribution of X X^T, X of `df` columns that are normal vectors of covariance C.

    p(S) = det(S)^((df - n - 1) / 2) exp(-trace(C^-1 S) / 2) / (2^(n df / 2) det(C)^(df / 2) Gamma_n(df / 2))

    Args:
        df: degrees of freedom, above n - 1; they need not be whole.
        covariance_matrix: C, (..., n, n).
        precision_matrix: C^-1, in place of C.
        scale_tril: L, lower triangular, with C = L L^T, in place of C.
        validate_args: see `Distribution`.

    Raises:
        OptionError: not exactly one of the three matrices is given. ShapeError: it is no matrix.

    Source: torch.distributions.Wishart; samples by Bartlett's decomposition. Deviation: PyTorch throws away the first
    sample of each seed and draws again; here the first one is what comes out, so that a seed gives other values.

    >>> import retrograd as rg
    >>> rg.distributions.Wishart(3.0, rg.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        **WithScaleMatrix.arg_constraints,
        "df": constraints.positive,
    }
    has_rsample = True

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = self._given_matrix(covariance_matrix, precision_matrix, scale_tril)
        if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
            raise ShapeError(f"Wishart: {name} has shape {tuple(matrix.shape)}; expected (..., n, n)")
        degrees: Any = df if isinstance(df, TensorBase) else tensor(df, dtype=matrix.dtype)
        batch = broadcast_shapes("Wishart", tuple(matrix.shape[:-2]), tuple(degrees.shape))
        self.df = degrees.expand(batch)
        setattr(self, name, matrix.expand(*batch, *matrix.shape[-2:]))
        super().__init__(batch, tuple(matrix.shape[-2:]), validate_args)
        self._require(constraints.greater_than(matrix.shape[-1] - 1), degrees, "the parameter df")

    @property
    def support(self) -> Constraint:
        return constraints.positive_definite

    def _knows_support(self) -> bool:
        # It takes the eigenvalues of every matrix.
        return self._validate_args is True

    @property
    def mean(self) -> Any:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Any:
        """NaN where df <= n + 1: the density has no peak."""
        factor = self.df - self._event_shape[0] - 1
        return where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Any:
        c = self.covariance_matrix
        diagonal = c.diagonal(0, -2, -1)
        return self.df[..., None, None] * (c.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        (n, _), dtype = self._event_shape, self.scale_tril.dtype
        lengths = Chi2(self.df.unsqueeze(-1) - arange(n, dtype=dtype), False).rsample(sample_shape).sqrt()
        normal = randn((*sample_shape, *self._batch_shape, n * (n - 1) // 2), dtype=dtype)
        noise = lengths.clamp(min=finfo(dtype).eps).diag_embed() + lower_triangle(normal)
        root = self.scale_tril @ noise
        return root @ root.mT

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        n = self._event_shape[0]
        scale = (
            self.scale_tril.expand(*value.shape[:-2], n, n) if value.ndim > self.scale_tril.ndim else self.scale_tril
        )
        whole = value.expand(*scale.shape)
        trace = cholesky_solve(whole, scale).diagonal(0, -2, -1).sum(-1)
        return (self.df - n - 1) / 2 * slogdet(value).logabsdet - trace / 2 - self._log_norm()

    def _log_norm(self) -> Any:
        """log(2^(n df / 2) det(C)^(df / 2) Gamma_n(df / 2))."""
        n = self._event_shape[0]
        return self.df * self._half_log_det_of_twice() + (self.df / 2).mvlgamma(n)

    def _half_log_det_of_twice(self) -> Any:
        """log det(2 C) / 2."""
        return self._event_shape[0] * math.log(2) / 2 + self.scale_tril.diagonal(0, -2, -1).log().sum(-1)

    def _mean_log_det(self) -> Any:
        """The mean of log det S, less log det(2 C)."""
        n = self._event_shape[0]
        return ((self.df / 2).unsqueeze(-1) - arange(n, dtype=self.df.dtype) / 2).digamma().sum(-1)

    def entropy(self) -> Any:
        n = self._event_shape[0]
        rest = (self.df / 2).mvlgamma(n) - (self.df - n - 1) / 2 * self._mean_log_det() + self.df * n / 2
        return (n + 1) * self._half_log_det_of_twice() + rest
