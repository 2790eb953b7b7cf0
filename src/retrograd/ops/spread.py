"""Numbers that the user chooses (slopes, epsilons, thresholds): run-time inputs that meet a tensor."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.ops import elementwise as e
from retrograd.ops.movement import broadcast_to


def spread(number: Node, x: Node) -> Node:
    """A 0-dimensional value with the dtype and shape of x."""
    return broadcast_to(e.cast(number, x.type.dtype), x.type.shape)
