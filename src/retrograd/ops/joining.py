"""Tensors put together, as composites."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import movement as m
from retrograd.ops.arithmetic import common_dtype
from retrograd.ops.elementwise import cast


def _cast(nodes: list[Node]) -> list[Node]:
    dtype = common_dtype(*nodes)
    return [cast(x, dtype) for x in nodes]


@composite("cat")
def CAT(*parts: Any) -> Node:
    """The parts one after another; the last argument is the axis."""
    *nodes, axis = parts
    return m.concat(tuple(_cast(nodes)), axis)


@composite("stack")
def STACK(*parts: Any) -> Node:
    """The parts along a new axis; the last argument is the axis."""
    *nodes, axis = parts
    shape = nodes[0].type.shape
    for node in nodes[1:]:
        if node.type.shape != shape:
            raise ShapeError(f"stack: shapes {shape} and {node.type.shape} must be equal")
    new = (*shape[:axis], 1, *shape[axis:])
    return m.concat(tuple(m.reshape(x, new) for x in _cast(nodes)), axis)


@composite("block_diag")
def BLOCK_DIAG(*parts: Node) -> Node:
    """Matrices along the diagonal, zeros elsewhere."""
    nodes = _cast(list(parts))
    width = sum(x.type.shape[1] for x in nodes)
    rows, before = [], 0
    for x in nodes:
        after = width - before - x.type.shape[1]
        rows.append(m.pad(x, (0, before), (0, after)))
        before += x.type.shape[1]
    return m.concat(tuple(rows), 0)
