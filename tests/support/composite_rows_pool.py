"""Rows of pooling layers; see `tests/support/table.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.primitive_rows_pool import Place, place_of_maximum, windows
from tests.support.table import Array, Case, Refusal, Row, numbers, whole

# A window, and the elements of a plane that it holds.
Held = list[tuple[Place, list[Place]]]


def _pooled(x: Array, spatial: int, held: Held, value: Callable[[Array, list[Place]], Any], dtype: Any = None) -> Array:
    """`value` of each window of each plane."""
    lead = x.shape[: x.ndim - spatial]
    counts = tuple(np.max([o for o, _ in held], axis=0) + 1)
    y = np.zeros((*lead, *counts), x.dtype if dtype is None else dtype)
    for at in np.ndindex(*lead):
        for o, elements in held:
            y[at][o] = value(x[at], elements)
    return y


def _held(shape: Place, kernel: Place, stride: Place, padding: Place, dilation: Place, ceil_mode: bool) -> Held:
    """PyTorch's windows: rounded up, one more if it begins before the end of the input."""
    high = []
    for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True):
        span = (k - 1) * d + 1
        count = (n + 2 * p - span) // s + 1
        if ceil_mode and (n + 2 * p - span) % s and count * s < n + p:
            count += 1
        high.append((p, (count - 1) * s + span - n - p))
    return list(windows(shape, kernel, stride, tuple(high), dilation))


def _max_pool(x: Array, kernel: Place, *rest: Any) -> Array:
    held = _held(x.shape[x.ndim - len(kernel) :], kernel, *rest)
    return _pooled(x, len(kernel), held, lambda plane, at: plane[place_of_maximum(plane, at)])


def _flat(plane: Array, at: Place) -> int:
    return int(np.ravel_multi_index(at, plane.shape))


def _max_pool_indices(x: Array, kernel: Place, *rest: Any) -> tuple[Array, Array]:
    held = _held(x.shape[x.ndim - len(kernel) :], kernel, *rest)

    def place(plane: Array, at: list[Place]) -> int:
        return _flat(plane, place_of_maximum(plane, at))

    return _max_pool(x, kernel, *rest), _pooled(x, len(kernel), held, place, np.int64)


def _avg_pool(x: Array, *rest: Any) -> Array:
    *divisor, kernel, stride, padding, ceil_mode, include_pad, _ = rest
    spatial, ones = len(kernel), (1,) * len(kernel)
    shape = x.shape[x.ndim - spatial :]
    held = _held(shape, kernel, stride, padding, ones, ceil_mode)
    # The same windows on the padded plane know how many elements they have with the padding.
    wide = tuple(n + 2 * p for n, p in zip(shape, padding, strict=True))
    reach = tuple(
        (0, max((max(o[i] for o, _ in held)) * s + k - n, 0))
        for i, (s, k, n) in enumerate(zip(stride, kernel, wide, strict=True))
    )
    counts = {o: len(at) for o, at in windows(wide, kernel, stride, reach, ones)}
    places = {id(at): o for o, at in held}

    def mean(plane: Array, at: list[Place]) -> Any:
        total = sum(plane[i] for i in at)
        count = divisor[0] if divisor else counts[places[id(at)]] if include_pad else len(at)
        return int(total / count) if plane.dtype.kind == "i" else total / count

    return _pooled(x, spatial, held, mean)


def _lp_pool(x: Array, p: Array, kernel: Place, stride: Place, ceil_mode: bool) -> Array:
    mean = _avg_pool(x ** float(p), kernel, stride, (0,) * len(kernel), ceil_mode, True, False)
    return np.asarray((mean * math.prod(kernel)) ** (1 / float(p)))


def _adaptive(shape: Place, sizes: Place) -> Held:
    def held() -> Iterator[tuple[Place, list[Place]]]:
        for o in np.ndindex(*sizes):
            starts = [i * n // out for i, n, out in zip(o, shape, sizes, strict=True)]
            ends = [math.ceil((i + 1) * n / out) for i, n, out in zip(o, shape, sizes, strict=True)]
            extents = [b - a for a, b in zip(starts, ends, strict=True)]
            yield o, [tuple(a + k for a, k in zip(starts, at, strict=True)) for at in np.ndindex(*extents)]

    return list(held())


def _adaptive_avg(x: Array, sizes: Place) -> Array:
    held = _adaptive(x.shape[x.ndim - len(sizes) :], sizes)
    return _pooled(x, len(sizes), held, lambda plane, at: np.mean([plane[i] for i in at]))


def _adaptive_max(x: Array, sizes: Place) -> tuple[Array, Array]:
    held = _adaptive(x.shape[x.ndim - len(sizes) :], sizes)
    values = _pooled(x, len(sizes), held, lambda plane, at: plane[place_of_maximum(plane, at)])
    return values, _pooled(x, len(sizes), held, lambda p, at: _flat(p, place_of_maximum(p, at)), np.int64)


def _fractional(x: Array, samples: Array, kernel: Place, sizes: Place) -> tuple[Array, Array]:
    """Plane by plane: their windows begin at places of their own."""
    spatial = len(kernel)
    shape, lead = x.shape[x.ndim - spatial :], x.shape[: x.ndim - spatial]
    values, found = np.zeros((*lead, *sizes)), np.zeros((*lead, *sizes), np.int64)
    order = (1, 0) if spatial == 2 else range(spatial)
    for at in np.ndindex(*lead):
        drawn = samples[at if len(lead) == 2 else (0, *at)]
        starts = []
        for column, n, k, out in zip(order, shape, kernel, sizes, strict=True):
            u, a = drawn[column], (n - k) / max(out - 1, 1)
            starts.append([*(int((i + u) * a) - int(u * a) for i in range(out - 1)), n - k])
        for o in np.ndindex(*sizes):
            begin = [line[i] for line, i in zip(starts, o, strict=True)]
            held = [tuple(b + k for b, k in zip(begin, tap, strict=True)) for tap in np.ndindex(*kernel)]
            best = place_of_maximum(x[at], held)
            values[at][o], found[at][o] = x[at][best], _flat(x[at], best)
    return values, found


def _unpool(x: Array, places: Array, sizes: Place) -> Array:
    lead = x.shape[: x.ndim - len(sizes)]
    out = np.zeros((*lead, math.prod(sizes)))
    for at in np.ndindex(*lead):
        for value, place in zip(x[at].ravel(), places[at].ravel(), strict=True):
            out[at][place] = value
    return out.reshape(*lead, *sizes)


def _samples(*shape: int) -> Array:
    """Numbers in [0, 1) in float32: they only say where, and have no gradient."""
    return np.random.default_rng(3).random(shape).astype(np.float32)


# Kernel, stride, padding, dilation, ceil_mode; with shapes with a batch and without.
_MAX_CASES: tuple[tuple[Place, Any], ...] = (
    ((2, 2, 7), ((3,), (2,), (1,), (1,), False)),
    ((2, 7), ((2,), (3,), (1,), (2,), True)),
    ((1, 2, 4, 5), ((2, 3), (2, 2), (0, 1), (1, 1), True)),
    ((1, 1, 3, 2, 4), ((2, 1, 2), (1, 1, 3), (1, 0, 1), (1, 1, 1), True)),
)
_AVG_CASES = tuple(
    (shape, (kernel, stride, padding, ceil_mode, include))
    for shape, (kernel, stride, padding, _, ceil_mode) in _MAX_CASES
    for include in (True, False)
)
_plain = ((2,), (2,), (0,), (1,), False)


def _refusals(*tail: Any) -> tuple[Refusal, ...]:
    """What all pools of one axis refuse; `tail` follows kernel, stride and padding."""
    words = (
        ((2, 3, 4, 5), ((2,), (2,), (0,)), r"with 1 spatial axes"),
        ((2, 0, 4), ((2,), (2,), (0,)), r"only the batch may be empty"),
        ((1, 2, 4), ((2,), (0,), (0,)), r"must be positive"),
        ((1, 2, 4), ((2,), (1,), (2,)), r"at most half of kernel_size"),
        ((1, 2, 4), ((5,), (1,), (0,)), r"take a larger input or a smaller kernel"),
    )
    return tuple(Refusal((numbers(shape),), (*a, *tail), ShapeError, message) for shape, a, message in words)


POOLING_ROWS: tuple[Row, ...] = (
    Row(
        "max_pool",
        (
            *(Case((numbers(shape, 1),), a, _max_pool) for shape, a in _MAX_CASES),
            Case((whole((2, 5), 1),), _plain, _max_pool, None, False),
            Case((numbers((0, 2, 5)),), _plain, lambda x, *_: np.zeros((0, 2, 2))),
        ),
        _refusals((1,), False),
    ),
    Row(
        "max_pool.indices",
        tuple(Case((numbers(shape, 1),), a, _max_pool_indices) for shape, a in _MAX_CASES),
        _refusals((1,), False),
    ),
    Row(
        "avg_pool",
        (
            *(Case((numbers(shape, 1),), (*a, False), _avg_pool) for shape, a in _AVG_CASES),
            Case((numbers((1, 2, 4)), np.array(3)), ((2,), (2,), (1,), False, True, True), _avg_pool),
            Case((whole((2, 5), 1),), ((2,), (2,), (0,), False, True, False), _avg_pool, None, False),
            Case((numbers((0, 2, 5)),), ((2,), (2,), (0,), False, True, False), lambda x, *_: np.zeros((0, 2, 2))),
        ),
        _refusals(False, True, False),
    ),
    Row(
        "lp_pool",
        tuple(
            Case((numbers((1, 2, 6), 1, 0.2), np.array(p, np.float32)), ((2,), (2,), False), _lp_pool) for p in (2, 3)
        ),
    ),
    Row(
        "adaptive_avg_pool",
        (
            *(
                Case((numbers(shape, 1),), (sizes,), _adaptive_avg)
                for shape, sizes in (((2, 5), (3,)), ((1, 2, 4, 5), (2, 5)), ((2, 3, 5), (2, 3)), ((1, 2, 3), (5,)))
            ),
            Case((numbers((2, 2, 3, 2)),), ((1, 1),), _adaptive_avg),
            Case((numbers((1, 1, 3, 2, 4)),), ((2, 2, 3),), _adaptive_avg),
            Case((numbers((0, 2, 4)),), ((3,),), lambda x, _: np.zeros((0, 2, 3))),
            Case((numbers((2, 2, 4)),), ((0,),), lambda x, _: np.zeros((2, 2, 0)), None, False),
        ),
        (
            Refusal((numbers((2, 4)),), ((-1,),), ShapeError, "must not be negative"),
            Refusal((numbers((4,)),), ((2,),), ShapeError, "with 1 spatial axes"),
        ),
    ),
    Row(
        "adaptive_max_pool",
        (
            *(
                Case((numbers(shape, 1),), (sizes,), _adaptive_max)
                for shape, sizes in (((2, 5), (3,)), ((1, 2, 4, 5), (2, 5)), ((2, 3, 5), (2, 3)), ((1, 2, 3), (1,)))
            ),
            Case((np.array([[1.0, 1.0, np.nan, 2.0, np.nan]]),), ((2,),), _adaptive_max, None, False),
            Case((numbers((0, 2, 4)),), ((3,),), lambda x, _: (np.zeros((0, 2, 3)), np.zeros((0, 2, 3), np.int64))),
            Case((numbers((2, 4)),), ((0,),), lambda x, _: (np.zeros((2, 0)), np.zeros((2, 0), np.int64)), None, False),
        ),
        (Refusal((numbers((2, 4)),), ((-1,),), ShapeError, "must not be negative"),),
    ),
    Row(
        "fractional_max_pool",
        (
            Case((numbers((2, 2, 6, 5), 1), _samples(2, 2, 2)), ((2, 2), (3, 4)), _fractional, shared=(1,)),
            Case((numbers((2, 6, 5), 1), _samples(1, 2, 2)), ((2, 1), (1, 5)), _fractional, shared=(1,)),
            Case((numbers((1, 2, 4, 4, 5), 1), _samples(1, 2, 3)), ((2, 1, 2), (2, 3, 3)), _fractional, shared=(1,)),
        ),
        (
            Refusal((numbers((1, 2, 4, 4)), _samples(1, 2, 2)), ((2, 2), (4, 3)), ShapeError, "do not fit"),
            Refusal((numbers((1, 2, 4, 4)), _samples(1, 3, 2)), ((2, 2), (2, 2)), ShapeError, "_random_samples"),
        ),
    ),
    Row(
        "max_unpool",
        (
            Case((numbers((1, 2, 3)), np.array([[[1, 2, 5], [0, 3, 4]]])), ((6,),), _unpool),
            Case((numbers((1, 2, 2)), np.array([[[1, 5], [0, 3]]])), ((2, 3),), _unpool),
            Case((numbers((0, 2, 3)), np.zeros((0, 2, 3), np.int64)), ((6,),), lambda x, *_: np.zeros((0, 2, 6))),
        ),
        (
            Refusal((numbers((1, 2, 3)), np.zeros((1, 2, 2), np.int64)), ((6,),), ShapeError, "must have the input's"),
            Refusal((numbers((1, 2, 3)), numbers((1, 2, 3))), ((6,),), DTypeError, "must be int64"),
        ),
    ),
)
