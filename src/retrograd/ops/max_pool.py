"""Windowed maxima: `max_pool`, and reading and adding at the places where they stand.

With m(o) the place of the maximum of x in window o (`ops/window.py`):

    max_pool(x)[o] = x[m(o)],   max_pool_gather(u, x)[o] = u[m(o)],   max_pool_scatter(g, x)[i] = sum_{m(o) = i} g[o].

Of equal maxima the first in row-major order counts, and a NaN is greater than any number; of several NaNs the last
counts, as in PyTorch. Padding is never chosen: a window of nothing but padding gives the least number, and 0.
The second is the indices of a max pool, if u says where each element stands; the third is its gradient, and the two
are each other's gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops.conv import Padding
from retrograd.ops.window import Windows, merged, parted, taps, window_extents


def _infer(types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
    (x,) = types
    return tensor_type((*x.shape[:2], *_extents("max_pool", x, Windows(*attributes))), x.dtype)


def _extents(name: str, x: TensorType, windows: Windows) -> tuple[int, ...]:
    if x.dtype is bool_:
        raise DTypeError(f"{name} takes numbers, and received bool; cast with .to(dtype) first")
    extents = window_extents(name, x, windows)
    if min(min(pair) for pair in windows.padding) < 0:
        raise ShapeError(f"{name}: padding is {windows.padding}; it must not be negative")
    return extents


def _infer_gather(types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
    u, x = types
    extents = _extents("max_pool_gather", x, Windows(*attributes))
    if u.shape != x.shape:
        raise ShapeError(f"max_pool_gather: operands have shapes {u.shape} and {x.shape}; they must be equal")
    return tensor_type((*x.shape[:2], *extents), u.dtype)


def _infer_scatter(types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
    g, x = types
    shape = (*x.shape[:2], *_extents("max_pool_scatter", x, Windows(*attributes)))
    if g.shape != shape:
        raise ShapeError(f"max_pool_scatter: the windows of {x.shape} are {shape}, and the values have shape {g.shape}")
    return tensor_type(x.shape, g.dtype)


# -- reference --------------------------------------------------------------------------------------------------------


def _padded(x: np.ndarray, padding: Padding) -> np.ndarray:
    return np.pad(x, [(0, 0), (0, 0), *padding])


def _maxima(x: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window, and its place there: a position in row-major order, -1 where all is padding."""
    inside = taps(_padded(np.ones((1, 1, *x.shape[2:]), np.bool_), windows.padding), windows)
    best = place = None
    for k, (value, there) in enumerate(zip(taps(_padded(x, windows.padding), windows), inside, strict=True)):
        if best is None or place is None:
            least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
            best, place = np.full(value.shape, least, x.dtype), np.full(value.shape, -1)
        better = there & ((place < 0) | (value > best) | (value != value))
        best, place = np.where(better, value, best), np.where(better, k, place)
    assert best is not None
    assert place is not None
    return best, place


def _reference(x: np.ndarray, *attributes: Any) -> np.ndarray:
    return _maxima(x, Windows(*attributes))[0]


def _gather_reference(u: np.ndarray, x: np.ndarray, *attributes: Any) -> np.ndarray:
    windows = Windows(*attributes)
    _, place = _maxima(x, windows)
    out = np.zeros(place.shape, u.dtype)
    for k, value in enumerate(taps(_padded(u, windows.padding), windows)):
        out = np.where(place == k, value, out)
    return out


def _scatter_reference(g: np.ndarray, x: np.ndarray, *attributes: Any) -> np.ndarray:
    windows = Windows(*attributes)
    _, place = _maxima(x, windows)
    out = np.zeros(
        (*x.shape[:2], *(n + sum(pad) for n, pad in zip(x.shape[2:], windows.padding, strict=True))), g.dtype
    )
    for k, target in enumerate(taps(out, windows)):
        target += np.where(place == k, g, np.zeros((), g.dtype))
    inside = (slice(low, low + n) for n, (low, _) in zip(x.shape[2:], windows.padding, strict=True))
    return np.ascontiguousarray(out[(slice(None), slice(None), *inside)])


# -- gradients and batching -------------------------------------------------------------------------------------------


def _gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    return (max_pool_scatter(g, inputs[0], attributes),)


def _gather_gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    return max_pool_scatter(g, inputs[1], attributes), None


def _scatter_gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    return max_pool_gather(g, inputs[1], attributes), None


def _batch_rule(name: str) -> Any:
    def rule(inputs: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
        flat = tuple(merged(x, batch, size) for x, batch in zip(inputs, has, strict=True))
        return parted(record(_MADE[name], flat, attributes), size)

    return rule


MAX_POOL = register(Primitive("max_pool", _infer, _reference, _gradient, _batch_rule("max_pool")))
MAX_POOL_GATHER = register(
    Primitive("max_pool_gather", _infer_gather, _gather_reference, _gather_gradient, _batch_rule("max_pool_gather"))
)
MAX_POOL_SCATTER = register(
    Primitive(
        "max_pool_scatter", _infer_scatter, _scatter_reference, _scatter_gradient, _batch_rule("max_pool_scatter")
    )
)
_MADE = {primitive.name: primitive for primitive in (MAX_POOL, MAX_POOL_GATHER, MAX_POOL_SCATTER)}


def max_pool(x: Node, windows: Windows) -> Node:
    """The maximum of each window of x, (batch, channels, *spatial)."""
    return record(MAX_POOL, (x,), windows)


def max_pool_gather(u: Node, x: Node, windows: Windows) -> Node:
    """What u, of x's shape and any dtype, has where the maxima of the windows of x stand."""
    return record(MAX_POOL_GATHER, (u, x), windows)


def max_pool_scatter(g: Node, x: Node, windows: Windows) -> Node:
    """Zeros of x's shape, with g added where the maxima of the windows of x stand."""
    return record(MAX_POOL_SCATTER, (g, x), windows)
