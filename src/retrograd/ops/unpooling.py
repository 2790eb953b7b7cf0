"""The partial inverse of max pooling, as a composite."""

from __future__ import annotations

import math

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops.constant import const
from retrograd.ops.gather import scatter
from retrograd.ops.movement import reshape
from retrograd.ops.pooling import like_input, with_batch


@composite("max_unpool")
def MAX_UNPOOL(x: Node, places: Node, sizes: Shape) -> Node:
    """Planes of zeros with the extents `sizes`, and the elements of x written to places in them; the last one stays."""
    name = f"max_unpool{len(sizes)}d"
    if places.type.dtype is not int64:
        raise DTypeError(f"{name}: the indices have dtype {places.type.dtype.name}; they must be int64 (use .long())")
    if places.type.shape != x.type.shape:
        raise ShapeError(
            f"{name}: the indices have shape {places.type.shape}; they must have the input's, {x.type.shape}"
        )
    batch = with_batch("max_unpool", x, len(sizes))
    lead, count = batch.type.shape[:2], math.prod(batch.type.shape[2:])
    flat = reshape(batch, (*lead, count))
    ground = const(0, x.type.dtype, (*lead, math.prod(sizes)))
    written = scatter(ground, reshape(places, (*lead, count)), flat, 2, "set")
    return like_input(reshape(written, (*lead, *sizes)), x)
