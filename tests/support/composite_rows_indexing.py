"""Rows of the composites that choose, write, order and accumulate elements; see `tests/support/table.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, IndexRangeError, ShapeError
from tests.support.primitive_rows_gather import scattered
from tests.support.table import Array, Case, Refusal, Row, flags, numbers, whole

NAN = float("nan")


def _put(accumulate: bool) -> Callable[..., Array]:
    def put(base: Array, value: Array, *rest: Any) -> Array:
        *indices, axes, _ = rest
        place: list[Any] = [slice(None)] * base.ndim
        for axis, index in zip(axes, indices, strict=True):
            place[axis] = index
        out = base.copy()
        if accumulate:
            np.add.at(out, tuple(place), value)
        else:
            out[tuple(place)] = value
        return out

    return put


def _indexed(x: Array, *rest: Any) -> Array:
    *indices, axes = rest
    place: list[Any] = [slice(None)] * x.ndim
    for axis, index in zip(axes, indices, strict=True):
        place[axis] = index
    return np.asarray(x[tuple(place)])


def _corner_scattered(base: Array, index: Array, source: Array, axis: int, kind: str) -> Array:
    out, shape = base.copy(), index.shape
    corner = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(shape))
    part = np.broadcast_to(source, shape) if not source.ndim else source[tuple(map(slice, shape))]
    out[corner] = scattered(out[corner], index, part, axis, kind)
    return out


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "prod": np.prod,
    "mean": np.mean,
    "amax": np.max,
    "amin": np.min,
}


def _reduced(base: Array, index: Array, source: Array, axis: int, kind: str, include_self: bool) -> Array:
    """All that is written to a place collected, then reduced."""
    out = base.copy()
    for place in np.ndindex(base.shape):
        line = (*place[:axis], slice(None), *place[axis + 1 :])
        given = list(source[line][index[line] == place[axis]])
        if given:
            out[place] = _FUNCTIONS[kind](([base[place]] if include_self else []) + given)
    return out


def _reduced_slices(base: Array, index: Array, source: Array, axis: int, kind: str, include_self: bool) -> Array:
    spread = np.broadcast_to(index.reshape([-1 if i == axis else 1 for i in range(base.ndim)]), source.shape)
    return _reduced(base, spread, source, axis, kind, include_self)


def _reductions(name: str, index: Array, numpy: Callable[..., Any]) -> Row:
    cases = [
        Case((numbers((3, 2)), index, numbers((4, 2), 1)), (0, kind, include), numpy)
        for kind in _FUNCTIONS
        for include in (True, False)
    ]
    cases.append(Case((whole((3, 2)), index, whole((4, 2), 1)), (0, "mean", True), _integer_mean(numpy), None, False))
    cases.append(Case((whole((3, 2)), index, whole((4, 2), 1)), (0, "amax", False), numpy, None, False))
    return Row(name, tuple(cases))


def _integer_mean(numpy: Callable[..., Any]) -> Callable[..., Any]:
    """Integers are divided with the remainder dropped, downward."""

    def mean(base: Array, index: Array, source: Array, axis: int, kind: str, include: bool) -> Array:
        total = numpy(base, index, source, axis, "sum", include)
        count = numpy(np.ones_like(base), index, np.ones_like(source), axis, "sum", include)
        return np.floor_divide(total, count)

    return mean


def _slices(base: Array, index: Array, source: Array, *rest: Any) -> Array:
    *_, axis = rest
    out = base.copy()
    np.moveaxis(out, axis, 0)[index] = np.moveaxis(source, axis, 0) if source.ndim else source
    return out


def _added(base: Array, index: Array, source: Array, *rest: Any) -> Array:
    *alpha, axis = rest
    out = base.copy()
    np.add.at(np.moveaxis(out, axis, 0), index, np.moveaxis(math.prod(alpha) * source, axis, 0))
    return out


def _put_flat(base: Array, index: Array, source: Array, accumulate: bool) -> Array:
    out = base.copy().reshape(-1)
    if accumulate:
        np.add.at(out, index.reshape(-1), source.reshape(-1))
    else:
        out[index.reshape(-1)] = source.reshape(-1)
    return out.reshape(base.shape)


def _masked_scatter(x: Array, mask: Array, source: Array) -> Array:
    shape = np.broadcast_shapes(x.shape, mask.shape)
    out, where = np.broadcast_to(x, shape).copy(), np.broadcast_to(mask, shape)
    out[where] = source.reshape(-1)[: where.sum()]
    return out


_rows = np.array([[0, 2, 1], [1, 1, 0]])

SCATTER_ROWS: tuple[Row, ...] = (
    Row(
        "index",
        (
            Case((numbers((3, 4)), np.array([2, -1, 0])), ((1,),), _indexed, lambda x, i: x[:, i]),
            Case((numbers((3, 2)), np.array([[0], [-3]])), ((0,),), _indexed, lambda x, i: x[i]),
            Case(
                (numbers((3, 4)), np.array([2, 0]), np.array([[1], [-1]])), ((0, 1),), _indexed, lambda x, i, j: x[i, j]
            ),
            Case((numbers((2, 3, 4)), np.array([2, 0]), np.array([3, 3])), ((1, 2),), _indexed),
            Case(
                (numbers((2, 3, 4)), np.array([1, 0]), np.array([[3], [-4]])),
                ((0, 2),),
                _indexed,
                lambda x, i, j: x[i, :, j],
            ),
            Case((numbers((0, 3)), np.array([1])), ((1,),), _indexed),
            Case((numbers((3,)), np.zeros(0, np.int64)), ((0,),), _indexed),
            Case((numbers((3,)), np.array(1)), ((0,),), lambda x, i, _: x[1]),
        ),
        (Refusal((numbers((3, 3)), np.array([0, 1]), np.array([0, 1, 2])), ((0, 1),), IndexRangeError, "broadcast"),),
    ),
    Row(
        "index_put",
        (
            Case(
                (numbers((3, 4)), numbers((2,), 1), np.array([2, -3]), np.array([1, 1])), ((0, 1), False), _put(False)
            ),
            Case((numbers((3, 4)), numbers((), 1), np.array([2, 0])), ((1,), False), _put(False)),
            Case(
                (numbers((2, 3, 4)), numbers((2, 3), 1), np.array([1, 0]), np.array([3, 3])), ((0, 2), True), _put(True)
            ),
            Case((numbers((3, 2)), numbers((3, 1), 1), np.array([1, 1, -2])), ((0,), True), _put(True)),
            Case((numbers((3, 2)), numbers((0, 2), 1), np.zeros(0, np.int64)), ((0,), False), _put(False)),
        ),
        (Refusal((numbers((3,)), numbers((3,)), np.array([0, 1])), ((0,), False), ShapeError, "does not broadcast"),),
    ),
    Row(
        "gather",
        (
            Case(
                (numbers((2, 3)), _rows), (1,), lambda x, i, a: np.take_along_axis(x, i, a), lambda x, i: x.gather(1, i)
            ),
            Case((numbers((3, 3)), _rows.astype(np.int32)), (0,), lambda x, i, a: np.take_along_axis(x, i, a)),
            Case((numbers((3, 3)), _rows[:, :2].copy()), (0,), lambda x, i, a: np.take_along_axis(x[:, :2], i, a)),
        ),
        (
            Refusal((numbers((3, 3)), np.array([0])), (0,), ShapeError, "as many axes"),
            Refusal((numbers((3, 1)), _rows), (0,), ShapeError, "must not be larger"),
            Refusal((numbers((3, 3)), numbers((3, 3))), (0,), DTypeError, "must be int64"),
        ),
    ),
    Row(
        "take_along_dim",
        (
            Case((numbers((2, 3)), np.array([[1], [-1]])), (1, (2, 1)), lambda x, i, *_: np.take_along_axis(x, i, 1)),
            Case((numbers((1, 3)), np.array([[1], [-1]])), (1, (2, 1)), lambda x, i, *_: x[0, i]),
        ),
    ),
    Row(
        "scatter",
        (
            Case(
                (numbers((3, 3)), np.array([[0, 2], [1, 1]]), numbers((3, 4), 1)),
                (1, "set"),
                _corner_scattered,
                smooth=False,
            ),
            Case((numbers((3, 3)), np.array([[0, 2], [2, 1]]), numbers((2, 2), 1)), (0, "set"), _corner_scattered),
            Case((numbers((3, 3)), np.array([[0, 2], [1, 1]]), numbers((3, 4), 1)), (1, "add"), _corner_scattered),
            Case((numbers((3,)), np.array([2, 0]), np.array(0.7)), (0, "set"), _corner_scattered),
            Case((numbers((3,)), np.zeros(0, np.int64), numbers((2,))), (0, "set"), lambda b, *_: b),
        ),
        (
            Refusal((numbers((3,)), np.array([0]), numbers((2, 2))), (0, "set"), ShapeError, "larger than the source"),
            Refusal((numbers((3,)), np.array([0]), whole((2,))), (0, "set"), DTypeError, "cast one"),
        ),
    ),
    _reductions("scatter_reduce", np.array([[0, 2], [0, 0], [2, 2], [0, 0]]), _reduced),
    _reductions("index_reduce", np.array([0, 2, 0, 0]), _reduced_slices),
    Row(
        "index_add",
        (
            Case((numbers((3, 2)), np.array([2, 0, 2]), numbers((3, 2), 1), np.array(0.5)), (0,), _added),
            Case((numbers((2, 3)), np.array([1, 1]), numbers((2, 2), 1)), (1,), _added),
        ),
        (
            Refusal((numbers((3,)), _rows, numbers((3,)), np.array(1.0)), (0,), ShapeError, "must have one axis"),
            Refusal(
                (numbers((3,)), np.array([0]), numbers((2,)), np.array(1.0)), (0,), ShapeError, "must have the shape"
            ),
        ),
    ),
    Row(
        "index_copy",
        (
            Case(
                (numbers((3, 2)), np.array([2, 0]), numbers((2, 2), 1)),
                (0,),
                _slices,
                lambda b, i, s: b.index_copy(0, i, s),
            ),
            Case((numbers((2, 3)), np.array([1]), numbers((2, 1), 1)), (1,), _slices),
        ),
        (Refusal((numbers((3,)), np.array([0]), numbers((2,))), (0,), ShapeError, "must have the shape"),),
    ),
    Row(
        "index_fill",
        (
            Case((numbers((3, 2)), np.array([-1, 0, 0]), np.array(0.5)), (0,), _slices),
            Case((numbers((2, 3)), np.zeros(0, np.int64), np.array(0.5)), (1,), lambda b, *_: b),
        ),
        (Refusal((numbers((3,)), np.array([0]), numbers((2,))), (0,), ShapeError, "must have one axis"),),
    ),
    Row(
        "take",
        (
            Case((numbers((2, 3)), np.array([[5, -1], [0, 0]])), (), lambda x, i: x.reshape(-1)[i], "take"),
            Case((numbers((0, 3)), np.zeros((0, 2), np.int64)), (), lambda x, i: np.zeros((0, 2))),
        ),
    ),
    Row(
        "put",
        (
            Case((numbers((2, 3)), np.array([[5, -6]]), numbers((2,), 1)), (False,), _put_flat),
            Case((numbers((2, 3)), np.array([4, 4, 0]), numbers((3,), 1)), (True,), _put_flat),
        ),
        (Refusal((numbers((3,)), np.array([0]), numbers((2,))), (False,), ShapeError, "as many of both"),),
    ),
    Row(
        "masked_fill",
        (
            Case((numbers((2, 3)), flags((3,)), np.array(0.5)), (), lambda x, m, v: np.where(m, v, x), "masked_fill"),
            Case((numbers((3,)), flags((2, 1)), np.array(0.5)), (), lambda x, m, v: np.where(m, v, x), "masked_fill"),
            Case((whole((3,)), flags((3,)), np.array(2.5)), (), lambda x, m, v: np.where(m, 2, x), None, False),
        ),
        (Refusal((numbers((3,)), whole((3,)), np.array(0.5)), (), DTypeError, "must be bool"),),
    ),
    Row(
        "masked_scatter",
        (
            Case((numbers((2, 3)), flags((2, 3), 1), numbers((2, 4), 1)), (), _masked_scatter, "masked_scatter"),
            Case((numbers((2, 3)), flags((3,), 1), numbers((7,), 1)), (), _masked_scatter),
        ),
        (
            Refusal((numbers((3,)), whole((3,)), numbers((3,))), (), DTypeError, "must be bool"),
            Refusal((numbers((3,)), flags((3,)), whole((3,))), (), DTypeError, "cast one"),
        ),
    ),
)


# -- along an axis ----------------------------------------------------------------------------------------------------


def _extremum(x: Array, axis: int, kind: str) -> tuple[Array, Array]:
    values = (np.maximum if kind == "max" else np.minimum).accumulate(x, axis)
    places = np.zeros(x.shape, np.int64)
    for place in np.ndindex(x.shape):
        line = x[(*place[:axis], slice(None, place[axis] + 1), *place[axis + 1 :])]
        places[place] = np.flatnonzero(line == values[place])[-1]
    return values, places


def _sorted(x: Array, axis: int, descending: bool) -> tuple[Array, Array]:
    order = np.argsort(-x if descending else x, axis, kind="stable")
    return np.take_along_axis(x, order, axis), order


def _topk(x: Array, axis: int, largest: bool, count: int) -> tuple[Array, Array]:
    values, order = _sorted(x, axis, largest)
    return np.take(values, range(count), axis), np.take(order, range(count), axis)


def _at_rank(rank: Callable[[Array], int]) -> Callable[..., tuple[Array, Array]]:
    """The element whose rank among the numbers of its line a function tells, and its position."""

    def choose(x: Array, *rest: Any) -> tuple[Array, Array]:
        axis, keepdim = [r for r in rest if not isinstance(r, np.ndarray)][:2]
        order = np.argsort(x, axis, kind="stable")
        ranks = np.apply_along_axis(rank, axis, x)
        place = np.take_along_axis(order, np.expand_dims(ranks, axis), axis)
        value = np.take_along_axis(x, place, axis)
        return (value, place) if keepdim else (np.squeeze(value, axis), np.squeeze(place, axis))

    return choose


def _median_rank(line: Array) -> int:
    nans = int(np.isnan(line).sum())
    return len(line) - nans if nans else (len(line) - 1) // 2


def _nanmedian_rank(line: Array) -> int:
    return max(len(line) - int(np.isnan(line).sum()) - 1, 0) // 2


def _mode(x: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    def value(line: Array) -> Any:
        found, counts = np.unique(line, return_counts=True)
        return found[np.argmax(counts)]

    def place(line: Array) -> int:
        return int(np.flatnonzero(line == value(line))[-1])

    results = [np.apply_along_axis(f, axis, x) for f in (value, place)]
    values, places = (np.expand_dims(r, axis) if keepdim else r for r in results)
    return values, places


def _quantile(x: Array, q: Array, axis: int, keepdim: bool, interpolation: str, ignore_nan: bool) -> Array:
    function = np.nanquantile if ignore_nan else np.quantile
    return np.asarray(function(x, q, axis=axis, keepdims=keepdim, method=interpolation))


def _with_nan(shape: tuple[int, ...]) -> Array:
    x = numbers(shape, 3)
    x[0, 1] = NAN
    return x


def _unfold_put(base: Array, value: Array, axis: int, size: int, step: int) -> Array:
    out = base.copy()
    for k in range(value.shape[axis]):
        part = (slice(None),) * axis + (slice(k * step, k * step + size),)
        out[part] = np.moveaxis(np.take(value, k, axis), -1, axis)
    return out


def _diag_embed(x: Array, offset: int, axis1: int, axis2: int) -> Array:
    count = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], count, count))
    places = np.arange(x.shape[-1])
    out[..., places + max(-offset, 0), places + max(offset, 0)] = x
    return np.moveaxis(out, (-2, -1), (axis1, axis2))


def _rolled(x: Array, *rest: Any) -> Array:
    *starts, axes = rest
    return np.roll(x, [-int(start) for start in starts], axes)


def _histogram(x: Array, low: Array, high: Array, bins: int) -> Array:
    counts, _ = np.histogram(x, bins, None if low == high else (float(low), float(high)))
    return counts.astype(np.float64)


_repeated = np.array([[3.0, 1.0, 3.0, 1.0, 2.0], [5.0, 5.0, 0.0, 4.0, 4.0]])
_zeros = np.array([[2.0, 0.0, -1.5, 0.7], [0.0, 1.1, 0.0, 0.4], [1.3, -0.6, 0.9, 1.7]])

ORDER_ROWS: tuple[Row, ...] = (
    Row(
        "cumsum",
        (
            Case((numbers((2, 3)),), (1, "float64"), lambda x, *_: np.cumsum(x, 1), lambda x: x.cumsum(1)),
            Case((flags((3,)),), (0, "int64"), lambda x, *_: np.cumsum(x), lambda x: x.cumsum(0), False),
        ),
    ),
    Row(
        "cumprod",
        (
            Case((numbers((2, 3)),), (1, "float64"), lambda x, *_: np.cumprod(x, 1), lambda x: x.cumprod(1)),
            Case((_zeros,), (1, "float64"), lambda x, *_: np.cumprod(x, 1), lambda x: x.cumprod(1)),
            Case((whole((3, 2)),), (0, "int64"), lambda x, *_: np.cumprod(x, 0), lambda x: x.cumprod(0), False),
        ),
    ),
    Row(
        "cumextremum",
        (
            Case((numbers((3, 4)),), (1, "max"), _extremum),
            Case((numbers((3, 4)),), (0, "min"), _extremum),
            Case((_repeated,), (1, "max"), _extremum, None, False),
        ),
    ),
    Row(
        "logcumsumexp",
        (
            Case(
                (numbers((2, 4)),),
                (1,),
                lambda x, a: np.logaddexp.accumulate(x, a),
                lambda x: x.logcumsumexp(1),
            ),
            Case((1000 * numbers((4, 2)),), (0,), lambda x, a: np.logaddexp.accumulate(x, a), None, False),
            Case(
                (np.array([-np.inf, -np.inf, 0.5, -np.inf]),),
                (0,),
                lambda x, a: np.array([-np.inf, -np.inf, 0.5, 0.5]),
                None,
                False,
            ),
        ),
    ),
    Row(
        "diff",
        (
            Case((numbers((2, 4)),), (1, 1), lambda x, a, n: np.diff(x, n, a), lambda x: x.diff(dim=1)),
            Case((numbers((4, 2)),), (0, 2), lambda x, a, n: np.diff(x, n, a)),
            Case((numbers((2, 3)),), (1, 9), lambda x, a, n: np.zeros((2, 0))),
            Case((flags((4,)),), (0, 1), lambda x, a, n: np.diff(x), None, False),
        ),
    ),
    Row("argsort", (Case((_repeated,), (1, False), lambda x, *_: np.argsort(x, 1, kind="stable"), None, False),)),
    Row(
        "sort",
        (
            Case((numbers((3, 4)),), (1, False), _sorted),
            Case((numbers((3, 4)),), (0, True), _sorted),
            Case((_repeated,), (1, True), _sorted, None, False),
        ),
    ),
    Row(
        "topk",
        (
            Case((numbers((3, 4)),), (1, True, 2), _topk),
            Case((numbers((3, 4)),), (0, False, 3), _topk),
            Case((numbers((3, 4)),), (0, False, 0), _topk),
        ),
        (Refusal((numbers((3, 4)),), (0, False, 4), ShapeError, "has no 4 elements"),),
    ),
    Row(
        "kthvalue",
        (
            Case((numbers((3, 4)), np.array(2)), (1, False), _at_rank(lambda line: 1)),
            Case((numbers((3, 4)), np.array(3)), (0, True), _at_rank(lambda line: 2)),
        ),
    ),
    Row(
        "median",
        (
            Case((numbers((3, 4)),), (1, False, False), _at_rank(_median_rank)),
            Case((numbers((3, 4)),), (0, True, False), _at_rank(_median_rank)),
            Case((_with_nan((3, 4)),), (1, False, False), _at_rank(_median_rank), None, False),
            Case((_with_nan((3, 4)),), (1, False, True), _at_rank(_nanmedian_rank), None, False),
        ),
    ),
    Row(
        "median.all",
        (
            Case((numbers((3, 3)),), (False,), lambda x, _: np.median(x), "median"),
            Case((np.array([2.0, 1.0, 2.0, 2.0, 5.0]),), (False,), lambda x, _: np.float64(2.0), "median", False),
            Case((_with_nan((3, 4)),), (True,), lambda x, _: np.nanmedian(x), "nanmedian", False),
            Case((numbers(()),), (False,), lambda x, _: x, "median"),
        ),
    ),
    Row(
        "mode",
        (
            Case((_repeated,), (1, False), _mode, None, False),
            Case((whole((6, 3), 1, 0, 3),), (0, True), _mode, None, False),
        ),
    ),
    Row(
        "quantile",
        (
            Case((numbers((3, 4)), np.array([0.1, 0.77])), (1, False, "linear", False), _quantile),
            Case((numbers((3, 4)), np.array(0.4)), (0, True, "linear", False), _quantile),
            *(
                Case((numbers((3, 4)), np.array([0.4, 0.81])), (0, False, method, False), _quantile, None, False)
                for method in ("lower", "higher", "nearest", "midpoint")
            ),
            Case((_with_nan((3, 4)), np.array([0.4])), (1, False, "linear", False), _quantile, None, False),
            Case((_with_nan((3, 4)), np.array([0.4])), (1, False, "linear", True), _quantile, None, False),
        ),
    ),
    Row(
        "searchsorted",
        (
            Case(
                (np.array([1.0, 2.0, 2.0, 4.0]), np.array([[2.0], [5.0]])),
                (False,),
                lambda s, v, r: np.searchsorted(s, v),
                None,
                False,
            ),
            Case(
                (np.array([[1, 2, 2]]), np.array([[2.0, 0.5]])),
                (True,),
                lambda s, v, r: np.searchsorted(s[0], v, "right"),
                None,
                False,
            ),
        ),
    ),
    Row(
        "isin",
        (
            Case((whole((3, 4)), whole((3,), 1)), (False,), lambda x, y, _: np.isin(x, y), None, False),
            Case((numbers((3,)), numbers((3,), 1)), (True,), lambda x, y, _: ~np.isin(x, y), None, False),
            Case((whole((3,)), np.zeros(0, np.int64)), (False,), lambda x, y, _: np.zeros(3, bool), None, False),
        ),
    ),
    Row(
        "bincount",
        (
            Case((np.array([3, 1, 3]),), (6,), lambda x, n: np.bincount(x, minlength=n), None, False),
            Case(
                (np.array([3, 1, 3]), numbers((3,))),
                (4,),
                lambda x, w, n: np.bincount(x, w, n),
                None,
                False,
            ),
        ),
    ),
    Row(
        "histc",
        (
            Case((numbers((20,)), np.array(-1.0), np.array(1.0)), (7,), _histogram, None, False),
            Case((numbers((4, 5)), np.array(0.0), np.array(0.0)), (3,), _histogram, None, False),
            Case(
                (np.array([2.0, 2.0]), np.array(0.0), np.array(0.0)), (2,), lambda *_: np.array([0.0, 2.0]), None, False
            ),
            Case((numbers((0,)), np.array(0.0), np.array(1.0)), (3,), lambda *_: np.zeros(3), None, False),
        ),
    ),
    Row(
        "one_hot",
        (Case((np.array([[2, 0], [1, 1]]),), (3,), lambda x, n: np.eye(n, dtype=np.int64)[x], None, False),),
    ),
    Row(
        "tril",
        (
            Case((numbers((3, 4)), np.array(1)), (), lambda x, k: np.tril(x, 1), lambda x, k: x.tril(1)),
            Case((numbers((2, 3, 3)), np.array(-1)), (), lambda x, k: np.tril(x, -1)),
        ),
        (Refusal((numbers((3,)), np.array(0)), (), ShapeError, "has no matrices"),),
    ),
    Row("triu", (Case((numbers((3, 4)), np.array(1)), (), lambda x, k: np.triu(x, 1), lambda x, k: x.triu(1)),)),
    Row(
        "diag_embed",
        (
            Case((numbers((3,)),), (0, 0, 1), _diag_embed, "diag_embed"),
            Case((numbers((2, 3)),), (-2, 2, 0), _diag_embed),
            Case((numbers((2, 3)),), (1, 1, 2), _diag_embed),
        ),
    ),
    Row(
        "roll",
        (
            Case((numbers((2, 3)), np.array(2)), ((1,),), _rolled, lambda x, s: x.roll(-2, 1)),
            Case((numbers((4, 3)), np.array(1), np.array(2)), ((0, 1),), _rolled),
            Case((numbers((0, 3)), np.array(0)), ((0,),), _rolled),
        ),
    ),
    Row("flip", (Case((numbers((2, 3)),), ((0, 1),), lambda x, _: x[::-1, ::-1], lambda x: x.flip(0, 1)),)),
    Row(
        "split",
        (
            Case((numbers((2, 6)),), (1, (1, 3, 2)), lambda x, axis, sizes: tuple(np.split(x, [1, 4], 1))),
            Case((numbers((2, 3)),), (0, (2, 0)), lambda x, axis, sizes: (x, x[2:])),
        ),
        (Refusal((numbers((2, 6)),), (1, (4, 4)), ShapeError, "must add up to the extent 6"),),
    ),
    Row(
        "repeat_interleave",
        (Case((numbers((2, 3)),), (2, 1), lambda x, n, a: np.repeat(x, n, a), lambda x: x.repeat_interleave(2, 1)),),
    ),
    Row("unfold.put", (Case((numbers((7, 2)), numbers((2, 2, 3), 1)), (0, 3, 4), _unfold_put),)),
)
