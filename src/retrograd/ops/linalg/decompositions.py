"""Cholesky, QR, symmetric eigenvalue, singular value and LU decompositions, as primitives and as composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int32
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import iota, like
from retrograd.ops.linalg.factors import Array, Decomposition
from retrograd.ops.linalg.matrices import (
    block,
    columns_scaled,
    diagonal_matrix,
    diagonal_scaled,
    differences,
    identity,
    inverse_or_zero,
    lower,
    product,
    rows_scaled,
    symmetric,
    transposed,
    upper,
)
from retrograd.ops.linalg.solve import solve
from retrograd.ops.movement import broadcast_to, concat, reshape

# -- Cholesky: a = l l^T ----------------------------------------------------------------------------------------------


def _cholesky_gradient(g: list[Node], a: Node, factors: list[Node], _: Any) -> Node:
    """l^-T phi(l^T gl) l^-1, symmetric; phi takes the lower triangle and halves its diagonal."""
    (low,) = factors
    phi = diagonal_scaled(lower(product(transposed(low), g[0])), 0.5)
    half = solve(transposed(low), phi)
    return symmetric(transposed(solve(transposed(low), transposed(half))))


CHOLESKY_FACTORS = Decomposition(
    "cholesky_factors", lambda m, n: ((n, n),), lambda a: [np.linalg.cholesky(a)], _cholesky_gradient, square=True
)


@composite("cholesky")
def CHOLESKY(a: Node, is_upper: bool) -> Node:
    """The lower triangle l with l l^T = a, or l^T; only the triangle of a that is asked for is looked at."""
    (low,) = CHOLESKY_FACTORS(transposed(a) if is_upper else a)
    return transposed(low) if is_upper else low


# -- QR: a = q r ------------------------------------------------------------------------------------------------------


def _qr_shapes(m: int, n: int, complete: bool) -> tuple[Shape, ...]:
    k = m if complete else min(m, n)
    return (m, k), (k, n)


def _qr_gradient(g: list[Node], a: Node, factors: list[Node], attributes: Any) -> Node:
    """Of a = q r with square r: (gq + q s) r^-T; s is symmetric, its upper triangle that of gr r^T - q^T gq.

    Where a has more columns than rows, the rest of them is q times the rest of r.
    """
    (gq, gr), (q, r) = g, factors
    m, n = a.type.shape[-2:]
    if n > m:
        rest, g_rest = block(a, (0, m), (m, n)), block(gr, (0, m), (m, n))
        gq = e.add(gq, product(rest, transposed(g_rest)))
        first = _square_qr_gradient(gq, block(gr, (0, m), (0, m)), q, block(r, (0, m), (0, m)))
        return concat((first, product(q, g_rest)), len(a.type.shape) - 1)
    return _square_qr_gradient(gq, gr, q, r)


def _square_qr_gradient(gq: Node, gr: Node, q: Node, r: Node) -> Node:
    inner = upper(e.sub(product(gr, transposed(r)), product(transposed(q), gq)))
    inner = diagonal_scaled(e.add(inner, transposed(inner)), 0.5)
    return transposed(solve(r, transposed(e.add(gq, product(q, inner)))))


QR_FACTORS = Decomposition(
    "qr_factors",
    _qr_shapes,
    lambda a, complete: np.linalg.qr(a, "complete" if complete else "reduced"),
    _qr_gradient,
)


@composite("qr")
def QR(a: Node, complete: bool) -> tuple[Node, Node]:
    """q with orthonormal columns and r, upper triangular, with q r = a."""
    q, r = QR_FACTORS(a, complete)
    return q, r


# -- symmetric eigenvalues: a = v diag(w) v^T -------------------------------------------------------------------------


def _eigh_reference(a: Array, is_upper: bool) -> list[Array]:
    values, vectors = np.linalg.eigh(a, "U" if is_upper else "L")
    return [values, vectors]


def _eigh_gradient(g: list[Node], a: Node, factors: list[Node], _: Any) -> Node:
    """v (diag(gw) + skew(v^T gv) / (w_j - w_i)) v^T, symmetric; skew(x) = (x - x^T) / 2."""
    (gw, gv), (w, v) = g, factors
    inner = symmetric(e.mul(product(transposed(v), gv), inverse_or_zero(differences(w))))
    return product(v, e.add(diagonal_matrix(gw), inner), transposed(v))


EIGH_FACTORS = Decomposition(
    "eigh_factors", lambda m, n, is_upper: ((n,), (n, n)), _eigh_reference, _eigh_gradient, square=True
)


@composite("eigh")
def EIGH(a: Node, is_upper: bool) -> tuple[Node, Node]:
    """Eigenvalues in ascending order and eigenvectors of symmetric matrices, of which one triangle is looked at."""
    w, v = EIGH_FACTORS(a, is_upper)
    return w, v


# -- singular values: a = u diag(s) v^T -------------------------------------------------------------------------------


def _svd_shapes(m: int, n: int, full: bool) -> tuple[Shape, ...]:
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full else ((m, k), (k,), (k, n))


def _svd_gradient(g: list[Node], a: Node, factors: list[Node], _: Any) -> Node:
    """With e_ij = s_j^2 - s_i^2 and skew(x) = x - x^T: u (skew(u^T gu) / e s + s skew(v^T gv) / e + diag(gs)) v^T,

    and what gu and gv have outside of the spaces that u and v span.
    """
    m, n = a.type.shape[-2:]
    k = min(m, n)
    gs, s = g[1], factors[1]
    gu, u = (block(x[0], (0, m), (0, k)) for x in (g, factors))
    gvh, vh = (block(x[2], (0, k), (0, n)) for x in (g, factors))
    apart = inverse_or_zero(differences(e.mul(s, s)))
    of_u, of_v = product(transposed(u), gu), product(gvh, transposed(vh))
    # skew(v^T gv) = v^T gv - gv^T v, and gv is the transpose of gvh.
    left = columns_scaled(e.mul(e.sub(of_u, transposed(of_u)), apart), s)
    right = rows_scaled(e.mul(e.sub(transposed(of_v), of_v), apart), s)
    inner = product(u, e.add(e.add(left, right), diagonal_matrix(gs)), vh)
    inverse = inverse_or_zero(s)
    if m > k:
        outside = columns_scaled(e.sub(gu, product(u, of_u)), inverse)
        inner = e.add(inner, product(outside, vh))
    if n > k:
        outside = rows_scaled(e.sub(gvh, product(of_v, vh)), inverse)
        inner = e.add(inner, product(u, outside))
    return inner


SVD_FACTORS = Decomposition("svd_factors", _svd_shapes, lambda a, full: np.linalg.svd(a, full), _svd_gradient)


@composite("svd")
def SVD(a: Node, full: bool) -> tuple[Node, Node, Node]:
    """u, the singular values in descending order, and v^T."""
    u, s, vh = SVD_FACTORS(a, full)
    return u, s, vh


@composite("svdvals")
def SVDVALS(a: Node) -> Node:
    """The singular values in descending order."""
    return SVD_FACTORS(a, False)[1]


# -- LU with partial pivoting: a = p l u ------------------------------------------------------------------------------


def _lu_one(a: Array, pivot: bool) -> list[Array]:
    """l and u in one matrix, the row that each step exchanged with its own (from 1), and the order of the rows."""
    m, n = a.shape
    lu, order, exchanged = a.copy(), np.arange(m), np.arange(min(m, n))
    for j in range(min(m, n)):
        best = j + int(np.argmax(np.abs(lu[j:, j]))) if pivot else j
        exchanged[j] = best
        if best != j:
            lu[[j, best]], order[[j, best]] = lu[[best, j]], order[[best, j]]
        if lu[j, j] != 0:
            lu[j + 1 :, j] /= lu[j, j]
            lu[j + 1 :, j + 1 :] -= np.outer(lu[j + 1 :, j], lu[j, j + 1 :])
    return [lu, exchanged + 1.0, order.astype(a.dtype)]


def _lu_reference(a: Array, pivot: bool) -> list[Array]:
    batch = a.shape[:-2]
    parts = [_lu_one(a[place], pivot) for place in np.ndindex(*batch)]
    return [np.stack(column).reshape(*batch, *column[0].shape) for column in zip(*parts, strict=True)]


def _lu_gradient(g: list[Node], a: Node, factors: list[Node], _: Any) -> Node:
    """Of square matrices: p l^-T (tril(l^T gl) + triu(gu u^T)) u^-T, the lower triangle without its diagonal."""
    lu, _, order = factors
    m, n = a.type.shape[-2:]
    k = min(m, n)
    corner, g_corner = (block(x, (0, k), (0, k)) for x in (lu, g[0]))
    low, up = e.add(lower(corner, strictly=True), identity(corner)), upper(corner)
    gl, gu = lower(g_corner, strictly=True), upper(g_corner)
    parts: tuple[Node, ...] = ()
    if m > n:
        below, g_below = (block(x, (k, m), (0, n)) for x in (lu, g[0]))
        outside = transposed(solve(up, transposed(g_below)))
        gu = e.sub(gu, upper(product(transposed(below), outside)))
        parts = (outside,)
    elif n > m:
        beside, g_beside = (block(x, (0, m), (k, n)) for x in (lu, g[0]))
        outside = solve(transposed(low), g_beside)
        gl = e.sub(gl, lower(product(outside, transposed(beside)), strictly=True))
        parts = (outside,)
    inner = e.add(lower(product(transposed(low), gl), strictly=True), upper(product(gu, transposed(up))))
    inner = solve(transposed(low), inner)
    inner = transposed(solve(up, transposed(inner)))
    last = len(a.type.shape) - 1
    whole = concat((inner, *parts), last - 1 if m > n else last)
    return product(permutation(order), whole)


def permutation(order: Node) -> Node:
    """The matrix with ones at (order[j], j)."""
    shape = (*order.type.shape, order.type.shape[-1])
    rows = e.cast(iota(shape, len(shape) - 2), order.type.dtype)
    across = broadcast_to(reshape(order, (*order.type.shape[:-1], 1, order.type.shape[-1])), shape)
    return e.select(e.eq(rows, across), like(1, rows), like(0, rows))


LU_FACTORS = Decomposition("lu_factors", lambda m, n, pivot: ((m, n), (min(m, n),), (m,)), _lu_reference, _lu_gradient)


@composite("lu_factor")
def LU_FACTOR(a: Node, pivot: bool) -> tuple[Node, Node]:
    """l (below the diagonal) and u in one matrix, and the rows that were exchanged."""
    lu, exchanged, _ = LU_FACTORS(a, pivot)
    return lu, e.cast(exchanged, int32)


@composite("lu")
def LU(a: Node, pivot: bool) -> tuple[Node, Node, Node]:
    """The permutation p, l with ones on its diagonal, and u, with p l u = a."""
    lu, _, order = LU_FACTORS(a, pivot)
    m, n = a.type.shape[-2:]
    k = min(m, n)
    left = block(lu, (0, m), (0, k))
    return permutation(order), e.add(lower(left, strictly=True), identity(left)), upper(block(lu, (0, k), (0, n)))
