"""A weight by direction and length, as composites: w = g v / |v|, a norm for each slice on an axis, or for all."""

from __future__ import annotations

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.movement import broadcast_to
from retrograd.ops.vector_norm import vector_norm


def _norm(v: Node, axis: int | None) -> Node:
    """|v|: with all axes and the extent of one, or 0-dimensional."""
    axes = tuple(i for i in range(len(v.type.shape)) if i != axis)
    return vector_norm(v, (), "2", axes, axis is not None)


@composite("norm_except_dim")
def NORM_EXCEPT_DIM(v: Node, axis: int | None) -> Node:
    """The norm of each slice along an axis; of the whole if there is none."""
    return _norm(v, axis)


@composite("weight_norm")
def WEIGHT_NORM(v: Node, g: Node, axis: int | None) -> Node:
    """g v / |v|."""
    norm = _norm(v, axis)
    if g.type.shape != norm.type.shape:
        raise ShapeError(
            f"weight_norm: the length g has shape {g.type.shape}; for a direction v of shape {v.type.shape} it must "
            f"have {norm.type.shape}"
        )
    return e.mul(v, broadcast_to(e.div(g, norm), v.type.shape))
