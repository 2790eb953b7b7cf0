"""Functions of vectors and matrices. Source: torch.distributions.transforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.errors import ShapeError
from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.elementwise_transforms import clipped_sigmoid
from retrograd.distributions.transform import Transform
from retrograd.nn.functions.activation import logsigmoid, softplus
from retrograd.nn.functions.pad import pad
from retrograd.tensor.joining import cat
from retrograd.tensor.linalg.decomposing import cholesky
from retrograd.tensor.ranges import arange, eye
from retrograd.tensor.size import Size
from retrograd.tensor.softmax import softmax
from retrograd.tensor.tensor import from_array


class SoftmaxTransform(Transform):
    """y_i = exp(x_i) / sum_j exp(x_j). Many x give one y; of the inverse, log y is taken.

    Source: torch.distributions.SoftmaxTransform.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        return softmax(x, -1)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return _with_axes("SoftmaxTransform", shape, 1)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return _with_axes("SoftmaxTransform", shape, 1)


class StickBreakingTransform(Transform):
    """n numbers to n + 1 probabilities: each number says which share of what is left the next probability takes.

    The share of x_i is sigmoid(x_i - log(n + 1 - i)), i = 1, ..., n, so that zeros give equal probabilities.

    Source: torch.distributions.StickBreakingTransform.

    >>> import retrograd as rg
    >>> rg.distributions.StickBreakingTransform()(rg.zeros(3))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Any) -> Any:
        share = clipped_sigmoid(x - _log_of_what_follows(x))
        left = (1 - share).cumprod(-1)
        return pad(share, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        taken = y[..., :-1]
        left = (1 - taken.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return taken.log() - left.log() + _log_of_what_follows(taken)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        moved = x - _log_of_what_follows(x)
        return (-moved + logsigmoid(moved) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        shape = _with_axes("StickBreakingTransform", shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        shape = _with_axes("StickBreakingTransform", shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


def _log_of_what_follows(x: Any) -> Any:
    """log n, log(n - 1), ..., log 1 for vectors of length n."""
    return arange(x.shape[-1], 0, -1, dtype=x.dtype).log()


class LowerCholeskyTransform(Transform):
    """The lower triangle of a matrix, with exp of the diagonal. Source: torch.distributions.LowerCholeskyTransform."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(0, -2, -1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(0, -2, -1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """L L^T of what `LowerCholeskyTransform` gives. Source: torch.distributions.PositiveDefiniteTransform."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(Transform):
    """n (n - 1) / 2 numbers to the Cholesky factor of a matrix of correlations, (n, n).

    tanh of the numbers fills the lower triangle row by row; each is the share of its row's length that is left, and
    the diagonal takes the rest.

    Source: torch.distributions.CorrCholeskyTransform; Lewandowski, Kurowicka and Joe (2009).

    >>> import retrograd as rg
    >>> lower = rg.distributions.CorrCholeskyTransform()(rg.tensor([0.5]))
    >>> (lower @ lower.T).diagonal()
    tensor([1., 1.])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = finfo(x.dtype).eps
        shares = lower_triangle(x.tanh().clamp(min=-1 + eps, max=1 - eps))
        left = (1 - shares**2).sqrt().cumprod(-1)
        return (shares + eye(shares.shape[-1], dtype=x.dtype)) * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = pad(1 - (y * y).cumsum(-1)[..., :-1], [1, 0], value=1)
        share = _below(y, -1) / _below(left, -1).sqrt()
        return (share.log1p() - (-share).log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """That of the elements below the diagonal."""
        left = _below(1 - (y * y).cumsum(-1), -2)
        return 0.5 * left.log().sum(-1) - 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        shape = _with_axes("CorrCholeskyTransform", shape, 1)
        n = _rows_of(shape[-1])
        return Size((*shape[:-1], n, n))

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        shape = _with_axes("CorrCholeskyTransform", shape, 2)
        if shape[-1] != shape[-2]:
            raise ShapeError(f"CorrCholeskyTransform: a matrix must be square, and the shape is {tuple(shape)}")
        return Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


class ReshapeTransform(Transform):
    """The last axes in another shape.

    Args:
        in_shape, out_shape: of one x and one y.
        cache_size: see `Transform`.

    Raises:
        ShapeError: they do not have as many elements; or, when it is called, a tensor does not end in them.

    Source: torch.distributions.ReshapeTransform.
    """

    bijective = True

    def __init__(self, in_shape: tuple[int, ...], out_shape: tuple[int, ...], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if math.prod(in_shape) != math.prod(out_shape):
            raise ShapeError(f"ReshapeTransform: {tuple(in_shape)} and {tuple(out_shape)} differ in their elements")
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return _end_replaced(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return _end_replaced(shape, self.out_shape, self.in_shape)

    def _parts(self) -> tuple[Any, ...]:
        return self.in_shape, self.out_shape


def _end_replaced(shape: tuple[int, ...], before: Size, after: Size) -> Size:
    cut = len(shape) - len(before)
    if cut < 0 or tuple(shape[cut:]) != tuple(before):
        raise ShapeError(f"ReshapeTransform: the shape must end in {tuple(before)}, and is {tuple(shape)}")
    return Size((*shape[:cut], *after))


def _with_axes(name: str, shape: tuple[int, ...], axes: int) -> Size:
    if len(shape) < axes:
        raise ShapeError(f"{name}: a value has {axes} axes, and the shape is {tuple(shape)}")
    return Size(shape)


def _rows_of(count: int) -> int:
    """The n of n (n - 1) / 2 elements below the diagonal."""
    n: int = round((0.25 + 2 * count) ** 0.5 + 0.5)
    if n * (n - 1) // 2 != count:
        raise ShapeError(f"CorrCholeskyTransform: {count} numbers do not fill the triangle below a diagonal")
    return n


def lower_triangle(x: Any) -> Any:
    """Vectors as what stands below the diagonal of matrices, row by row."""
    n = _rows_of(x.shape[-1])
    place = np.full((n, n), x.shape[-1])
    place[np.tril_indices(n, -1)] = np.arange(x.shape[-1])
    return cat([x, x.new_zeros((*x.shape[:-1], 1))], -1)[..., from_array(place)]


def _below(x: Any, diagonal: int) -> Any:
    """What stands on and below a diagonal of matrices, row by row, as vectors."""
    rows, columns = np.tril_indices(x.shape[-1], diagonal)
    return x.flatten(-2)[..., from_array(rows * x.shape[-1] + columns)]
