"""Convolutions and their gradients by a sum over taps, in whatever precision the operands have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def convolution_and_gradients(
    x: Array, w: Array, g: Array, stride: int = 1, padding: int = 0, groups: int = 1
) -> tuple[Array, Array, Array]:
    """A convolution, and the gradients of its input and weight where that of the result is g.

    All are sums of products, so that magnitudes in place of the operands give sum |terms|.
    """
    spatial, per_group = x.ndim - 2, w.shape[1]
    widths = [(0, 0)] * 2 + [(padding, padding)] * spatial
    data = np.pad(x, widths).reshape(len(x), groups, per_group, *(n + 2 * padding for n in x.shape[2:]))
    kernels = w.reshape(groups, -1, *w.shape[1:])
    slope = g.reshape(len(x), groups, -1, *g.shape[2:])
    y, of_data, of_kernels = np.zeros_like(slope), np.zeros_like(data), np.zeros_like(kernels)
    for tap, part in _parts(data.shape[3:], w.shape[2:], stride):
        met, weight = data[(..., *part)], kernels[(..., *tap)]
        y += np.einsum("bgi...,goi->bgo...", met, weight)
        of_data[(..., *part)] += np.einsum("bgo...,goi->bgi...", slope, weight)
        flat = [v.reshape(*v.shape[:3], -1) for v in (slope, met)]
        of_kernels[(..., *tap)] = np.einsum("bgop,bgip->goi", *flat)
    inside = tuple(slice(padding, padding + n) for n in x.shape[2:])
    return y.reshape(g.shape), of_data[(..., *inside)].reshape(x.shape), of_kernels.reshape(w.shape)


def _parts(extents: Shape, kernel: Shape, stride: int) -> Iterator[tuple[Shape, tuple[slice, ...]]]:
    """The taps of a kernel, and the part of the padded input that each meets."""
    positions = [(n - k) // stride + 1 for n, k in zip(extents, kernel, strict=True)]
    for tap in np.ndindex(kernel):
        yield tap, tuple(slice(t, t + (p - 1) * stride + 1, stride) for t, p in zip(tap, positions, strict=True))
