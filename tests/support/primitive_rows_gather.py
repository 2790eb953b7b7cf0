"""Rows of the primitives that read, write, sort and accumulate along an axis; see `tests/support/table.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Refusal, Row, flags, numbers, whole


def _gathered(x: Array, index: Array, axis: int) -> Array:
    return np.take_along_axis(x, np.clip(index, 0, max(x.shape[axis] - 1, 0)), axis)


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": max,
    "min": min,
}


def scattered(base: Array, index: Array, source: Array, axis: int, kind: str) -> Array:
    """One element after another."""
    out = base.copy()
    for place in np.ndindex(index.shape):
        to = list(place)
        to[axis] = min(max(int(index[place]), 0), base.shape[axis] - 1)
        out[tuple(to)] = _COMBINE[kind](out[tuple(to)], source[place])
    return out


def _scatter_cases(kind: str) -> tuple[Case, ...]:
    repeated = np.array([[0, 2, 0, 0], [1, 1, 2, 9]])
    # As in PyTorch, what was overwritten gets the gradient of what stayed: that is no derivative.
    smooth = kind != "set"
    return (
        Case((numbers((2, 3)), repeated, numbers((2, 4), 1)), (1, kind), scattered, None, smooth),
        Case(
            (numbers((3, 2)), np.array([[0, -5], [0, 2]]), numbers((2, 2), 1)),
            (0, kind),
            scattered,
            _torch_scatter(kind),
            smooth,
        ),
        Case((numbers((4,)), np.array([3, 2, 0]), numbers((3,), 2)), (0, kind), scattered),
        Case((numbers((2, 0)), np.zeros((2, 0), np.int64), numbers((2, 0))), (1, kind), scattered),
        Case((whole((3,), 1), np.array([1, 1, 0]), whole((3,), 2)), (0, kind), scattered, None, False),
    )


def _torch_scatter(kind: str) -> Callable[..., Any]:
    reduce = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}.get(kind)

    def function(base: Any, index: Any, source: Any) -> Any:
        index = index.clamp(0, base.shape[0] - 1)
        return base.scatter_reduce(0, index, source, reduce) if reduce else base.scatter(0, index, source)

    return function


def _with_zeros() -> Case:
    """Products with one zero, two zeros and none among what is written to a place: the gradient divides by nothing."""
    source = np.array([[0.0, 2.0, -1.5, 0.0, 0.0, 0.7, 1.1]])
    index = np.array([[0, 0, 1, 2, 2, 1, 2]])
    base = numbers((1, 3))

    def torch_form(b: Any, i: Any, s: Any) -> Any:
        return b.scatter_reduce(1, i, s, "prod")

    return Case((base, index, source), (1, "mul"), scattered, torch_form, False)


def _ties() -> Case:
    """Equal extrema share the gradient."""

    def torch_form(b: Any, i: Any, s: Any) -> Any:
        return b.scatter_reduce(0, i, s, "amax")

    base, source = np.array([1.0, 0.0, 2.0]), np.array([1.0, 1.0, 0.5, 2.0, 2.0])
    return Case((base, np.array([0, 0, 1, 2, 2]), source), (0, "max"), scattered, torch_form, False)


def _recurrence(a: Array, b: Array, axis: int, reverse: bool) -> Array:
    out = np.zeros_like(b)
    a, b, y = (np.moveaxis(v, axis, 0)[:: -1 if reverse else 1] for v in (a, b, out))
    for k in range(len(b)):
        y[k] = b[k] + (a[k] * y[k - 1] if k else 0)
    return out


def _cumarg(x: Array, axis: int, kind: str) -> Array:
    out = np.zeros(x.shape, np.int64)
    lines, places = np.moveaxis(x, axis, -1), np.moveaxis(out, axis, -1)
    for line in np.ndindex(lines.shape[:-1]):
        best = 0
        for k, value in enumerate(lines[line]):
            old = lines[line][best]
            beyond = value >= old if kind == "max" else value <= old
            if np.isnan(value) or (not np.isnan(old) and beyond):
                best = k
            places[line][k] = best
    return out


def _argsort(x: Array, axis: int, descending: bool, count: int) -> Array:
    """Python's own stable sort, NaN after all numbers."""
    lines = np.moveaxis(x, axis, -1)
    out = np.zeros((*lines.shape[:-1], count), np.int64)
    for line in np.ndindex(lines.shape[:-1]):
        values = [(bool(v != v), 0.0 if v != v else float(v)) for v in lines[line]]
        if descending:
            keys = [(-int(nan), -value) for nan, value in values]
            out[line] = sorted(range(len(values)), key=lambda k: keys[k])[:count]
        else:
            out[line] = sorted(range(len(values)), key=lambda k: values[k])[:count]
    return np.moveaxis(out, -1, axis)


def _searched(sequence: Array, values: Array, right: bool) -> Array:
    out = np.zeros(values.shape, np.int64)
    for place in np.ndindex(values.shape):
        line, value = sequence[place[:-1]], values[place]
        before = ~(line > value) if right else ~(line >= value)
        out[place] = before.sum()
    return out


def _unfolded(x: Array, axis: int, size: int, step: int) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis)
    return windows[(slice(None),) * axis + (slice(None, None, step),)]


_nan_last, _among_nan = np.array([1.0, 2.0, 2.0, np.nan, np.nan]), np.array([0.5, 2.0, 3.0, np.nan, np.inf])
_ties_and_nan = np.array([[2.0, 1.0, np.nan, 1.0, 2.0], [0.0, -0.0, np.nan, np.inf, -np.inf]])
# Long enough for a sort to merge several runs of runs.
_many = np.random.default_rng(3).integers(-40, 40, (3, 200)).astype(np.float64)
_sorted = np.sort(numbers((2, 4), 1), 1)

GATHER_ROWS: tuple[Row, ...] = (
    Row(
        "gather",
        (
            Case((numbers((2, 3)), np.array([[2, 0, 0, 1], [1, 9, -4, 1]])), (1,), _gathered),
            Case((numbers((3, 2)), np.array([[2, 0]])), (0,), _gathered, lambda x, i: x.gather(0, i)),
            Case((numbers((2, 3, 2)), whole((2, 2, 2), 1, 0, 3)), (1,), _gathered, lambda x, i: x.gather(1, i)),
            Case((numbers((2, 3)), np.zeros((2, 0), np.int64)), (1,), _gathered),
            Case((flags((4,)), np.array([3, 0])), (0,), _gathered, None, False),
        ),
        (
            Refusal((numbers((2, 3)), numbers((2, 3))), (1,), DTypeError, "must be int64"),
            Refusal((numbers((2, 3)), np.array([[0]])), (1,), ShapeError, "equal extents but along axis 1"),
            Refusal((numbers((2, 0)), np.zeros((2, 1), np.int64)), (1,), ShapeError, "is empty"),
        ),
    ),
    Row(
        "scatter",
        (*(case for kind in _COMBINE for case in _scatter_cases(kind)), _with_zeros(), _ties()),
        (
            Refusal((numbers((2,)), np.array([0]), numbers((2,))), (0, "set"), ShapeError, "shape of the index"),
            Refusal((numbers((2,)), np.array([0]), whole((1,))), (0, "add"), DTypeError, "float64 and int64"),
            Refusal((numbers((2,)), numbers((1,)), numbers((1,))), (0, "add"), DTypeError, "must be int64"),
        ),
    ),
    Row(
        "cumsum",
        (
            Case((numbers((2, 3)),), (1, False), lambda x, *_: np.cumsum(x, 1), lambda x: x.cumsum(1)),
            Case((numbers((3, 2)),), (0, True), lambda x, *_: np.cumsum(x[::-1], 0)[::-1]),
            Case((numbers((2, 0)),), (1, False), lambda x, *_: x),
            Case((whole((2, 3, 2)),), (1, False), lambda x, *_: np.cumsum(x, 1), lambda x: x.cumsum(1), False),
        ),
    ),
    Row(
        "recurrence",
        (
            Case((numbers((2, 4)), numbers((2, 4), 1)), (1, False), _recurrence),
            Case((numbers((3, 2)), numbers((3, 2), 1)), (0, True), _recurrence),
            Case((numbers((2, 0)), numbers((2, 0))), (1, False), lambda a, b, *_: b),
            Case((whole((4,)), whole((4,), 1)), (0, False), _recurrence, None, False),
        ),
        (
            Refusal((numbers((2,)), numbers((3,))), (0, False), ShapeError, "must have equal shapes"),
            Refusal((numbers((2,)), whole((2,))), (0, False), DTypeError, "float64 and int64"),
        ),
    ),
    Row(
        "cumarg",
        (
            Case((_ties_and_nan,), (1, "max"), _cumarg, lambda x: x.cummax(1).indices, False),
            Case((_ties_and_nan,), (1, "min"), _cumarg, lambda x: x.cummin(1).indices, False),
            Case((whole((4, 2)),), (0, "max"), _cumarg, lambda x: x.cummax(0).indices, False),
            Case((numbers((0, 2)),), (0, "min"), _cumarg, None, False),
        ),
    ),
    Row(
        "argsort",
        (
            Case((_ties_and_nan,), (1, False, 5), _argsort, lambda x: x.argsort(dim=1, stable=True), False),
            Case(
                (_ties_and_nan,),
                (1, True, 5),
                _argsort,
                lambda x: x.argsort(dim=1, descending=True, stable=True),
                False,
            ),
            Case((_ties_and_nan,), (0, False, 2), _argsort, lambda x: x.argsort(dim=0, stable=True), False),
            Case((_ties_and_nan,), (1, True, 2), _argsort, None, False),
            Case((whole((5, 3)),), (0, False, 5), _argsort, lambda x: x.argsort(dim=0, stable=True), False),
            Case((flags((6,)),), (0, True, 6), _argsort, None, False),
            Case((numbers((2, 0)),), (1, False, 0), _argsort, None, False),
            *(Case((_many,), (1, down, 200), _argsort, None, False) for down in (False, True)),
        ),
        (Refusal((numbers((2, 3)),), (1, False, 4), ShapeError, "has no 4 elements"),),
    ),
    Row(
        "searchsorted",
        (
            Case((_sorted, numbers((2, 3), 2)), (False,), _searched, "searchsorted", False),
            Case((_sorted, _sorted[:, ::2].copy()), (True,), _searched, None, False),
            Case((np.array([1.0, 1.0, 2.0]), np.array([1.0, np.nan, 3.0, 0.0])), (False,), _searched, None, False),
            Case((np.array([1, 1, 2]), np.array([1, 5])), (True,), _searched, None, False),
            Case((_nan_last, _among_nan), (False,), lambda *_: np.array([0, 1, 5, 5, 5]), "searchsorted", False),
            Case((_nan_last, _among_nan), (True,), lambda *_: np.array([0, 5, 5, 5, 5]), None, False),
            Case((np.zeros(0), np.array([1.0])), (False,), _searched, None, False),
        ),
        (
            Refusal((numbers((2, 3)), numbers((3, 3))), (False,), ShapeError, "agree but in the last axis"),
            Refusal((numbers((3,)), whole((3,))), (False,), DTypeError, "float64 and int64"),
        ),
    ),
    Row(
        "unfold",
        (
            Case((numbers((2, 7)),), (1, 3, 2), _unfolded, lambda x: x.unfold(1, 3, 2)),
            Case((numbers((5, 2)),), (0, 2, 3), _unfolded),
            Case((numbers((3,)),), (0, 3, 1), _unfolded),
            Case((numbers((2, 3)),), (1, 0, 2), _unfolded),
        ),
        (Refusal((numbers((3,)),), (0, 4, 1), ShapeError, "does not fit"),),
    ),
)
