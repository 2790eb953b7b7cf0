"""Root-mean-square normalisation as a composite: z = x / sqrt(mean(x^2) + eps) over the last axes, then weight * z.

The gradient is, with h = g * weight,

    dx = (h - z mean(h z)) / sqrt(mean(x^2) + eps),   dweight = sum(g z).
"""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.spread import spread


def _rows(x: Node, axes: int) -> Node:
    shape = x.type.shape
    split = len(shape) - axes
    return reshape(x, (math.prod(shape[:split]), math.prod(shape[split:])))


def _normalised(rows: Node, eps: Node) -> tuple[Node, Node]:
    """z and 1 / sqrt(mean(x^2) + eps)."""
    total = sum_keepdim(e.mul(rows, rows), (1,))
    mean = e.div(total, like(rows.type.shape[1], total))
    root = e.sqrt(e.add(mean, spread(eps, mean)))
    inverse = broadcast_to(e.div(like(1, root), root), rows.type.shape)
    return e.mul(rows, inverse), inverse


def _gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    shape, has_weight = attributes
    value, eps, *weight = x
    rows, upper = _rows(value, len(shape)), _rows(g, len(shape))
    z, inverse = _normalised(rows, eps)
    h, to_weight = upper, []
    if has_weight:
        line = broadcast_to(reshape(weight[0], (1, rows.type.shape[1])), rows.type.shape)
        h = e.mul(upper, line)
        to_weight.append(reshape(sum_keepdim(e.mul(upper, z), (0,)), shape))
    total = sum_keepdim(e.mul(h, z), (1,))
    slope = broadcast_to(e.div(total, like(rows.type.shape[1], total)), rows.type.shape)
    to_x = e.mul(e.sub(h, e.mul(z, slope)), inverse)
    return (reshape(to_x, value.type.shape), None, *to_weight)


@composite("rms_norm", _gradient)
def RMS_NORM(x: Node, eps: Node, *rest: Any) -> Node:
    """Over the last axes. The last arguments: their extents, and whether there is a weight."""
    *weight, shape, has_weight = rest
    if not shape or x.type.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"rms_norm: the input has shape {x.type.shape}; its last axes must be normalized_shape, {shape}"
        )
    z, _ = _normalised(_rows(x, len(shape)), eps)
    if has_weight:
        if weight[0].type.shape != shape:
            raise ShapeError(
                f"rms_norm: the weight has shape {weight[0].type.shape}; it must have the normalized_shape, {shape}"
            )
        z = e.mul(z, broadcast_to(reshape(weight[0], (1, z.type.shape[1])), z.type.shape))
    return reshape(z, x.type.shape)
