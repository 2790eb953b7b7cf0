"""The rows of windowed maxima and sums; see `tests/support/table.py`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Refusal, Row, flags, numbers, whole

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

Pairs = tuple[tuple[int, int], ...]
Place = tuple[int, ...]


def _span(kernel: Place, dilation: Place) -> Iterator[int]:
    return ((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def windows(
    shape: Place, kernel: Place, stride: Place, padding: Pairs, dilation: Place
) -> Iterator[tuple[Place, list[Place]]]:
    """Each window of a plane, and the elements that it holds, by the definition: row by row, without padding."""
    counts = [
        (n + low + high - span) // s + 1
        for n, (low, high), span, s in zip(shape, padding, _span(kernel, dilation), stride, strict=True)
    ]
    for o in np.ndindex(*counts):
        held = []
        for k in np.ndindex(*kernel):
            at = tuple(
                a * s + b * d - low for a, s, b, d, (low, _) in zip(o, stride, k, dilation, padding, strict=True)
            )
            if all(0 <= i < n for i, n in zip(at, shape, strict=True)):
                held.append(at)
        yield o, held


def _counts(shape: Place, attributes: Any) -> Place:
    places = [o for o, _ in windows(shape, *attributes)]
    return tuple(np.max(places, axis=0) + 1)


def place_of_maximum(plane: Array, held: list[Place]) -> Place:
    """The first of the greatest elements, or the last NaN."""
    best = held[0]
    for at in held:
        if plane[at] > plane[best] or plane[at] != plane[at]:
            best = at
    return best


def _max_pool(x: Array, *attributes: Any) -> Array:
    y = np.empty((*x.shape[:2], *_counts(x.shape[2:], attributes)), x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, held in windows(x.shape[2:], *attributes):
            y[n, c][o] = x[n, c][place_of_maximum(x[n, c], held)]
    return y


def _gather(u: Array, x: Array, *attributes: Any) -> Array:
    y = np.empty((*x.shape[:2], *_counts(x.shape[2:], attributes)), u.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, held in windows(x.shape[2:], *attributes):
            y[n, c][o] = u[n, c][place_of_maximum(x[n, c], held)]
    return y


def _scatter(g: Array, x: Array, *attributes: Any) -> Array:
    out = np.zeros(x.shape, g.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, held in windows(x.shape[2:], *attributes):
            out[n, c][place_of_maximum(x[n, c], held)] += g[n, c][o]
    return out


def _sum_pool(x: Array, kernel: Place, stride: Place, padding: Pairs, dilation: Place, spread: Place) -> Array:
    """On the input with zeros between neighbours; a negative width crops it."""
    shape = tuple((n - 1) * d + 1 if n else 0 for n, d in zip(x.shape[2:], spread, strict=True))
    wide = np.zeros((*x.shape[:2], *shape), x.dtype)
    wide[(slice(None), slice(None), *(slice(None, None, d) for d in spread))] = x
    attributes = (kernel, stride, padding, dilation)
    y = np.zeros((*x.shape[:2], *_counts(shape, attributes)), x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, held in windows(shape, *attributes):
            # What was cropped away is no element.
            kept = [
                at
                for at in held
                if all(-low <= i < m + high for i, m, (low, high) in zip(at, shape, padding, strict=True))
            ]
            y[n, c][o] = sum(wide[n, c][at] for at in kept)
    return y


_LINE = ((2,), (2,), ((0, 0),), (1,))
_OVERLAPPING = ((3,), (1,), ((1, 2),), (2,))
_IMAGE = ((2, 3), (2, 1), ((1, 0), (1, 1)), (1, 2))
_VOLUME = ((2, 1, 2), (1, 2, 1), ((0, 0), (0, 0), (1, 1)), (1, 1, 1))
_ATTRIBUTES = (_LINE, _OVERLAPPING, _IMAGE, _VOLUME)
_SHAPES = ((2, 2, 5), (1, 2, 6), (2, 1, 3, 5), (1, 1, 2, 3, 2))
_RANGES = tuple(zip(_SHAPES, _ATTRIBUTES, strict=True))


def _padded_by_torch(x: Any) -> Any:
    return torch.nn.functional.max_pool2d(x, kernel_size=2, stride=1, padding=1)


_ties = np.array([[[[1.0, 2.0, 2.0, 1.0], [2.0, 2.0, 0.0, 1.0], [-np.inf, -np.inf, -np.inf, 1.0]]]])
_broken = np.array([[[[1.0, np.nan, 2.0, 1.0], [np.nan, 5.0, 0.0, np.inf], [-np.inf, 3.0, 7.0, 1.0]]]])
_square = ((2, 2), (1, 1), ((1, 1), (1, 1)), (1, 1))
_outside = ((2,), (1,), ((1, 2),), (3,))


def _places(shape: Place) -> Array:
    return np.broadcast_to(np.arange(int(np.prod(shape[2:]))).reshape(shape[2:]), shape)


_refusals: dict[str, tuple[Any, type[Exception], str]] = {
    "axes": (((2, 2), (1, 1), ((0, 0),), (1,)), ShapeError, "one entry for each"),
    "zero": (((2,), (0,), ((0, 0),), (1,)), ShapeError, "must be positive"),
    "large": (((4,), (1,), ((0, 0),), (2,)), ShapeError, "a window spans 7"),
}


def _refused(*more: Array, shape: Place = (1, 2, 4)) -> tuple[Refusal, ...]:
    return tuple(Refusal((*more, numbers(shape)), a, error, words) for a, error, words in _refusals.values())


POOL_ROWS: tuple[Row, ...] = (
    Row(
        "max_pool",
        (
            *(Case((numbers(shape, 1),), a, _max_pool) for shape, a in _RANGES),
            Case((numbers((2, 2, 3, 4)),), _square, _max_pool, _padded_by_torch),
            Case((_ties,), _square, _max_pool, _padded_by_torch, False),
            Case((_broken,), _square, _max_pool, _padded_by_torch, False),
            Case((whole((1, 2, 5), 1),), _OVERLAPPING, _max_pool, None, False),
            Case((numbers((0, 2, 5)),), _LINE, lambda x, *_: np.zeros((0, 2, 2))),
            # A window of padding alone.
            Case((numbers((1, 1, 1)),), _outside, lambda x, *_: np.full((1, 1, 1), -np.inf), None, False),
        ),
        (
            *_refused(),
            Refusal((numbers((2, 3)),), _LINE, ShapeError, r"must be \(batch, channels"),
            Refusal((numbers((1, 1, 4)),), ((2,), (1,), ((-1, 0),), (1,)), ShapeError, "must not be negative"),
            Refusal((flags((1, 1, 4)),), _LINE, DTypeError, "received bool"),
        ),
    ),
    Row(
        "max_pool_gather",
        (
            *(Case((numbers(shape, 2), numbers(shape, 1)), a, _gather) for shape, a in _RANGES),
            *(Case((_places(x.shape), x), _square, _gather, None, False) for x in (_ties, _broken)),
            Case((numbers((0, 2, 5)), numbers((0, 2, 5))), _LINE, lambda u, x, *_: np.zeros((0, 2, 2))),
            Case((numbers((1, 1, 1)), numbers((1, 1, 1))), _outside, lambda u, x, *_: np.zeros((1, 1, 1))),
        ),
        (
            *_refused(numbers((1, 2, 4))),
            Refusal((numbers((1, 2, 5)), numbers((1, 2, 4))), _LINE, ShapeError, "must be equal"),
        ),
    ),
    Row(
        "max_pool_scatter",
        (
            *(
                Case((numbers((*shape[:2], *_counts(shape[2:], a)), 2), numbers(shape, 1)), a, _scatter)
                for shape, a in _RANGES
            ),
            *(Case((numbers((1, 1, 4, 5)), x), _square, _scatter, None, False) for x in (_ties, _broken)),
            Case((numbers((0, 2, 2)), numbers((0, 2, 5))), _LINE, lambda g, x, *_: np.zeros((0, 2, 5))),
            Case((numbers((1, 1, 1)), numbers((1, 1, 1))), _outside, lambda g, x, *_: np.zeros((1, 1, 1))),
        ),
        (
            *_refused(numbers((1, 2, 2))),
            Refusal((numbers((1, 2, 3)), numbers((1, 2, 4))), _LINE, ShapeError, r"are \(1, 2, 2\)"),
        ),
    ),
    Row(
        "sum_pool",
        (
            *(Case((numbers(shape, 1),), (*a, (1,) * len(a[0])), _sum_pool) for shape, a in _RANGES),
            *(
                Case((numbers((1, 2, 4, 3), 1),), (kernel, stride, padding, (1, 2), spread), _sum_pool)
                for kernel, stride, padding, spread in itertools.product(
                    ((2, 2), (1, 3)), ((2, 1),), (((1, 2), (3, 0)), ((0, 1), (2, 2))), ((1, 2), (2, 3))
                )
            ),
            # Cropped at both ends, and beyond what there is at one.
            Case((numbers((1, 2, 6), 1),), ((2,), (1,), ((-1, -2),), (1,), (1,)), _sum_pool),
            Case((numbers((1, 2, 2), 1),), ((2,), (1,), ((-3, 5),), (1,), (1,)), _sum_pool),
            Case((whole((1, 2, 5), 1),), (*_OVERLAPPING, (1,)), _sum_pool, None, False),
            Case((numbers((0, 2, 5)),), (*_LINE, (1,)), lambda x, *_: np.zeros((0, 2, 2))),
        ),
        (
            *(Refusal((numbers((1, 2, 4)),), (*a, (1,)), error, words) for a, error, words in _refusals.values()),
            Refusal((numbers((1, 2, 4)),), (*_LINE, (1, 1)), ShapeError, "input_dilation"),
            Refusal((flags((1, 1, 4)),), (*_LINE, (1,)), DTypeError, "received bool"),
        ),
    ),
)
