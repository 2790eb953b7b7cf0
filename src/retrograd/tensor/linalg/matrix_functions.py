"""Functions of matrices: determinants, norms, ranks, the exponential, and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import project, record
from retrograd.ops import products
from retrograd.ops.linalg import determinant, functions
from retrograd.ops.linalg.factors import require_matrices
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.joining import cat
from retrograd.tensor.linalg.solving import inverse, tolerances
from retrograd.tensor.norms import vector_norm
from retrograd.tensor.products import cross as tensor_cross
from retrograd.tensor.registry import method


class SignAndLogarithm(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


# -- determinants -----------------------------------------------------------------------------------------------------


@method()
def det(input: Any, *, out: Any = None) -> Any:
    """The determinant of square matrices. Its gradient exists for singular ones too, by their cofactors.

    Source: torch.linalg.det.

    >>> import retrograd as rg
    >>> rg.det(rg.tensor([[3.0, 1.0], [1.0, 2.0]]))
    tensor(5.)
    """
    return deliver("det", wrap(record(determinant.LINALG_DET, (operand("det", input),))), out)


@method()
def slogdet(input: Any, *, out: Any = None) -> SignAndLogarithm:
    """The sign of the determinant of square matrices, and the logarithm of its magnitude.

    Source: torch.linalg.slogdet.

    >>> import retrograd as rg
    >>> rg.slogdet(rg.tensor([[0.0, 1.0], [1.0, 0.0]]))
    SignAndLogarithm(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    node = record(determinant.SLOGDET, (operand("slogdet", input),))
    return SignAndLogarithm(*deliver("slogdet", (wrap(project(node, 0)), wrap(project(node, 1))), out))


@method()
def logdet(input: Any) -> Any:
    """The logarithm of the determinant; NaN where that is negative. Source: torch.logdet.

    >>> import retrograd as rg
    >>> rg.logdet(rg.eye(2))
    tensor(0.)
    """
    return wrap(record(determinant.LOGDET, (operand("logdet", input),)))


# -- norms ------------------------------------------------------------------------------------------------------------

_ORDERS = {"fro": "fro", "nuc": "nuc", 1: "1", -1: "-1", 2: "2", -2: "-2", math.inf: "inf", -math.inf: "-inf"}


def matrix_norm(
    A: Any,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Any:
    """A norm of the matrices that two axes make.

    Args:
        A: a tensor of floating-point numbers.
        ord: "fro": the root of the sum of squares; "nuc": the sum of singular values; inf, -inf: the largest and the
            smallest sum of magnitudes along a row; 1, -1: along a column; 2, -2: the largest and the smallest singular
            value.
        dim: the axes of rows and of columns.
        keepdim: whether these are kept with extent 1.
        dtype: to which elements are cast first.
        out: a tensor that the result is written to.

    Source: torch.linalg.matrix_norm.

    >>> import retrograd as rg
    >>> rg.linalg.matrix_norm(rg.tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1)
    tensor(6.)
    """
    x = operand("matrix_norm", A) if dtype is None else operand("matrix_norm", A.to(dtype))
    if ord not in _ORDERS:
        raise OptionError(
            f"matrix_norm: the order must be 'fro', 'nuc', 1, 2, inf or one of these negated, not {ord!r}"
        )
    axes = tuple(A._axis(d) for d in dim)
    if len(axes) != 2 or axes[0] == axes[1] or A.ndim < 2:
        raise ShapeError(f"matrix_norm: dim must name two axes, and is {tuple(dim)} for a shape of {x.type.shape}")
    return deliver("matrix_norm", wrap(record(functions.MATRIX_NORM, (x,), (_ORDERS[ord], axes, keepdim))), out)


def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, out: Any = None
) -> Any:
    """A norm of vectors or of matrices: of matrices if two axes are given, or if an order is and A is a matrix.

    Without an order it is the root of the sum of squares. Source: torch.linalg.norm.

    >>> import retrograd as rg
    >>> rg.linalg.norm(rg.tensor([[3.0, 0.0], [0.0, 4.0]])), rg.linalg.norm(rg.tensor([[3.0, 0.0], [0.0, 4.0]]), 2)
    (tensor(5.), tensor(4.))
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    axes = (dim,) if isinstance(dim, int) else dim
    if axes is None and A.ndim not in (1, 2):
        raise ShapeError(f"norm: for an order, dim must be given for a tensor of shape {tuple(A.shape)}")
    if (axes is None and A.ndim == 2) or (axes is not None and len(axes) == 2):
        return matrix_norm(A, ord, (0, 1) if axes is None else axes, keepdim, dtype=dtype, out=out)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


@method()
def nuclear_norm(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The sum of singular values. Source: torch.nuclear_norm."""
    return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, out=out)


def cond(A: Any, p: Any = None, *, out: Any = None) -> Any:
    """The condition number: the norm of A times that of its inverse; of order 2 by singular values.

    Source: torch.linalg.cond.

    >>> import retrograd as rg
    >>> rg.linalg.cond(rg.tensor([[2.0, 0.0], [0.0, 8.0]]))
    tensor(4.)
    """
    if p in (None, 2, -2):
        values = A.svdvals()
        first, last = values.select(-1, 0), values.select(-1, values.shape[-1] - 1)
        return deliver("cond", last / first if p == -2 else first / last, out)
    return deliver("cond", matrix_norm(A, p) * matrix_norm(inverse(A), p), out)


@method()
def matrix_rank(
    input: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Any:
    """How many singular values are above the tolerances; see `pinv`. Source: torch.linalg.matrix_rank.

    >>> import retrograd as rg
    >>> rg.linalg.matrix_rank(rg.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    x = operand("matrix_rank", input)
    require_matrices("matrix_rank", x.type)
    nodes = tolerances(input, tol if atol is None else atol, 0.0 if tol is not None and rtol is None else rtol)
    return deliver("matrix_rank", wrap(record(functions.MATRIX_RANK, (x, *nodes), (hermitian,))), out)


# -- the rest ---------------------------------------------------------------------------------------------------------


@method()
def matrix_exp(input: Any) -> Any:
    """1 + A + A^2 / 2 + A^3 / 6 + ..., for square matrices; by scaling and squaring.

    Source: torch.linalg.matrix_exp; Higham (2005).

    >>> import retrograd as rg
    >>> rg.linalg.matrix_exp(rg.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return wrap(record(functions.LINALG_MATRIX_EXP, (operand("matrix_exp", input),)))


def householder_product(A: Any, tau: Any, *, out: Any = None) -> Any:
    """The first columns of a product of reflections 1 - tau_i v_i v_i^T, v_i from column i of A below the diagonal.

    Source: torch.linalg.householder_product.
    """
    nodes = operand("householder_product", A), operand("householder_product", tau)
    require_matrices("householder_product", nodes[0].type)
    if nodes[1].type.shape[:-1] != nodes[0].type.shape[:-2] or nodes[1].type.shape[-1] > nodes[0].type.shape[-1]:
        raise ShapeError(f"householder_product: {nodes[0].type.shape} and {nodes[1].type.shape} do not fit")
    return deliver("householder_product", wrap(record(functions.HOUSEHOLDER_PRODUCT, nodes)), out)


def multi_dot(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """The product of several matrices in the order that takes the fewest multiplications; the first and the last may
    be vectors.

    Source: torch.linalg.multi_dot.

    >>> import retrograd as rg
    >>> rg.linalg.multi_dot([rg.ones(2, 3), rg.ones(3, 4), rg.ones(4)])
    tensor([12., 12.])
    """
    if len(tensors) < 2:
        raise OptionError(f"multi_dot: at least two tensors must be given, not {len(tensors)}")
    nodes = tuple(operand("multi_dot", x) for x in tensors)
    return deliver("multi_dot", wrap(record(products.CHAIN_MATMUL, nodes)), out)


def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Sums of products along an axis; the tensors broadcast. Source: torch.linalg.vecdot.

    >>> import retrograd as rg
    >>> rg.linalg.vecdot(rg.ones(2, 3), rg.tensor([1.0, 2.0, 3.0]))
    tensor([6., 6.])
    """
    return deliver("vecdot", wrap(record(products.VECDOT, (operand("vecdot", x), operand("vecdot", y)), (dim,))), out)


def cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The cross product along an axis, the last by default; see `retrograd.cross`. Source: torch.linalg.cross."""
    return tensor_cross(input, other, dim, out=out)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of the matrices that two axes make, as a view. Source: torch.linalg.diagonal."""
    return A.diagonal(offset, dim1, dim2)


def vander(x: Any, N: int | None = None) -> Any:
    """Vandermonde's matrices: the powers 0 .. N - 1 of each element, as a new last axis. Source: torch.linalg.vander.

    >>> import retrograd as rg
    >>> rg.linalg.vander(rg.tensor([2, 3]))
    tensor([[1, 2],
            [1, 3]])
    """
    count = (x.shape[-1] if x.ndim else 1) if N is None else N
    if count < 1:
        raise OptionError(f"vander: N must be at least 1, and is {N}")
    x = x.reshape(1) if x.ndim == 0 else x
    ones = x.new_ones((*x._type_shape(), 1))
    powers = x.unsqueeze(-1).expand(*x._type_shape(), count - 1).cumprod(-1) if count > 1 else ones[..., :0]
    return cat([ones, powers], -1)
