"""A leading axis for examples, as batching rules add it."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.ops.movement import broadcast_to, reshape


def with_batch(x: Node, size: int, batched: bool = False) -> Node:
    """x for each of `size` examples; x itself if it is batched already."""
    return x if batched else broadcast_to(reshape(x, (1, *x.type.shape)), (size, *x.type.shape))


def for_each(flags: Node, shape: tuple[int, ...]) -> Node:
    """One value for each example, along all axes of a batched shape."""
    return broadcast_to(reshape(flags, (flags.type.shape[0], *[1] * (len(shape) - 1))), shape)
