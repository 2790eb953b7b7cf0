"""Decompositions of matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.ops.linalg import decompositions as d
from retrograd.tensor.base import wrap
from retrograd.tensor.creation import zeros
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.linalg.checks import outputs, require_solved, status
from retrograd.tensor.linalg.solving import permutation_of
from retrograd.tensor.registry import method


class CholeskyAndInfo(NamedTuple):
    """What `cholesky_ex` returns."""

    L: Any
    info: Any


class QR(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


class Eigen(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


class SVD(NamedTuple):
    """What `linalg.svd` returns."""

    U: Any
    S: Any
    Vh: Any


class SingularVectors(NamedTuple):
    """What `svd` returns, which has V, not its transpose."""

    U: Any
    S: Any
    V: Any


class PLU(NamedTuple):
    """What `lu` returns."""

    P: Any
    L: Any
    U: Any


class LUFactors(NamedTuple):
    """What `lu_factor` returns."""

    LU: Any
    pivots: Any


class LUFactorsAndInfo(NamedTuple):
    """What `lu_factor_ex` returns."""

    LU: Any
    pivots: Any
    info: Any


# -- Cholesky ---------------------------------------------------------------------------------------------------------


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> CholeskyAndInfo:
    """As `cholesky`, with 0 for each matrix, or NaN and 1 for one that has no such factor.

    Source: torch.linalg.cholesky_ex.
    """
    factor = cholesky(A, upper) if check_errors else wrap(record(d.CHOLESKY, (operand("cholesky", A),), (upper,)))
    return CholeskyAndInfo(*deliver("cholesky_ex", (factor, status(factor)), out))


@method()
def cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The lower triangular L with L L^T = input, or its transpose if `upper`.

    Args:
        input: symmetric positive definite matrices (..., n, n), of which one triangle is looked at.
        upper: which triangle.
        out: a tensor that the result is written to.

    Raises:
        LinAlgError: a matrix is not positive definite. (To see this, the function looks at the values.)

    Source: torch.linalg.cholesky.

    >>> import retrograd as rg
    >>> rg.linalg.cholesky(rg.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    factor = wrap(record(d.CHOLESKY, (operand("cholesky", input),), (upper,)))
    require_solved("cholesky", "is not positive definite; add a small multiple of the identity", factor, input)
    return deliver("cholesky", factor, out)


# -- QR ---------------------------------------------------------------------------------------------------------------


def linalg_qr(A: Any, mode: str = "reduced", *, out: Any = None) -> QR:
    """Q with orthonormal columns and R, upper triangular, with Q R = A.

    Args:
        A: matrices (..., m, n).
        mode: "reduced": Q is m x k, k = min(m, n); "complete": m x m; "r": Q is empty.
        out: two tensors that the result is written to.

    Source: torch.linalg.qr.

    >>> import retrograd as rg
    >>> abs(rg.linalg.qr(rg.tensor([[3.0], [4.0]])).R)
    tensor([[5.]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise OptionError(f"qr: mode must be 'reduced', 'complete' or 'r', not {mode!r}")
    q, r = outputs(d.QR, A, (mode == "complete",), 2)
    return QR(*deliver("qr", (zeros(0, dtype=A.dtype) if mode == "r" else q, r), out))


@method()
def qr(input: Any, some: bool = True) -> QR:
    """As `linalg.qr`, complete unless `some`. Source: torch.qr."""
    return linalg_qr(input, "reduced" if some else "complete")


# -- eigenvalues and singular values ----------------------------------------------------------------------------------


def _triangle(UPLO: str) -> bool:
    if UPLO.upper() not in ("L", "U"):
        raise OptionError(f"eigh: UPLO must be 'L' or 'U', not {UPLO!r}")
    return UPLO.upper() == "U"


def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Eigen:
    """Eigenvalues, in ascending order, and eigenvectors (as columns) of symmetric matrices.

    Args:
        A: matrices (..., n, n), of which one triangle is looked at.
        UPLO: which: "L", the lower, or "U".
        out: two tensors that the result is written to.

    The gradient of eigenvectors takes eigenvalues that differ: where two are equal, their vectors are free to turn, and
    what depends on the turn contributes nothing.

    Source: torch.linalg.eigh.

    >>> import retrograd as rg
    >>> rg.linalg.eigh(rg.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    return Eigen(*deliver("eigh", outputs(d.EIGH, A, (_triangle(UPLO),), 2), out))


def eigvalsh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """The eigenvalues of symmetric matrices in ascending order; see `eigh`. Source: torch.linalg.eigvalsh."""
    return deliver("eigvalsh", outputs(d.EIGH, A, (_triangle(UPLO),), 2)[0], out)


def linalg_svd(A: Any, full_matrices: bool = True, *, driver: str | None = None, out: Any = None) -> SVD:
    """U, the singular values S in descending order, and V^T, with U diag(S) V^T = A.

    Args:
        A: matrices (..., m, n).
        full_matrices: whether U is m x m and V^T n x n, or only their first min(m, n) columns and rows are made.
        driver: accepted for PyTorch's sake.
        out: three tensors that the result is written to.

    The gradient takes singular values that differ; see `eigh`.

    Source: torch.linalg.svd.

    >>> import retrograd as rg
    >>> rg.linalg.svd(rg.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    return SVD(*deliver("svd", outputs(d.SVD, A, (full_matrices,), 3), out))


@method()
def svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> SingularVectors:
    """As `linalg.svd`, but with V itself, and reduced if `some`; U and V are zeros unless `compute_uv`.

    Source: torch.svd.
    """
    u, s, vh = linalg_svd(input, full_matrices=not some)
    if not compute_uv:
        batch, (m, n) = input._type_shape()[:-2], input._type_shape()[-2:]
        return SingularVectors(zeros(*batch, m, m, dtype=s.dtype), s, zeros(*batch, n, n, dtype=s.dtype))
    return SingularVectors(*deliver("svd", (u, s, vh.mT), out))


@method()
def svdvals(input: Any, *, driver: str | None = None, out: Any = None) -> Any:
    """The singular values of matrices in descending order. Source: torch.linalg.svdvals.

    >>> import retrograd as rg
    >>> rg.linalg.svdvals(rg.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    return deliver("svdvals", wrap(record(d.SVDVALS, (operand("svdvals", input),))), out)


# -- LU ---------------------------------------------------------------------------------------------------------------


def lu(A: Any, *, pivot: bool = True, out: Any = None) -> PLU:
    """The permutation P, L with ones on its diagonal, and the upper triangular U, with P L U = A.

    Source: torch.linalg.lu.

    >>> import retrograd as rg
    >>> rg.linalg.lu(rg.tensor([[0.0, 2.0], [4.0, 0.0]])).U
    tensor([[4., 0.],
            [0., 2.]])
    """
    p, low, up = outputs(d.LU, A, (pivot,), 3)
    return PLU(*deliver("lu", (p.detach(), low, up), out))


def lu_factor(A: Any, *, pivot: bool = True, out: Any = None) -> LUFactors:
    """L (without its diagonal) and U in one matrix, and the rows that each step exchanged, counted from 1.

    Source: torch.linalg.lu_factor.
    """
    return LUFactors(*deliver("lu_factor", outputs(d.LU_FACTOR, A, (pivot,), 2), out))


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> LUFactorsAndInfo:
    """As `lu_factor`, and for each matrix the number of the first 0 on U's diagonal, or 0.

    Source: torch.linalg.lu_factor_ex.
    """
    factors, pivots = outputs(d.LU_FACTOR, A, (pivot,), 2)
    flat = (factors.detach().diagonal(dim1=-2, dim2=-1) == 0).int()
    first = flat.argmax(-1).int() + 1 if flat.shape[-1] else flat.sum(-1).int()
    info = first * flat.any(-1).int() if flat.shape[-1] else first
    return LUFactorsAndInfo(*deliver("lu_factor_ex", (factors, pivots, info.int()), out))


def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> PLU:
    """P, L and U from the result of `lu_factor`; empty tensors for what is not asked for. Source: torch.lu_unpack."""
    nothing = zeros(0, dtype=LU_data.dtype)
    m, n = LU_data._type_shape()[-2:]
    k = min(m, n)
    p = permutation_of(LU_pivots, m, LU_data.dtype) if unpack_pivots else nothing
    if not unpack_data:
        return PLU(p, nothing, nothing)
    low = LU_data.narrow(-1, 0, k).tril(-1)
    ones = LU_data.new_ones(low._type_shape()).tril().triu()
    return PLU(p, low + ones, LU_data.narrow(-2, 0, k).triu())
