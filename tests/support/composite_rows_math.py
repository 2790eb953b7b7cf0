"""Rows of reductions, norms, products, and what joins and strides; see `tests/support/table.py`."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Function, Refusal, Row, numbers, whole

_AXES = (((1,), False), ((0, 1), True), ((0,), True))


def _reduction(name: str, numpy: Function, tail: tuple[Any, ...] = (), smooth: bool = True) -> Row:
    def along(x: Array, axes: tuple[int, ...], keepdim: bool, *_: Any) -> Any:
        return numpy(x, axis=axes, keepdims=keepdim)

    cases = tuple(Case((numbers((2, 3), 5),), (axes, keep, *tail), along, None, smooth) for axes, keep in _AXES)
    return Row(name, (*cases, Case((numbers(()),), ((), False, *tail), along, None, smooth)))


def _logsumexp(x: Array, **options: Any) -> Array:
    return np.log(np.exp(x).sum(**options))


def _spread(name: str, numpy: Function) -> Row:
    """A variance or the like: the correction is an operand; axes, keepdim."""
    cases = tuple(
        Case((numbers((3, 4), 5), np.array(correction, np.float32)), (axes, keep), numpy)
        for (axes, keep), correction in zip(_AXES, (1, 0, 0.5), strict=True)
    )
    return Row(name, cases)


def _std(x: Array, correction: Array, axes: Any, keep: bool) -> Array:
    return np.asarray(np.std(x, axis=axes, ddof=float(correction), keepdims=keep))


def _mean(x: Array, axes: Any, keep: bool) -> Array:
    return np.asarray(np.mean(x, axis=axes, keepdims=keep))


_holes = np.array([[1.0, np.nan, 2.0], [np.nan, 3.0, 4.0]])

_REDUCTIONS = (
    _reduction("logsumexp", _logsumexp),
    _reduction("nansum", np.nansum, ("float64",)),
    _reduction("nanmean", np.nanmean),
    _spread("std", _std),
    _spread("std_mean", lambda x, c, a, k: (_std(x, c, a, k), _mean(x, a, k))),
    _spread("var_mean", lambda x, c, a, k: (_std(x, c, a, k) ** 2, _mean(x, a, k))),
    Row(
        "aminmax",
        tuple(
            Case((numbers((2, 3), 5),), (a, k), lambda x, a, k: (x.min(a, keepdims=k), x.max(a, keepdims=k)))
            for a, k in _AXES
        ),
    ),
    Row(
        "count_nonzero", tuple(Case((whole((3, 4), 1, -1, 2),), (a,), lambda x, a: np.count_nonzero(x, a), None,
        False) for a in ((0,), (0, 1))),
    ),
    Row(
        "trace",
        (
            Case((numbers((3, 3)),), (), np.trace, "trace"),
            Case((numbers((2, 3)),), (), np.trace, "trace"),
            Case((whole((3, 3)),), (), np.trace, "trace", False),
        ),
    ),
)  # fmt: skip


# -- norms ------------------------------------------------------------------------------------------------------------


def _order(rest: tuple[Any, ...]) -> Any:
    kind = rest[-1]
    return {"inf": np.inf, "-inf": -np.inf}.get(kind) or (float(rest[0]) if kind == "p" else int(kind))


def _norm(x: Array, order: Any, axes: Any, keep: bool) -> Array:
    size = np.abs(x)
    if order == 0:
        return np.asarray((x != 0).sum(axes, keepdims=keep).astype(x.dtype))
    if np.isinf(order):
        return np.asarray((size.max if order > 0 else size.min)(axes, keepdims=keep))
    return np.asarray((size**order).sum(axes, keepdims=keep) ** (1 / order))


def _vector_norm(x: Array, *rest: Any) -> Array:
    return _norm(x, _order(rest[:-2]), *rest[-2:])


def _dist(a: Array, b: Array, *rest: Any) -> Array:
    return _norm(a - b, _order(rest), None, False)


def _cdist(a: Array, b: Array, *rest: Any) -> Array:
    return _norm(a[..., :, None, :] - b[..., None, :, :], _order(rest), -1, False)


def _renorm(x: Array, most: Any, *rest: Any) -> Array:
    *order, axis = rest
    norm = _norm(x, _order(tuple(order)), tuple(i for i in range(x.ndim) if i != axis), True)
    return np.where(norm > most, x * most / (norm + 1e-7), x)


_CUBE, _HALF = (np.array(3.0, np.float32),), (np.array(-1.5, np.float32),)
_KINDS: tuple[tuple[tuple[Array, ...], str], ...] = (((), "0"), ((), "1"), ((), "2"), (_CUBE, "p"), (_HALF, "p"))
_EXTREMES = (((), "inf"), ((), "-inf"))


def _norms(name: str, kinds: Any) -> Row:
    cases = [
        Case((numbers((2, 3), 5), *p), (kind, axes, keep), _vector_norm) for p, kind in kinds for axes, keep in _AXES
    ]
    return Row(name, tuple(cases))


_most = np.array(1.2, np.float32)

_NORMS = (
    _norms("vector_norm", _KINDS),
    _norms("vector_norm.extremum", _EXTREMES),
    Row("norm", _norms("norm", (*_KINDS, *_EXTREMES)).cases,
        (Refusal((whole((2,)),), ("2", (0,), False), DTypeError, "floating-point"),)),
    Row("dist", tuple(
        Case((numbers((2, 3)), numbers((3,), 1), *p), (kind,), _dist) for p, kind in (*_KINDS, *_EXTREMES)
    )),
    Row(
        "cdist",
        (
            *(Case((numbers((4, 3)), numbers((2, 3), 1), *p), (kind,), _cdist) for p, kind in (*_KINDS[:4],
            _EXTREMES[0])), Case((numbers((2, 1, 4, 3)), numbers((3, 2, 3), 1)), ("2",), _cdist, "cdist"),
        ),
        (Refusal((numbers((4, 3)), numbers((4, 2))), ("2",), ShapeError, "do not fit"),),
    ),
    Row(
        "renorm",
        tuple(
            Case((numbers((2, 3, 2), 5), _most, *p), (kind, axis), _renorm, None, kind != "0")
            for p, kind in (_KINDS[1], _KINDS[2], _KINDS[3])
            for axis in (0, 1)
        ),
        (Refusal((numbers((3,)), _most), ("2", 0), ShapeError, "at least 2 axes"),),
    ),
)  # fmt: skip

# -- products ---------------------------------------------------------------------------------------------------------


def _product(name: str, numpy: Function, a: tuple[int, ...], b: tuple[int, ...], attributes: Any = ()) -> Row:
    cases = (Case((numbers(a), numbers(b, 1)), attributes, lambda x, y, *_: numpy(x, y), None if attributes else name),)
    return Row(name, cases, (Refusal((numbers((2, 3, 4, 5)), numbers((7,))), attributes, ShapeError, ""),))


def _scaled(name: str, numpy: Function, *shapes: tuple[int, ...]) -> Row:
    given = tuple(numbers(shape, i) for i, shape in enumerate(shapes))
    numbers_ = (np.array(0.5), np.array(3.0))
    return Row(
        name,
        (
            Case((*given, *numbers_), (False,), lambda x, a, b, beta, alpha, _: beta * x + alpha * numpy(a, b)),
            Case((*given, *numbers_), (True,), lambda x, a, b, beta, alpha, _: alpha * numpy(a, b)),
        ),
    )


def _tensordot(a: Array, b: Array, over_a: Any, over_b: Any) -> Array:
    return np.tensordot(a, b, (over_a, over_b))


def _power(x: Array, n: int) -> Array:
    return np.asarray(np.linalg.matrix_power(x, n))


def _letters(labels: tuple[str, ...]) -> str:
    return "".join("XYZ"[int(label)] if label.isdigit() else label for label in labels)


def _einsum(*given: Any) -> Array:
    *arrays, inputs, output = given
    return np.asarray(np.einsum(",".join(map(_letters, inputs)) + "->" + _letters(output), *arrays))


def _summed(equation: str, *shapes: tuple[int, ...]) -> Case:
    left, right = equation.split("->")
    labels = tuple(tuple(term) for term in left.split(","))
    return Case(tuple(numbers(s, i) for i, s in enumerate(shapes)), (labels, tuple(right)), _einsum)


_PRODUCTS = (
    _product("mm", np.matmul, (2, 3), (3, 4)),
    _product("bmm", np.matmul, (2, 2, 3), (2, 3, 4)),
    _product("mv", np.matmul, (2, 3), (3,)),
    _product("dot", np.dot, (3,), (3,)),
    Row("outer", (Case((numbers((2,)), numbers((3,), 1)), (), np.outer, "outer"),),
        (Refusal((numbers((2, 2)), numbers((2,))), (), ShapeError, "axes"),)),
    Row(
        "inner",
        (
            Case((numbers((2, 3)), numbers((4, 3), 1)), (), np.inner, "inner"),
            Case((numbers(()), numbers((4, 3), 1)), (), np.inner, "inner"),
        ),
        (Refusal((numbers((2, 3)), numbers((4,))), (), ShapeError, "must be equal"),),
    ),
    Row(
        "tensordot",
        (
            Case((numbers((2, 3, 4)), numbers((4, 3, 5), 1)), ((1, 2), (1, 0)), _tensordot),
            Case((numbers((2, 3)), numbers((4,), 1)), ((), ()), _tensordot),
        ),
        (Refusal((numbers((2, 3)), numbers((4, 2))), ((1,), (0,)), ShapeError, "must be equal"),),
    ),
    Row(
        "einsum",
        (
            _summed("ij,jk->ik", (2, 3), (3, 4)),
            _summed("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
            _summed("ii->i", (3, 3)),
            _summed("iij->", (3, 3, 2)),
            _summed("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
            _summed("ij,kj,j->ki", (2, 3), (4, 3), (3,)),
            _summed("i,j->ji", (2,), (3,)),
            _summed("10i,0j->10ij", (2, 3, 2), (3, 4)),
            _summed("ij,ij->", (2, 3), (2, 3)),
        ),
    ),
    Row(
        "kron",
        tuple(Case((numbers(a), numbers(b, 1)), (), np.kron, "kron") for a, b in (((2, 3), (3, 2)), ((2,), (2, 2)))),
    ),
    Row(
        "cross",
        (
            Case((numbers((2, 3)), numbers((3,), 1)), (1,), lambda a, b, _: np.cross(a, b)),
            Case((numbers((3, 2)), numbers((3, 2), 1)), (0,), lambda a, b, _: np.cross(a, b, axis=0)),
        ),
        (Refusal((numbers((2,)), numbers((2,))), (0,), ShapeError, "extent 3"),),
    ),
    Row("vecdot", (Case((numbers((2, 3)), numbers((3,), 1)), (-1,), lambda a, b, _: (a * b).sum(-1)),)),
    _scaled("addmm", np.matmul, (4,), (2, 3), (3, 4)),
    _scaled("addmv", np.matmul, (2,), (2, 3), (3,)),
    _scaled("addr", np.outer, (2, 3), (2,), (3,)),
    _scaled("baddbmm", np.matmul, (2, 4), (2, 2, 3), (2, 3, 4)),
    _scaled("addbmm", lambda a, b: (a @ b).sum(0), (2, 4), (3, 2, 3), (3, 3, 4)),
    Row("matrix_power", tuple(Case((numbers((2, 3, 3)),), (n,), _power, None, n > 0) for n in (0, 1, 2, 5))),
    Row(
        "chain_matmul",
        (
            Case(tuple(numbers(s, i) for i, s in enumerate(((2, 3), (3, 4), (4, 2), (2, 5)))), (), lambda *x:
            reduce(np.matmul, x)), Case((numbers((3,)), numbers((3, 4), 1), numbers((4,), 2)), (), lambda *x:
            reduce(np.matmul, x)),
        ),
        (Refusal((numbers((2, 3)), numbers((2, 3))), (), ShapeError, "do not fit"),),
    ),
)  # fmt: skip

# -- joining and strides ----------------------------------------------------------------------------------------------


def _block_diag(*parts: Array) -> Array:
    out = np.zeros(np.sum([x.shape for x in parts], 0))
    row = column = 0
    for x in parts:
        out[row : row + x.shape[0], column : column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out


def _strided(x: Array, shape: Any, strides: Any, offset: int) -> Array:
    flat = np.ascontiguousarray(x).reshape(-1)[offset:]
    return np.lib.stride_tricks.as_strided(flat, shape, [s * x.itemsize for s in strides])


def _strided_put(x: Array, value: Array, strides: Any, offset: int) -> Array:
    out = x.reshape(-1).copy()
    np.lib.stride_tricks.as_strided(out[offset:], value.shape, [s * x.itemsize for s in strides])[...] = value
    return out.reshape(x.shape)


_JOINS = (
    Row("block_diag", (
        Case((numbers((2, 3)), numbers((1, 2), 1), numbers((2, 1), 2)), (), _block_diag, "block_diag"),
    )),
    Row(
        "as_strided",
        (
            Case((numbers((3, 4)),), ((2, 3), (4, 1), 1), _strided),
            Case((numbers((6,)),), ((4, 3), (1, 1), 0), _strided),
            Case((numbers((6,)),), ((0, 3), (1, 1), 0), _strided, None, False),
        ),
        (Refusal((numbers((6,)),), ((4, 3), (2, 1), 0), ShapeError, "reach outside"),),
    ),
    Row("as_strided.put", (Case((numbers((3, 4)), numbers((2, 2), 1)), ((4, 2), 1), _strided_put),)),
)  # fmt: skip

MATH_ROWS: tuple[Row, ...] = (*_REDUCTIONS, *_NORMS, *_PRODUCTS, *_JOINS)
