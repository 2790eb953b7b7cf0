"""Rows of a table by number, put together bag by bag, as a composite."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, iota, like
from retrograd.ops.embedding import EMBEDDING, EMBEDDING_BY_FREQUENCY
from retrograd.ops.gather import gather, scatter
from retrograd.ops.indexing import TAKE_ADD
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim
from retrograd.ops.spread import spread


def _bag_numbers(offsets: Node, count: int) -> Node:
    """Which bag each of `count` places is in: one less than how many bags begin at or before it."""
    shape = (count, offsets.type.size)
    begun = e.ge(iota(shape, 0), broadcast_to(reshape(offsets, (1, offsets.type.size)), shape))
    bags = drop_axes(sum_keepdim(e.cast(begun, int64), (1,)), (1,))
    return e.sub(bags, like(1, bags))


def _column(x: Node, shape: tuple[int, ...]) -> Node:
    """One value for each row, repeated along the features."""
    return broadcast_to(reshape(x, (shape[0], 1)), shape)


def _maxima(rows: Node, bags: Node, valid: Node, count: int) -> Node:
    """The greatest element of each bag, feature by feature; the gradient goes to the first of them. Empty bags: 0."""
    shape, features = rows.type.shape, rows.type.shape[1]
    places, low = _column(bags, shape), like(float("-inf"), rows)
    shown = e.select(_column(valid, shape), rows, low)
    most = scatter(const(float("-inf"), rows.type.dtype, (count, features)), places, shown, 0, "max")
    at = e.logical_and(e.eq(shown, gather(most, places, 0)), _column(valid, shape))
    nowhere = const(shape[0], int64, shape)
    found = e.select(at, iota(shape, 0), nowhere)
    first = scatter(const(shape[0], int64, (count, features)), places, found, 0, "min")
    empty = e.eq(first, like(shape[0], first))
    values = gather(rows, e.select(empty, like(0, first), first), 0)
    return e.select(empty, like(0, values), values)


def _check(table: Node, index: Node, offsets: Node) -> None:
    if len(table.type.shape) != 2 or len(index.type.shape) != 1 or len(offsets.type.shape) != 1:
        raise ShapeError(
            f"embedding_bag: the weight has shape {table.type.shape}, the numbers {index.type.shape} and the offsets "
            f"{offsets.type.shape}; they must be (rows, features), (count,) and (bags,)"
        )
    for what, x in (("numbers", index), ("offsets", offsets)):
        if x.type.dtype.name not in ("int32", "int64"):
            raise DTypeError(
                f"embedding_bag: the {what} have dtype {x.type.dtype.name}; they must be int64 or int32 (use .long())"
            )


def _put_together(lookup: Composite, table: Node, index: Node, offsets: Node, rest: tuple[Any, ...]) -> Node:
    *nodes, has_factors, has_padding, mode, count = rest
    _check(table, index, offsets)
    given = iter(nodes)
    factors = next(given) if has_factors else None
    padding = next(given) if has_padding else None
    bags = _bag_numbers(e.cast(offsets, int64), index.type.size)
    valid = e.lt(bags, like(count, bags))
    if padding is not None:
        valid = e.logical_and(valid, e.ne(e.cast(index, int64), spread(padding, bags)))
    rows = record(lookup, (table, index))
    if mode == "max":
        return _maxima(rows, bags, valid, count)
    if factors is not None:
        rows = e.mul(rows, _column(e.cast(factors, rows.type.dtype), rows.type.shape))
    rows = e.select(_column(valid, rows.type.shape), rows, like(0, rows))
    total = record(TAKE_ADD, (rows, bags), ((count, rows.type.shape[1]),))
    if mode == "sum":
        return total
    counts = record(TAKE_ADD, (e.cast(valid, rows.type.dtype), bags), ((count,),))
    one = like(1, counts)
    return e.div(total, _column(e.select(e.lt(counts, one), one, counts), total.type.shape))


@composite("embedding_bag")
def EMBEDDING_BAG(table: Node, index: Node, offsets: Node, *rest: Any) -> Node:
    """The sum, mean or maximum of the rows of each bag; bag b holds the places from offsets[b] to the next offset.

    The arguments after the offsets: a factor for each place and the row that counts for nothing, where there are;
    whether there are such; "sum", "mean" or "max"; how many bags there are.
    """
    return _put_together(EMBEDDING, table, index, offsets, rest)


@composite("embedding_bag.by_frequency")
def EMBEDDING_BAG_BY_FREQUENCY(table: Node, index: Node, offsets: Node, *rest: Any) -> Node:
    """As the plain one; the gradient of a row is divided by how often the row is read."""
    return _put_together(EMBEDDING_BY_FREQUENCY, table, index, offsets, rest)
