"""Rows of a table by number, as a composite."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.indexing import TAKE_ADD, take
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.spread import spread


def _embedding_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node | None, ...]:
    """Each row's gradients added up, those of the padding left out."""
    table, given, *padding = x
    index = e.cast(given, int64)
    if padding:
        column = reshape(e.ne(index, spread(padding[0], index)), (*index.type.shape, 1))
        g = e.select(broadcast_to(column, g.type.shape), g, like(0, g))
    return record(TAKE_ADD, (g, index), (table.type.shape,)), None, *[None] * len(padding)


@composite("embedding", _embedding_gradient)
def EMBEDDING(table: Node, index: Node, *padding: Node) -> Node:
    """table[index[i...], j]; the row numbered `padding` gets no gradient."""
    if len(table.type.shape) != 2:
        raise ShapeError(f"embedding: the weight has shape {table.type.shape}; it must be (rows, features)")
    if index.type.dtype.name not in ("int32", "int64"):
        raise DTypeError(
            f"embedding: the index has dtype {index.type.dtype.name}; it must be int64 or int32 (use .long())"
        )
    return take(table, e.cast(index, int64))
