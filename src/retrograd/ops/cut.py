"""Views that take two movements, as one operation each: what ints and slices select, and axes seen as longer ones."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops.constant import const_offset
from retrograd.ops.movement import broadcast_to, reshape, slice_


@composite("cut")
def CUT(x: Node, *rest: Any) -> Node:
    """A region of x in another shape.

    Its starts are given along the axes that it does not take whole; the last arguments are the sizes, and the shape.
    """
    *starts, sizes, shape = rest
    given = iter(starts)
    offsets = [
        const_offset(0) if size == extent else next(given) for size, extent in zip(sizes, x.type.shape, strict=True)
    ]
    return reshape(slice_(x, tuple(offsets), sizes, (1,) * len(sizes)), shape)


@composite("expand")
def EXPAND(x: Node, shape: Shape) -> Node:
    """x repeated along new leading axes and along axes of extent 1."""
    return broadcast_to(x, shape)
