"""Where the samples of a resampled axis lie in the original one, and with what weights, as PyTorch computes them.

For sample i the place is scale (i + 1/2) - 1/2, or scale i where the corners are aligned; arithmetic is in the dtype of
the elements, so that samples fall on the same side of a border as PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.ops.cubic import CUBIC

Array = np.ndarray[Any, Any]
# Positions and weights, both (taps, samples).
Taps = tuple[Array, Array]


def _scale(extent: int, size: int, factor: float | None, align_corners: bool, dtype: Any) -> Any:
    """How far one sample is from the next."""
    if align_corners:
        return dtype(extent - 1) / dtype(size - 1) if size > 1 else dtype(0)
    return dtype(1.0 / factor) if factor else dtype(extent) / dtype(size)


def _places(extent: int, size: int, factor: float | None, align_corners: bool, dtype: Any) -> Array:
    scale = _scale(extent, size, factor, align_corners, dtype)
    i = np.arange(size).astype(dtype)
    return np.asarray(scale * i if align_corners else scale * (i + dtype(0.5)) - dtype(0.5))


def nearest(extent: int, size: int, factor: float | None, exact: bool, dtype: Any) -> Array:
    """The element that each sample lies in: by its centre if exact, else by its start."""
    scale = _scale(extent, size, factor, False, dtype)
    i = np.arange(size).astype(dtype)
    found = np.floor(((i + dtype(0.5)) * scale if exact else i * scale).astype(np.float32))
    return np.asarray(np.minimum(found.astype(np.int64), extent - 1))


def linear(extent: int, size: int, factor: float | None, align_corners: bool, dtype: Any) -> Taps:
    """The two neighbours of each sample."""
    if extent == size:
        at = np.arange(size)
        return np.stack([at, at]), np.stack([np.ones(size, dtype), np.zeros(size, dtype)])
    places = np.maximum(_places(extent, size, factor, align_corners, dtype), dtype(0))
    lower = np.minimum(places.astype(np.int64), extent - 1)
    part = np.clip(places - lower.astype(dtype), 0, 1).astype(dtype)
    return np.stack([lower, np.minimum(lower + 1, extent - 1)]), np.stack([dtype(1) - part, part])


def cubic(extent: int, size: int, factor: float | None, align_corners: bool, dtype: Any) -> Taps:
    """The four neighbours of each sample, those outside replaced by the outermost elements."""
    places = _places(extent, size, factor, align_corners, dtype)
    lower = np.minimum(np.floor(places).astype(np.int64), extent - 1)
    part = np.clip(places - lower.astype(dtype), 0, 1).astype(dtype)
    index = np.stack([np.clip(lower + k, 0, extent - 1) for k in (-1, 0, 1, 2)])
    weight = [_cubic_filter(np.abs(part - dtype(k)), CUBIC) for k in (-1, 0, 1, 2)]
    return index, np.stack(weight).astype(dtype)


def _cubic_filter(x: Array, a: float) -> Array:
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0))


def _triangle(x: Array) -> Array:
    return np.asarray(np.maximum(1 - x, 0))


def _cubic_half(x: Array) -> Array:
    return _cubic_filter(x, -0.5)


def _lanczos(x: Array) -> Array:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)


# The filters that take an average over all elements below a sample that is larger than they are, and their radii.
_FILTERS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic_half, 2),
    "lanczos": (_lanczos, 3),
}


def antialiased(mode: str, extent: int, size: int, factor: float | None, align_corners: bool, dtype: Any) -> Taps:
    """All elements within reach of a filter that is as wide as a sample, if that is wider than an element.

    Aligned corners change the scale and not, as elsewhere, where the first sample lies: so does PyTorch.
    """
    if extent == size:
        return np.arange(size)[None], np.ones((1, size), dtype)
    weigh, radius = _FILTERS[mode]
    scale = float(_scale(extent, size, factor, align_corners, dtype))
    stretch = max(scale, 1.0)
    centre = scale * (np.arange(size) + 0.5)
    low = np.maximum((centre - radius * stretch + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + radius * stretch + 0.5).astype(np.int64), extent)
    taps = max(int((high - low).max()), 1)
    index = low + np.arange(taps)[:, None]
    weight = np.where(index < high, weigh(np.abs(index - centre + 0.5) / stretch), 0.0)
    return np.minimum(index, extent - 1), (weight / weight.sum(0)).astype(dtype)


def output_size(extent: int, factor: float) -> int:
    """Extent of a scaled axis."""
    return math.floor(extent * factor)
