"""Singular values and principal components by random projections."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.linalg.decomposing import SingularVectors, linalg_qr, linalg_svd
from retrograd.tensor.random import randn


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> SingularVectors:
    """U, S and V of a matrix of low rank, with U diag(S) V^T nearly A (less M).

    A random basis of q directions is turned towards those that A stretches most; the rest is a small decomposition.

    Args:
        A: (..., m, n).
        q: about the rank; somewhat more is better.
        niter: how often the basis is turned.
        M: (..., m, n) or what broadcasts to it, subtracted from A.

    Returns:
        U (..., m, q), S (..., q), V (..., n, q); with a q that is larger than m or n, as many as the smaller one.

    Raises:
        OptionError: q or `niter` is negative.

    Source: torch.svd_lowrank, whose random basis it draws for the same seed; Halko, Martinsson and Tropp (2009),
    algorithm 5.1.

    >>> import retrograd as rg
    >>> U, S, V = rg.svd_lowrank(rg.outer(rg.tensor([1.0, 2.0, 2.0]), rg.tensor([3.0, 4.0])), q=1)
    >>> S.round(decimals=3)
    tensor([15.])
    """
    operand("svd_lowrank", A)
    wanted, turns = 6 if q is None else q, 2 if niter is None else niter
    if turns < 0 or wanted < 0:
        raise OptionError(f"svd_lowrank: q and niter must not be negative, and are {q} and {niter}")
    x = A if M is None else A - M
    is_wide = x.shape[-2] < x.shape[-1]
    x = x.mT if is_wide else x
    basis = _basis(x, wanted, turns)
    U, S, Vh = linalg_svd(basis.mT @ x, full_matrices=False)
    U, V = basis @ U, Vh.mT
    return SingularVectors(V, S, U) if is_wide else SingularVectors(U, S, V)


def _basis(x: Any, q: int, turns: int) -> Any:
    """Orthogonal columns that nearly span those of a matrix."""
    basis = linalg_qr(x @ randn(x.shape[-1], q, dtype=x.dtype)).Q
    for _ in range(turns):
        basis = linalg_qr(x.mT @ basis).Q
        basis = linalg_qr(x @ basis).Q
    return basis


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> SingularVectors:
    """The principal components of rows: `svd_lowrank` of a matrix whose columns are centered.

    Args:
        A: (..., m, n), m samples of n numbers.
        q: how many components; min(6, m, n) where None.
        center: whether the mean of each column is subtracted.
        niter: as for `svd_lowrank`.

    Returns:
        U (..., m, q), S (..., q) and V (..., n, q), whose columns are the directions of the components.

    Raises:
        OptionError: q is larger than m or n, or `niter` is negative.

    Source: torch.pca_lowrank.

    >>> import retrograd as rg
    >>> rows = rg.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> rg.pca_lowrank(rows, q=1).V.abs().round(decimals=4)
    tensor([[0.7071],
            [0.7071]])
    """
    operand("pca_lowrank", A)
    wanted = min(6, *A.shape[-2:]) if q is None else q
    if wanted > min(A.shape[-2:]):
        raise OptionError(f"pca_lowrank: q must be at most {min(A.shape[-2:])}, the smaller extent, and is {q}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, wanted, niter)
