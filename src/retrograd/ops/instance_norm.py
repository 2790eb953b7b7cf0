"""Instance normalisation as composites: group normalisation with one channel a group, and its running statistics."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.movement import reshape
from retrograd.ops.norm import GROUP_NORM, correction, moments
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.spread import spread


def _field(x: Node) -> int:
    """How many values a channel of a row has."""
    shape = x.type.shape
    if len(shape) < 3:
        raise ShapeError(f"instance_norm: the input has shape {shape}; it must be (batch, channels, *spatial)")
    if math.prod(shape[2:]) == 1:
        raise ShapeError(
            f"instance_norm: an input of shape {shape} has one value for each channel of a row, which has no variance; "
            "give it more than one position, or call eval() on a layer that tracks running statistics"
        )
    return math.prod(shape[2:])


@composite("instance_norm")
def INSTANCE_NORM(x: Node, eps: Node, *rest: Any) -> Node:
    """Each channel of each row by its own mean and variance; the last argument says whether there is a weight."""
    *parameters, has_weight = rest
    _field(x)
    return record(GROUP_NORM, (x, eps, *parameters), (x.type.shape[1], has_weight))


@composite("instance_norm.track")
def INSTANCE_NORM_TRACK(x: Node, mean: Node, variance: Node, momentum: Node) -> tuple[Node, Node]:
    """The running mean and variance moved towards the averages, over the rows, of those of each row."""
    count, rows = _field(x), x.type.shape[0]
    found_mean, found_variance = moments(x, tuple(range(2, len(x.type.shape))))
    found_variance = e.mul(found_variance, correction(count, found_variance))
    moved = []
    for found, old in ((found_mean, mean), (found_variance, variance)):
        total = sum_keepdim(found, (0,))
        average = e.cast(reshape(e.div(total, like(rows, total)), old.type.shape), old.type.dtype)
        part = spread(momentum, old)
        moved.append(e.add(e.mul(part, average), e.mul(e.sub(like(1, old), part), old)))
    return moved[0], moved[1]
