"""Rows of linear algebra, primitives and composites; see `tests/support/table.py`.

Where only one triangle of a matrix is looked at, finite differences of single elements say nothing of the gradient,
which is that of symmetric matrices; `tests/tensor/test_linalg.py` has these.
"""

from __future__ import annotations

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Function, Refusal, Row, numbers, whole


def regular(*batch: int, n: int = 3, seed: int = 0) -> Array:
    """Matrices far from singular, with singular values far apart."""
    return np.asarray(numbers((*batch, n, n), seed) * 0.3 + np.diag(np.arange(1.0, n + 1)))


def definite(*batch: int, n: int = 3, seed: int = 0) -> Array:
    x = regular(*batch, n=n, seed=seed)
    return np.asarray(x @ np.swapaxes(x, -1, -2))


SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
_square = Refusal((numbers((2, 3)),), (), ShapeError, "square")


def _packed(*parts: Array) -> Array:
    return np.concatenate([np.reshape(x, (*x.shape[:-2], -1)) for x in parts], -1)


def _one(function: Function) -> Function:
    return lambda x, *rest: np.asarray(function(x, *rest))


def _cofactors(a: Array) -> Array:
    out = np.zeros_like(a)
    for i, j in np.ndindex(*a.shape[-2:]):
        minor = np.delete(np.delete(a, i, -2), j, -1)
        out[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


def _exponential(a: Array) -> Array:
    """By its series, of a matrix so small that it converges at once, squared again and again."""
    total, term = np.zeros_like(a), np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, 30):
        total = total + term
        term = term @ (a / 64) / k
    for _ in range(6):
        total = total @ total
    return total


def _eigh(a: Array, is_upper: bool) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(a, "U" if is_upper else "L")
    return values, vectors


def _svd_packed(a: Array, full: bool) -> Array:
    u, s, vh = np.linalg.svd(a, full)
    return _packed(u, s[..., None], vh)


def _elimination(a: Array) -> tuple[Array, Array, Array]:
    """Gauss, with the largest pivot: the factors, the rows exchanged, and their order."""
    lu, order, exchanged = a.copy(), list(range(len(a))), []
    for j in range(min(a.shape)):
        best = max(range(j, len(a)), key=lambda i: abs(lu[i, j]))
        exchanged.append(best + 1)
        lu[[j, best]] = lu[[best, j]]
        order[j], order[best] = order[best], order[j]
        for i in range(j + 1, len(a)):
            lu[i, j] /= lu[j, j]
            lu[i, j + 1 :] -= lu[i, j] * lu[j, j + 1 :]
    return lu, np.array(exchanged), np.array(order)


def _lu_packed(a: Array, _: bool) -> Array:
    lu, exchanged, order = _elimination(a)
    return np.concatenate([lu.ravel(), exchanged, order])


def _lu(a: Array, _: bool) -> tuple[Array, Array, Array]:
    lu, _exchanged, order = _elimination(a)
    k = min(a.shape)
    return np.eye(len(a))[:, order], np.tril(lu[:, :k], -1) + np.eye(*lu[:, :k].shape), np.triu(lu[:k])


def _lu_factor(a: Array, _: bool) -> tuple[Array, Array]:
    lu, exchanged, _order = _elimination(a)
    return lu, exchanged.astype(np.int32)


_tall, _wide = numbers((4, 3), 7), numbers((3, 4), 7)

LINALG_PRIMITIVE_ROWS: tuple[Row, ...] = (
    Row(
        "solve",
        (
            Case((regular(), numbers((3, 2), 1)), (), np.linalg.solve),
            Case((regular(2), numbers((2, 3, 1), 1)), (), np.linalg.solve),
            Case((SINGULAR, numbers((3, 2), 1)), (), lambda a, b: np.full_like(b, np.nan), None, False),
            Case((numbers((0, 0)), numbers((0, 2))), (), lambda a, b: b),
        ),
        (
            Refusal((numbers((2, 3)), numbers((2, 2))), (), ShapeError, "square"),
            Refusal((numbers((3, 3)), numbers((2, 2))), (), ShapeError, "do not fit"),
            Refusal((whole((2, 2)), whole((2, 2))), (), DTypeError, "floating-point"),
        ),
    ),
    Row(
        "det",
        (
            Case((regular(2),), (), np.linalg.det, "det"),
            Case((numbers((0, 0)),), (), np.linalg.det, "det"),
        ),
        (_square,),
    ),
    Row("cofactors", (Case((regular(2),), (), _cofactors), Case((SINGULAR,), (), _cofactors, None, False)), (_square,)),
    Row(
        "slogdet_factors",
        (Case((regular(2),), (), lambda a: np.stack(np.linalg.slogdet(a), -1)),),
        (_square,),
    ),
    Row(
        "matrix_exp", (Case((regular(2),), (), _exponential, "matrix_exp"), Case((4 * regular(),), (), _exponential,
        "matrix_exp", False)), (_square,),
    ),
    Row(
        "cholesky_factors",
        (
            Case((definite(2),), (), lambda a: np.linalg.cholesky(a).reshape(2, 9), None, False),
            Case((-definite(),), (), lambda a: np.full(9, np.nan), None, False),
        ),
        (_square,),
    ),
    Row(
        "qr_factors",
        (
            Case((regular(2),), (False,), lambda a, _: _packed(*np.linalg.qr(a))),
            Case((_tall,), (False,), lambda a, _: _packed(*np.linalg.qr(a))),
            Case((_wide,), (False,), lambda a, _: _packed(*np.linalg.qr(a))),
            Case((_tall,), (True,), lambda a, _: _packed(*np.linalg.qr(a, "complete")), None, False),
        ),
    ),
    Row(
        "eigh_factors",
        tuple(
            Case((definite(2),), (is_upper,), lambda a, u: np.concatenate([x.reshape(2, -1) for x in _eigh(a, u)],
            -1), None, False) for is_upper in (False, True)
        ),
        (Refusal((numbers((2, 3)),), (False,), ShapeError, "square"),),
    ),
    Row(
        "svd_factors",
        (
            Case((regular(2),), (False,), _svd_packed),
            Case((_tall,), (False,), _svd_packed),
            Case((_wide,), (False,), _svd_packed),
            Case((_tall,), (True,), _svd_packed, None, False),
        ),
    ),
    Row("lu_factors", tuple(Case((x,), (True,), _lu_packed) for x in (numbers((3, 3), 3), _tall, _wide))),
)  # fmt: skip


# -- composites -------------------------------------------------------------------------------------------------------


def _tolerances() -> tuple[Array, ...]:
    return np.array(0.0, np.float32), np.array(1e-6, np.float32)


def _triangular(a: Array, b: Array, is_upper: bool, left: bool, unit: bool, transpose: bool) -> Array:
    a = (np.triu if is_upper else np.tril)(a, (1 if is_upper else -1) if unit else 0) + (np.eye(len(a)) if unit else 0)
    a = a.T if transpose else a
    return np.asarray(np.linalg.solve(a, b) if left else np.linalg.solve(a.T, b.T).T)


def _lower(factor: Array, is_upper: bool) -> Array:
    return np.triu(factor).T if is_upper else np.tril(factor)


def _cholesky_solve(b: Array, factor: Array, is_upper: bool) -> Array:
    low = _lower(factor, is_upper)
    return np.asarray(np.linalg.solve(low @ low.T, b))


def _cholesky_inverse(factor: Array, is_upper: bool) -> Array:
    low = _lower(factor, is_upper)
    return np.asarray(np.linalg.inv(low @ low.T))


def _linalg_solve(a: Array, b: Array, is_vector: bool, left: bool) -> Array:
    return np.linalg.solve(a, b) if left else np.asarray(b @ np.linalg.inv(a))


def _matrix_norm(a: Array, kind: str, axes: tuple[int, int], keepdim: bool) -> Array:
    order = kind if kind in ("fro", "nuc") else float(kind)
    return np.asarray(np.linalg.norm(a, order, axes, keepdim))


def _reflections(a: Array, tau: Array) -> Array:
    product = np.eye(len(a))
    for i in range(len(tau)):
        v = np.concatenate([np.zeros(i), [1.0], a[i + 1 :, i]])
        product = product @ (np.eye(len(a)) - tau[i] * np.outer(v, v))
    return product[:, : a.shape[1]]


_apart = 3 * numbers((2, 3, 4), 3)

LINALG_ROWS: tuple[Row, ...] = (
    Row("inv", (Case((regular(2),), (), np.linalg.inv, "inverse"),), (_square,)),
    Row(
        "linalg_solve",
        (
            Case((regular(2), numbers((3, 2), 1)), (False, True), _linalg_solve),
            Case((regular(), numbers((3,), 1)), (True, True), _linalg_solve),
            Case((regular(), numbers((2, 3), 1)), (False, False), _linalg_solve),
        ),
    ),
    Row(
        "solve_triangular",
        tuple(
            Case((regular(), numbers((3, 3), 1)), (u, left, unit, transpose), _triangular)
            for u, left, unit, transpose in (
                (True, True, False, False), (False, True, True, False), (True, False, False, False), (False, True,
                False, True)
            )
        ),
    ),
    *(
        Row(name, tuple(Case((*more, regular()), (upper,), numpy) for upper in (False, True)))
        for name, more, numpy in (
            ("cholesky_solve", (numbers((3, 2), 1),), _cholesky_solve),
            ("cholesky_inverse", (), _cholesky_inverse),
        )
    ),
    Row("linalg_det", (
        Case((regular(2),), (), np.linalg.det, "det"), Case((SINGULAR,), (), np.linalg.det, None, False)
    ), (_square,)),
    Row("slogdet", (Case((regular(2),), (), lambda a: tuple(np.linalg.slogdet(a))),), (_square,)),
    Row("logdet", (Case((regular(2),), (), lambda a: np.log(np.linalg.det(a)), "logdet"),)),
    Row("linalg_matrix_exp", (Case((regular(2),), (), _exponential, "matrix_exp"),)),
    Row(
        "cholesky",
        tuple(
            Case((definite(2),), (u,), lambda a, u: np.swapaxes(np.linalg.cholesky(a), -1, -2) if u else
            np.linalg.cholesky(a), None, False) for u in (False, True)
        ),
    ),
    Row("qr", tuple(Case((x,), (False,), lambda a, _: tuple(np.linalg.qr(a))) for x in (regular(2), _tall, _wide))),
    Row("eigh", tuple(Case((definite(2),), (u,), _eigh, None, False) for u in (False, True))),
    Row("svd", tuple(
        Case((x,), (False,), lambda a, _: tuple(np.linalg.svd(a, False))) for x in (regular(2), _tall, _wide)
    )),
    Row("svdvals", (Case((regular(2),), (), _one(lambda a: np.linalg.svd(a, compute_uv=False))),)),
    Row("lu", tuple(Case((x,), (True,), _lu) for x in (numbers((3, 3), 3), _tall, _wide))),
    Row("lu_factor", tuple(Case((x,), (True,), _lu_factor) for x in (numbers((3, 3), 3), _tall, _wide))),
    Row(
        "pinv",
        (
            *(Case((x, *_tolerances()), (False,), lambda a, *_: np.linalg.pinv(a)) for x in (_tall, _wide, regular(2))),
            Case((SINGULAR, *_tolerances()), (False,), lambda a, *_: np.linalg.pinv(a, 1e-6), None, False),
            Case((definite(), *_tolerances()), (True,), lambda a, *_: np.linalg.inv(a), None, False),
        ),
    ),
    Row(
        "matrix_rank",
        (
            Case((SINGULAR, *_tolerances()), (False,), lambda a, *_: np.linalg.matrix_rank(a), None, False),
            Case((regular(2), *_tolerances()), (False,), lambda a, *_: np.linalg.matrix_rank(a), None, False),
            Case((definite(), *_tolerances()), (True,), lambda a, *_: np.linalg.matrix_rank(a), None, False),
        ),
    ),
    Row(
        "matrix_norm",
        tuple(
            Case((_apart,), (kind, axes, keep), _matrix_norm)
            for kind in ("fro", "nuc", "1", "-1", "2", "-2", "inf", "-inf")
            for axes, keep in (((1, 2), False), ((2, 0), True))
        ),
        (Refusal((numbers((0, 3)),), ("inf", (0, 1), False), ShapeError, ""),),
    ),
    Row(
        "householder_product", (Case((numbers((4, 3), 2), numbers((3,), 1)), (), _reflections), Case((numbers((4, 3),
        2), numbers((2,), 1)), (), _reflections)),
    ),
)  # fmt: skip
