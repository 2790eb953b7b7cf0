"""Inverses, linear equations, least squares."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from retrograd.core.dtype import float64, int32
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops.linalg import solve as s
from retrograd.ops.linalg.functions import PINV
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.creation import zeros
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.linalg.checks import require_solved, status
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array


class InverseAndInfo(NamedTuple):
    """What `inv_ex` returns."""

    inverse: Any
    info: Any


class ResultAndInfo(NamedTuple):
    """What `solve_ex` returns."""

    result: Any
    info: Any


class LeastSquares(NamedTuple):
    """What `lstsq` returns."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


class TriangularSolution(NamedTuple):
    """What `triangular_solve` returns."""

    solution: Any
    cloned_coefficient: Any


_SINGULAR = "is singular, and has no inverse; use pinv or lstsq, or add a small multiple of the identity"


# -- inverses ---------------------------------------------------------------------------------------------------------


def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> InverseAndInfo:
    """The inverse of square matrices, and 0 for each; a singular one gives NaN and 1. Source: torch.linalg.inv_ex."""
    result = wrap(record(s.INV, (operand("inv", A),)))
    if check_errors:
        require_solved("inv", _SINGULAR, result, A)
    return InverseAndInfo(*deliver("inv_ex", (result, status(result)), out))


@method()
def inverse(input: Any, *, out: Any = None) -> Any:
    """The inverse of square matrices.

    Args:
        input: matrices (..., n, n) of floating-point numbers.
        out: a tensor that the result is written to.

    Raises:
        LinAlgError: a matrix is singular. (To see this, the function looks at the values.)

    Source: torch.linalg.inv.

    >>> import retrograd as rg
    >>> rg.inverse(rg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    result = wrap(record(s.INV, (operand("inv", input),)))
    require_solved("inv", _SINGULAR, result, input)
    return deliver("inv", result, out)


inv = inverse


def tolerances(A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """The nodes of both tolerances; if neither is given, the relative one is max(m, n) times the rounding unit."""
    if rtol is None:
        unset = atol is None or (not isinstance(atol, TensorBase) and atol <= 0)
        rtol = max(A.shape[-2:]) * float(np.finfo(A.dtype.numpy).eps) if unset else 0.0
    values = (0.0 if atol is None else atol, rtol)
    nodes = [node_of(float(x) if isinstance(x, (int, float)) else x, float64) for x in values]
    return nodes[0], nodes[1]


def pinv(
    A: Any,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Any = None,
) -> Any:
    """The pseudo-inverse of matrices, from their singular values.

    Args:
        A: matrices (..., m, n).
        rcond: another name for rtol.
        hermitian: whether the matrices are symmetric; then eigenvalues are used.
        atol, rtol: singular values not above atol, nor above rtol times the largest, count as 0.
        out: a tensor that the result is written to.

    Source: torch.linalg.pinv; its gradient after Golub and Pereyra (1973).

    >>> import retrograd as rg
    >>> rg.linalg.pinv(rg.tensor([[1.0], [1.0]]))
    tensor([[0.5000, 0.5000]])
    """
    x = operand("pinv", A)
    if isinstance(rcond, bool):
        rcond, hermitian = None, rcond
    nodes = tolerances(A, atol, rcond if rtol is None else rtol)
    return deliver("pinv", wrap(record(PINV, (x, *nodes), (hermitian,))), out)


@method()
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse, as `linalg.pinv`. Source: torch.pinverse."""
    return pinv(input, rcond)


# -- equations --------------------------------------------------------------------------------------------------------


def _is_vector(A: Any, B: Any) -> bool:
    """NumPy's rule: B holds vectors if it has one axis, or the shape of A's batches and rows."""
    return bool(B.ndim == 1 or (A.ndim - 1 == B.ndim and B._type_shape() == A._type_shape()[:-1]))


def _solved(A: Any, B: Any, left: bool) -> Any:
    nodes = operand("solve", A), operand("solve", B)
    if nodes[0].type.dtype is not nodes[1].type.dtype:
        raise OptionError(f"solve: dtypes {A.dtype.name} and {B.dtype.name} differ; cast one with .to(dtype)")
    return wrap(record(s.LINALG_SOLVE, nodes, (_is_vector(A, B), left)))


def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """x with A x = B, or x A = B if not `left`.

    Args:
        A: square matrices (..., n, n).
        B: vectors (n,) or (..., n), or matrices (..., n, k); batches broadcast.
        left: on which side of x the matrix A stands.
        out: a tensor that the result is written to.

    Raises:
        LinAlgError: a matrix is singular. (To see this, the function looks at the values.)

    Source: torch.linalg.solve.

    >>> import retrograd as rg
    >>> rg.linalg.solve(rg.tensor([[2.0, 0.0], [0.0, 4.0]]), rg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    result = _solved(A, B, left)
    require_solved("solve", _SINGULAR, result.unsqueeze(-1) if result.ndim < A.ndim else result, A, B)
    return deliver("solve", result, out)


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None) -> ResultAndInfo:
    """As `solve`, with 0 for each matrix, or NaN and 1 for one that is singular. Source: torch.linalg.solve_ex."""
    result = solve(A, B, left=left) if check_errors else _solved(A, B, left)
    info = status(result.unsqueeze(-1) if _is_vector(A, B) else result)
    return ResultAndInfo(*deliver("solve_ex", (result, info), out))


def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Any:
    """x with A x = B, or x A = B if not `left`, for triangular matrices.

    Args:
        A: matrices (..., n, n), of which one triangle is looked at.
        B: matrices (..., n, k); batches broadcast.
        upper: which triangle.
        left: on which side of x the matrix A stands.
        unitriangular: take the diagonal of A as ones.
        out: a tensor that the result is written to.

    Source: torch.linalg.solve_triangular.

    >>> import retrograd as rg
    >>> rg.linalg.solve_triangular(rg.tensor([[2.0, 0.0], [1.0, 1.0]]), rg.tensor([[2.0], [2.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    nodes = operand("solve_triangular", A), operand("solve_triangular", B)
    return deliver(
        "solve_triangular", wrap(record(s.SOLVE_TRIANGULAR, nodes, (upper, left, unitriangular, False))), out
    )


@method()
def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> TriangularSolution:
    """x with A x = input, or A^T x = input if `transpose`, for triangular A. Source: torch.triangular_solve."""
    nodes = operand("triangular_solve", A), operand("triangular_solve", input)
    solution = wrap(record(s.SOLVE_TRIANGULAR, nodes, (upper, True, unitriangular, transpose)))
    return TriangularSolution(solution, A.clone())


@method()
def cholesky_solve(input: Any, L: Any, upper: bool = False, *, out: Any = None) -> Any:
    """x with (L L^T) x = input, or (L^T L) x = input if `upper`.

    Source: torch.cholesky_solve. Deviation: elements of L outside the triangle, which are not read, get the gradient 0.
    """
    nodes = operand("cholesky_solve", input), operand("cholesky_solve", L)
    return deliver("cholesky_solve", wrap(record(s.CHOLESKY_SOLVE, nodes, (upper,))), out)


@method()
def cholesky_inverse(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The inverse of L L^T, or of L^T L if `upper`.

    Source: torch.cholesky_inverse. Deviation: elements outside the triangle, which are not read, get the gradient 0.
    """
    node = record(s.CHOLESKY_INVERSE, (operand("cholesky_inverse", input),), (upper,))
    return deliver("cholesky_inverse", wrap(node), out)


def _row_orders(pivots: Any, rows: int) -> Any:
    """Where each row comes from after the exchanges, which count from 1."""
    exchanged = pivots._value() - 1
    order = np.broadcast_to(np.arange(rows), (*exchanged.shape[:-1], rows)).copy()
    for place in np.ndindex(*exchanged.shape[:-1]):
        row = order[place]
        for j, other in enumerate(exchanged[place]):
            row[[j, other]] = row[[other, j]]
    return order


def permutation_of(pivots: Any, rows: int, dtype: Any) -> Any:
    """The matrix P of the exchanges that `lu_factor` made."""
    order = _row_orders(pivots, rows)
    return from_array((np.arange(rows)[:, None] == order[..., None, :]).astype(dtype.numpy))


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None) -> Any:
    """x with A x = B, from the result of `lu_factor(A)`; x A = B if not `left`, A^T x = B if `adjoint`.

    Source: torch.linalg.lu_solve.

    >>> import retrograd as rg
    >>> LU, pivots = rg.linalg.lu_factor(rg.tensor([[0.0, 2.0], [4.0, 0.0]]))
    >>> rg.linalg.lu_solve(LU, pivots, rg.tensor([[2.0], [4.0]]))
    tensor([[1.],
            [1.]])
    """
    p = permutation_of(pivots, LU.shape[-1], LU.dtype)
    if left and not adjoint:
        y = solve_triangular(LU, p.mT @ B, upper=False, unitriangular=True)
        return deliver("lu_solve", solve_triangular(LU, y, upper=True), out)
    if left:
        y = solve_triangular(LU.mT, B, upper=False)
        return deliver("lu_solve", p @ solve_triangular(LU.mT, y, upper=True, unitriangular=True), out)
    return deliver("lu_solve", lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT, out)


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """x for which the norm of A x - B is least, and x itself the shortest such.

    Args:
        A: matrices (..., m, n).
        B: matrices (..., m, k), or vectors (m,).
        rcond: singular values not above rcond times the largest count as 0; default: max(m, n) rounding units.
        driver: accepted for PyTorch's sake; the pseudo-inverse is used. As there, singular values are returned for
            "gelsd" and "gelss", the rank for all but "gels", and residuals for all but "gelsy", the default.

    Returns:
        The solution; the sums of squares that are left, where A has more rows than columns and full rank; the rank; the
        singular values.

    Source: torch.linalg.lstsq.

    >>> import retrograd as rg
    >>> rg.linalg.lstsq(rg.tensor([[1.0], [1.0]]), rg.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise OptionError(f"lstsq: driver must be 'gels', 'gelsy', 'gelsd' or 'gelss', not {driver!r}")
    m, n = A.shape[-2:]
    vector = _is_vector(A, B)
    right = B.unsqueeze(-1) if vector else B
    if right.shape[-2] != m:
        raise ShapeError(f"lstsq: {tuple(A.shape)} and {tuple(B.shape)} do not fit: both must have as many rows")
    solution = pinv(A, rtol=rcond) @ right
    values = A.detach().svdvals() if driver in ("gelsd", "gelss") else zeros(0, dtype=A.dtype)
    batch = A._type_shape()[:-2]
    rank = zeros(0, dtype=int32).long() if driver == "gels" else A.detach().matrix_rank(rtol=rcond)
    is_full = driver == "gels" or bool((rank == n).all())
    # Where there are none, the empty tensor hangs on both matrices still, as PyTorch's does.
    left_over = A.reshape(-1)[:0] + right.reshape(-1)[:0]
    if m > n and is_full and prod(batch) and driver not in (None, "gelsy"):
        left_over = ((A @ solution - right) ** 2).sum(-2)
    return LeastSquares(solution.squeeze(-1) if vector else solution, left_over, rank, values)


# -- tensors as matrices ----------------------------------------------------------------------------------------------


def tensorinv(A: Any, ind: int = 2, *, out: Any = None) -> Any:
    """The inverse of a tensor as a map from its last axes to its first `ind`. Source: torch.linalg.tensorinv.

    >>> import retrograd as rg
    >>> rg.linalg.tensorinv(rg.eye(6).reshape(2, 3, 6), ind=2).shape
    retrograd.Size([6, 2, 3])
    """
    shape = A._type_shape()
    if ind <= 0:
        raise OptionError(f"tensorinv: ind must be positive, and is {ind}")
    if prod(shape[:ind]) != prod(shape[ind:]):
        raise ShapeError(f"tensorinv: the first {ind} extents of {shape} must have the product of the others")
    flat = A.reshape(prod(shape[:ind]), -1)
    return deliver("tensorinv", inverse(flat).reshape(*shape[ind:], *shape[:ind]), out)


def tensorsolve(A: Any, B: Any, dims: Sequence[int] | None = None, *, out: Any = None) -> Any:
    """x with tensordot(A, x, x.ndim) = B. Source: torch.linalg.tensorsolve.

    >>> import retrograd as rg
    >>> rg.linalg.tensorsolve(rg.eye(6).reshape(2, 3, 6), rg.ones(2, 3))
    tensor([1., 1., 1., 1., 1., 1.])
    """
    if dims is not None:
        moved = [A._axis(d) for d in dims]
        A = A.permute(*(i for i in range(A.ndim) if i not in moved), *moved)
    shape = A._type_shape()[B.ndim :]
    if prod(shape) != B.numel():
        raise ShapeError(
            f"tensorsolve: {tuple(A.shape)} and {tuple(B.shape)} do not make as many equations as unknowns"
        )
    return deliver("tensorsolve", solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(*shape), out)
