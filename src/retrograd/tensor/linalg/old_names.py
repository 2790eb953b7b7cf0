"""LU decompositions under the names that torch.linalg has replaced."""

from __future__ import annotations

from typing import Any

from retrograd.tensor.linalg.decomposing import lu_factor_ex
from retrograd.tensor.linalg.solving import lu_solve as linalg_lu_solve
from retrograd.tensor.registry import method


@method()
def lu(A: Any, pivot: bool = True, get_infos: bool = False) -> tuple[Any, ...]:
    """L and U in one matrix, the exchanges of rows, and, if asked for, where U has a 0. See `linalg.lu_factor`.

    Args:
        A: (..., m, n).
        pivot: whether rows are exchanged.
        get_infos: whether the number of the first 0 on U's diagonal, or 0, is given too.

    Source: torch.lu.

    >>> import retrograd as rg
    >>> LU, pivots = rg.tensor([[0.0, 2.0], [4.0, 0.0]]).lu()
    >>> pivots
    tensor([2, 2], dtype=retrograd.int32)
    """
    factors, pivots, info = lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return (factors, pivots, info) if get_infos else (factors, pivots)


@method()
def lu_solve(input: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """x with A x = b for the right sides `input`, from the result of `lu_factor(A)`. See `linalg.lu_solve`.

    Source: torch.lu_solve.

    >>> import retrograd as rg
    >>> LU, pivots = rg.linalg.lu_factor(rg.tensor([[0.0, 2.0], [4.0, 0.0]]))
    >>> rg.lu_solve(rg.tensor([[2.0], [4.0]]), LU, pivots)
    tensor([[1.],
            [1.]])
    """
    return linalg_lu_solve(LU_data, LU_pivots, input, out=out)
