"""Resampling on a regular grid as composites. Where the samples lie, and with what weights, is data: see
`nn/functions/interpolate.py`, which computes both for each axis."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.along import take_along
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim


@composite("interpolate.nearest")
def INTERPOLATE_NEAREST(x: Node, *positions: Node) -> Node:
    """Along spatial axis i, which is axis i + 2, the elements at positions[i], (out,)."""
    for i, index in enumerate(positions):
        x = take_along(x, index, i + 2)
    return x


@composite("interpolate")
def INTERPOLATE(x: Node, *taps: Any) -> Node:
    """Along each spatial axis a weighted sum: `taps` are positions and weights in turn, both (taps, out)."""
    for i in range(len(taps) // 2):
        x = _weighted(x, taps[2 * i], taps[2 * i + 1], i + 2)
    return x


def _weighted(x: Node, index: Node, weight: Node, axis: int) -> Node:
    found = take_along(x, index, axis)
    taps, out = index.type.shape
    ones = (1,) * (len(x.type.shape) - axis - 1)
    weights = reshape(weight, (*[1] * axis, taps, out, *ones))
    products = e.mul(found, broadcast_to(e.cast(weights, x.type.dtype), found.type.shape))
    return drop_axes(sum_keepdim(products, (axis,)), (axis,))
