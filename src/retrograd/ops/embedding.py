"""Rows of a table by number, as composites."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, like
from retrograd.ops.indexing import TAKE_ADD, take
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.spread import spread
from retrograd.ops.vector_norm import vector_norm


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


def _by_frequency_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node | None, ...]:
    """That of a plain lookup, each row's divided by how often the row was read."""
    total, *rest = _embedding_gradient(g, x, y, _)
    assert total is not None
    counts = _counts(x[1], x[0])
    one = like(1, counts)
    divisor = e.select(e.lt(counts, one), one, counts)
    return e.div(total, broadcast_to(divisor, total.type.shape)), *rest


def _counts(index: Node, table: Node) -> Node:
    """How often each row is read, (rows, 1), in the dtype of the table."""
    rows = (table.type.shape[0], 1)
    ones = const(1, table.type.dtype, (index.type.size, 1))
    return record(TAKE_ADD, (ones, reshape(e.cast(index, int64), (index.type.size,))), (rows,))


@composite("embedding.by_frequency", _by_frequency_gradient)
def EMBEDDING_BY_FREQUENCY(table: Node, index: Node, *padding: Node) -> Node:
    """As the plain lookup; the gradient of a row is the mean over the places where it is read, not the sum."""
    return record(EMBEDDING, (table, index, *padding))


@composite("embedding.renorm")
def EMBEDDING_RENORM(table: Node, index: Node, most: Node, *rest: Any) -> Node:
    """The table with those rows that are read, and whose p-norm is above `most`, scaled down to it.

    The arguments after `most`: p if its kind is "p", and the kind.
    """
    *p, kind = rest
    norms = vector_norm(table, tuple(p), kind, (1,), True)
    counts, high = _counts(index, table), spread(most, norms)
    scaled = e.logical_and(e.gt(counts, like(0, counts)), e.gt(norms, high))
    factor = e.select(scaled, e.div(high, e.add(norms, like(1e-7, norms))), like(1, norms))
    return e.mul(table, broadcast_to(factor, table.type.shape))
