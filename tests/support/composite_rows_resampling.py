"""Rows of the composites that resample, rearrange or normalise channels; see `tests/support/table.py`.

The NumPy definitions go element by element.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.composite_rows_conv import torch_function
from tests.support.table import Array, Case, Refusal, Row, numbers, whole

EPS = np.array(1e-3, np.float32)

# -- resampling -------------------------------------------------------------------------------------------------------


def _interpolated(x: Array, *taps: Array) -> Array:
    for i in range(len(taps) // 2):
        index, weight = taps[2 * i], taps[2 * i + 1]
        x = sum(np.take(x, index[t], i + 2) * weight[t].reshape(-1, *[1] * (x.ndim - i - 3)) for t in range(len(index)))  # type: ignore[assignment]
    return x


def _picked(x: Array, *positions: Array) -> Array:
    for i, index in enumerate(positions):
        x = np.take(x, index, i + 2)
    return x


def _place(coordinate: float, extent: int, aligned: bool) -> float:
    return (coordinate + 1) / 2 * (extent - 1) if aligned else ((coordinate + 1) * extent - 1) / 2


def _brought_in(place: float, extent: int, padding: str, aligned: bool) -> float:
    if padding == "reflection":
        low, high = (0.0, extent - 1.0) if aligned else (-0.5, extent - 0.5)
        while high > low and not low <= place <= high:
            place = 2 * low - place if place < low else 2 * high - place
        place = place if high > low else 0.0
    return place if padding == "zeros" else min(max(place, 0.0), extent - 1.0)


def _keys(x: float) -> float:
    x, a = abs(x), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def _line(place: float, extent: int, mode: str, padding: str, aligned: bool) -> list[tuple[int, float]]:
    """Elements and weights along one axis."""
    if mode == "bicubic":
        lower = math.floor(place)
        taps = [(_brought_in(lower + k, extent, padding, aligned), _keys(place - lower - k)) for k in (-1, 0, 1, 2)]
    else:
        place = _brought_in(place, extent, padding, aligned)
        lower = math.floor(place)
        taps = [(round(place), 1.0)] if mode == "nearest" else [(lower, lower + 1 - place), (lower + 1, place - lower)]
    return [(int(i), weight) for i, weight in taps if 0 <= i < extent]


def _sampled(x: Array, grid: Array, mode: str, padding: str, aligned: bool) -> Array:
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for n, *at in np.ndindex(*grid.shape[:-1]):
        given = zip(reversed(grid[(n, *at)]), x.shape[2:], strict=True)
        lines = [_line(_place(c, extent, aligned), extent, mode, padding, aligned) for c, extent in given]
        for taps in itertools.product(*lines):
            where = tuple(i for i, _ in taps)
            y[(n, slice(None), *at)] += x[(n, slice(None), *where)] * math.prod(weight for _, weight in taps)
    return y


def _grid_case(shape: tuple[int, ...], out: tuple[int, ...], mode: str, padding: str, aligned: bool) -> Case:
    grid = numbers((shape[0], *out, len(out)), 3, -2.1, 2.23)
    # Where places do not matter PyTorch gives zeros for their gradient, and retrograd none.
    constant = mode == "nearest" or (aligned and max(shape[2:]) == 1)
    twin = None if constant else torch_function("grid_sample", mode, padding, aligned)
    return Case((numbers(shape, 1), grid), (mode, padding, aligned), _sampled, twin)


def _affine_grid(theta: Array, size: Any, aligned: bool) -> Array:
    extents = size[2:]
    out = np.zeros((size[0], *extents, len(extents)))
    for n, *at in np.ndindex(*out.shape[:-1]):
        ends = [
            (i * 2 / (m - 1) - 1 if aligned else (2 * i + 1) / m - 1) if m > 1 else 0.0
            for i, m in zip(at, extents, strict=True)
        ]
        out[(n, *at)] = theta[n] @ np.array([*reversed(ends), 1.0])
    return out


_sample_refusals = (
    Refusal((numbers((1, 1, 2, 2)), numbers((1, 1, 1, 3))), ("bilinear", "zeros", False), ShapeError, "must be"),
    Refusal((numbers((1, 1, 2, 2)), numbers((2, 1, 1, 2))), ("bilinear", "zeros", False), ShapeError, "1 rows"),
    Refusal((numbers((1, 1, 0, 2)), numbers((1, 1, 1, 2))), ("bilinear", "zeros", False), ShapeError, "empty spatial"),
    Refusal((numbers((1, 1, 2, 2, 2)), numbers((1, 1, 1, 1, 3))), ("bicubic", "zeros", False), ShapeError, "bicubic"),
    Refusal((numbers((1, 1, 2, 2)), whole((1, 1, 1, 2))), ("bilinear", "zeros", False), DTypeError, "must be the same"),
)
_RESAMPLING_ROWS = (
    Row(
        "interpolate",
        (
            Case((numbers((2, 2, 3)), np.array([[0, 0, 2, 1], [1, 1, 2, 2]]), numbers((2, 4), 5)), (), _interpolated),
            Case(
                (
                    numbers((1, 2, 3, 2)),
                    np.array([[0, 2], [1, 2], [1, 0]]),
                    numbers((3, 2), 5),
                    np.array([[1, 0, 1]]),
                    numbers((1, 3), 6),
                ),
                (),
                _interpolated,
            ),
        ),
    ),
    Row(
        "interpolate.nearest",
        (
            Case((numbers((2, 2, 3)), np.array([0, 0, 2, 1])), (), _picked),
            Case((whole((1, 2, 3, 2)), np.array([2, 0]), np.array([1, 1, 0])), (), _picked, None, False),
            Case((numbers((0, 2, 3)), np.array([0, 2])), (), _picked),
        ),
    ),
    Row(
        "grid_sample",
        (
            *(
                _grid_case((2, 2, 3, 4), (2, 3), mode, padding, aligned)
                for mode in ("bilinear", "nearest", "bicubic")
                for padding in ("zeros", "border", "reflection")
                for aligned in (False, True)
            ),
            *(
                _grid_case((1, 2, 2, 3, 2), (1, 2, 2), mode, padding, False)
                for mode in ("bilinear", "nearest")
                for padding in ("zeros", "reflection")
            ),
            _grid_case((1, 1, 1, 1), (1, 2), "bilinear", "reflection", True),
        ),
        _sample_refusals,
    ),
    Row(
        "affine_grid",
        tuple(
            Case(
                (numbers((size[0], len(size) - 2, len(size) - 1)),),
                (size, aligned),
                _affine_grid,
                torch_function("affine_grid", size, aligned),
            )
            for size in ((2, 1, 2, 3), (1, 2, 1, 4), (1, 1, 2, 1, 3))
            for aligned in (False, True)
        ),
        (Refusal((numbers((1, 2, 2)),), ((1, 1, 2, 2), False), ShapeError, "must be"),),
    ),
)

# -- channels ---------------------------------------------------------------------------------------------------------


def _shuffled(x: Array, factor: int) -> Array:
    *lead, channels, height, width = x.shape
    y = np.zeros((*lead, channels // factor**2, height * factor, width * factor))
    for c, h, w, i, j in itertools.product(
        range(y.shape[-3]), range(height), range(width), range(factor), range(factor)
    ):
        y[..., c, h * factor + i, w * factor + j] = x[..., (c * factor + i) * factor + j, h, w]
    return y


def _unshuffled(x: Array, factor: int) -> Array:
    *lead, channels, height, width = x.shape
    y = np.zeros((*lead, channels * factor**2, height // factor, width // factor))
    for c, h, w in np.ndindex(channels, height, width):
        y[..., (c * factor + h % factor) * factor + w % factor, h // factor, w // factor] = x[..., c, h, w]
    return y


def _dealt(x: Array, groups: int) -> Array:
    each = x.shape[1] // groups
    return x[:, [group * each + i for i in range(each) for group in range(groups)]]


def _local_response(x: Array, alpha: Any, beta: Any, k: Any, size: int) -> Array:
    total = np.zeros_like(x)
    for c in range(x.shape[1]):
        total[:, c] = np.square(x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]).sum(1)
    return np.asarray(x / (k + alpha * total / size) ** beta)


def _instance_norm(x: Array, eps: Any, *rest: Any) -> Array:
    *parameters, has_weight = rest
    axes = tuple(range(2, x.ndim))
    z = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + np.float64(eps))
    given = iter(parameters)
    column = (1, -1, *[1] * len(axes))
    if has_weight:
        z = z * next(given).reshape(column)
    for bias in given:
        z = z + bias.reshape(column)
    return z


def _instance_track(x: Array, mean: Array, variance: Array, momentum: Any) -> tuple[Array, Array]:
    axes = tuple(range(2, x.ndim))
    return (
        momentum * x.mean(axes).mean(0) + (1 - momentum) * mean,
        momentum * x.var(axes, ddof=1).mean(0) + (1 - momentum) * variance,
    )


_CHANNEL_ROWS = (
    Row(
        "pixel_shuffle",
        (
            Case((numbers((2, 8, 2, 3)),), (2,), _shuffled, torch_function("pixel_shuffle", 2)),
            Case((numbers((9, 1, 2)),), (3,), _shuffled),
        ),
        (
            Refusal((numbers((2, 6, 2, 3)),), (2,), ShapeError, "divide the channels"),
            Refusal((numbers((4, 4)),), (2,), ShapeError, "must be"),
        ),
    ),
    Row(
        "pixel_unshuffle",
        (
            Case((numbers((2, 2, 4, 6)),), (2,), _unshuffled, torch_function("pixel_unshuffle", 2)),
            Case((numbers((1, 3, 6)),), (3,), _unshuffled),
        ),
        (Refusal((numbers((2, 3, 3)),), (2,), ShapeError, "divide height and width"),),
    ),
    Row(
        "channel_shuffle",
        (
            Case((numbers((2, 6, 2)),), (2,), _dealt),
            Case((numbers((1, 6, 2, 2)),), (3,), _dealt, torch_function("channel_shuffle", 3)),
        ),
        (Refusal((numbers((1, 5, 2)),), (2,), ShapeError, "divide the channels"),),
    ),
    Row(
        "local_response_norm",
        (
            Case((numbers((2, 5, 3)), *map(np.array, (0.7, 0.6, 1.3))), (3,), _local_response),
            Case((numbers((2, 3, 2, 2)), *map(np.array, (0.7, 0.6, 1.3))), (4,), _local_response),
            Case((numbers((0, 3, 2)), *map(np.array, (0.7, 0.6, 1.3))), (2,), _local_response),
        ),
        (Refusal((numbers((2, 3)), *map(np.array, (0.7, 0.6, 1.3))), (3,), ShapeError, "must be"),),
    ),
    Row(
        "instance_norm",
        (
            Case((numbers((2, 3, 4)), EPS, numbers((3,), 1), numbers((3,), 2)), (True,), _instance_norm),
            Case((numbers((2, 3, 2, 2)), EPS), (False,), _instance_norm),
            Case((numbers((2, 3, 4)), EPS, numbers((3,), 1)), (False,), _instance_norm),
        ),
        (
            Refusal((numbers((2, 3)), EPS), (False,), ShapeError, "must be"),
            Refusal((numbers((2, 3, 1)), EPS), (False,), ShapeError, "no variance"),
            Refusal((numbers((2, 3, 2)), EPS, numbers((2,))), (True,), ShapeError, "one number for each channel"),
        ),
    ),
    Row(
        "instance_norm.track",
        (Case((numbers((2, 3, 4)), numbers((3,), 1), numbers((3,), 2, 0.2), np.array(0.3)), (), _instance_track),),
    ),
)

RESAMPLING_ROWS = (*_RESAMPLING_ROWS, *_CHANNEL_ROWS)
