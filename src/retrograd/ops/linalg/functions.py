"""Functions of matrices composed of decompositions: pseudo-inverses, ranks, norms, conditions, and the exponential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import Shape, TensorType
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.linalg.decompositions import EIGH_FACTORS, SVD_FACTORS
from retrograd.ops.linalg.factors import Array, batched_fully, one_by_one, require_matrices
from retrograd.ops.linalg.matrices import block, columns_scaled, identity, inverse_or_zero, lower, product, transposed
from retrograd.ops.movement import broadcast_to, concat, permute, reshape
from retrograd.ops.reduce import drop_axes, max_keepdim, min_keepdim, sum_keepdim
from retrograd.ops.vector_norm import vector_norm

# -- ranks and pseudo-inverses ----------------------------------------------------------------------------------------


def _small(s: Node, atol: Node, rtol: Node) -> Node:
    """Which singular values count as 0: those not above the absolute tolerance and not above that times the largest."""
    last = len(s.type.shape) - 1
    if s.type.shape[last] == 0:
        return e.ne(s, s)
    largest = broadcast_to(max_keepdim(e.absolute(s), (last,)), s.type.shape)
    bound = e.maximum(_for_each(atol, s), e.mul(_for_each(rtol, s), largest))
    return e.le(e.absolute(s), bound)


def _for_each(tolerance: Node, s: Node) -> Node:
    """A tolerance, or one for each matrix, beside all singular values."""
    tolerance = e.cast(tolerance, s.type.dtype)
    return broadcast_to(reshape(tolerance, (*tolerance.type.shape, 1)), s.type.shape)


def _pinv_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node | None, ...]:
    """Golub and Pereyra (1973): -p^T g p^T + (1 - a p) g^T p p^T + p^T p g^T (1 - p a), p the pseudo-inverse."""
    a, p = x[0], y
    pt, gt = transposed(p), transposed(g)
    left, right = product(a, p), product(p, a)
    terms = e.neg(product(pt, g, pt))
    terms = e.add(terms, product(e.sub(identity(left), left), gt, p, pt))
    return (e.add(terms, product(pt, p, gt, e.sub(identity(right), right))), None, None)


@composite("pinv", _pinv_gradient)
def PINV(a: Node, atol: Node, rtol: Node, hermitian: bool) -> Node:
    """The pseudo-inverse: the inverse of what singular values above the tolerances leave."""
    if hermitian:
        w, v = EIGH_FACTORS(a, False)
        inverted = e.select(_small(w, atol, rtol), like(0, w), inverse_or_zero(w))
        return product(columns_scaled(v, inverted), transposed(v))
    u, s, vh = SVD_FACTORS(a, False)
    inverted = e.select(_small(s, atol, rtol), like(0, s), inverse_or_zero(s))
    return product(columns_scaled(transposed(vh), inverted), transposed(u))


@composite("matrix_rank")
def MATRIX_RANK(a: Node, atol: Node, rtol: Node, hermitian: bool) -> Node:
    """How many singular values are above the tolerances."""
    s = EIGH_FACTORS(a, False)[0] if hermitian else SVD_FACTORS(a, False)[1]
    axes = (len(s.type.shape) - 1,)
    return drop_axes(sum_keepdim(e.cast(e.invert(_small(s, atol, rtol)), int64), axes), axes)


# -- norms ------------------------------------------------------------------------------------------------------------


@composite("matrix_norm")
def MATRIX_NORM(a: Node, kind: str, axes: Shape, keepdim: bool) -> Node:
    """Of the matrices that two axes make: "fro", "nuc", "1" and "inf" (largest sums of columns, of rows), "2" (largest
    singular value), and with a minus sign the smallest of these.
    """
    ndim = len(a.type.shape)
    others = tuple(i for i in range(ndim) if i not in axes)
    x = permute(a, (*others, *axes))
    last = len(others)
    if kind == "fro":
        norm = vector_norm(x, (), "2", (last, last + 1), False)
    elif kind.lstrip("-") in ("nuc", "2"):
        norm = _spectral(SVD_FACTORS(x, False)[1], kind)
    else:
        over = last if kind.lstrip("-") == "1" else last + 1
        sums = drop_axes(sum_keepdim(e.absolute(x), (over,)), (over,))
        norm = _extreme(sums, kind)
    if keepdim:
        shape = tuple(1 if i in axes else n for i, n in enumerate(a.type.shape))
        norm = reshape(norm, shape)
    return norm


def _spectral(s: Node, kind: str) -> Node:
    axes = (len(s.type.shape) - 1,)
    return drop_axes(sum_keepdim(s, axes), axes) if kind == "nuc" else _extreme(s, kind)


def _extreme(x: Node, kind: str) -> Node:
    """The largest along the last axis, or the smallest."""
    axes = (len(x.type.shape) - 1,)
    if x.type.shape[-1] == 0:
        raise ShapeError(f"matrix_norm: a matrix without elements has no norm of order {kind}")
    return drop_axes((min_keepdim if kind.startswith("-") else max_keepdim)(x, axes), axes)


# -- the exponential --------------------------------------------------------------------------------------------------

# Of the approximation (p + q) / (p - q) after Pade, of order 13: even terms make p, odd ones q.
_PADE = [math.comb(13, k) * math.factorial(26 - k) / math.factorial(26) for k in range(14)]
# Up to this 1-norm the approximation is exact to rounding; beyond, the matrix is halved first and the result squared.
_PADE_BOUND = 5.37


def _exponential(a: Array) -> Array:
    wide = a.astype(np.float64)
    norm = np.abs(wide).sum(-2).max(-1)[..., None, None]
    halvings = np.ceil(np.log2(np.maximum(norm / _PADE_BOUND, 1.0)))
    x = wide / 2.0**halvings
    even, odd, power = np.zeros_like(x), np.zeros_like(x), np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k, c in enumerate(_PADE):
        even, odd = (even + c * power, odd) if k % 2 == 0 else (even, odd + c * power)
        power = power @ x
    result = np.linalg.solve(even - odd, even + odd)
    for i in range(int(np.nanmax(halvings, initial=0.0))):
        result = np.where(halvings > i, result @ result, result)
    return result


def _infer_exponential(types: tuple[TensorType, ...]) -> TensorType:
    require_matrices("matrix_exp", types[0], square=True)
    return types[0]


def _exponential_reference(a: Array) -> Array:
    return one_by_one(_exponential, [a], a.shape[-2:]).astype(a.dtype) if a.size else a


def _exponential_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    """The corner of exp([[a^T, g], [0, a^T]]); Mathias (1996)."""
    at = transposed(x[0])
    n, last = at.type.shape[-1], len(at.type.shape) - 1
    above = concat((at, g), last)
    below = concat((like(0, at), at), last)
    whole = record(MATRIX_EXP, (concat((above, below), last - 1),))
    return (block(whole, (0, n), (n, 2 * n)),)


MATRIX_EXP: Primitive = register(
    Primitive(
        "matrix_exp",
        _infer_exponential,
        _exponential_reference,
        _exponential_gradient,
        batched_fully(lambda: MATRIX_EXP),
    )
)


@composite("linalg_matrix_exp")
def LINALG_MATRIX_EXP(a: Node) -> Node:
    """1 + a + a^2 / 2 + a^3 / 6 + ..."""
    return record(MATRIX_EXP, (a,))


# -- Householder ------------------------------------------------------------------------------------------------------


@composite("householder_product")
def HOUSEHOLDER_PRODUCT(a: Node, tau: Node) -> Node:
    """The first n columns of (1 - tau_1 v_1 v_1^T) (1 - tau_2 v_2 v_2^T) ..., v_i from column i below the diagonal."""
    m, count = a.type.shape[-2], tau.type.shape[-1]
    vectors = block(a, (0, m), (0, count))
    columns = e.add(lower(vectors, strictly=True), identity(vectors))
    result = identity(a)
    for i in reversed(range(count)):
        v = block(columns, (0, m), (i, i + 1))
        scale = block(reshape(tau, (*tau.type.shape[:-1], 1, count)), (0, 1), (i, i + 1))
        along = product(transposed(v), result)
        result = e.sub(result, e.mul(broadcast_to(scale, result.type.shape), product(v, along)))
    return result
