"""Attention whose scores are never there all at once: block by block of the query's rows.

The whole matrix of scores is as large as the context is long, squared. A block of rows needs its own scores only, in
both directions: the backward pass makes them once more, and adds up what the blocks give to keys and values.

Source: the idea of Rabe and Staats, "Self-attention does not need O(n^2) memory" (2021), and of Dao et al.,
"FlashAttention" (2022); here the rows are taken whole, so that their softmax is that of `ops/attention.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Call, composite
from retrograd.core.types import Shape, tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.attention_scores import batch_shape, grown, probabilities, scores_of, shrunk
from retrograd.ops.constant import const_offset, iota, zeros
from retrograd.ops.loop import Loop
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, concat, pad, permute, reshape, slice_, transpose
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.scan import scan
from retrograd.ops.spread import spread

# Fewer scores than these are kept whole.
MOST_SCORES: Final = 1 << 22
# A block has about so many scores, but no fewer rows than a product is fast with, and a multiple of them.
_BLOCK_SCORES, _FEWEST_ROWS = 1 << 20, 64
# In how many parts rows are taken that look at nothing later.
_MOST_PARTS = 8


def block_rows(batch: Shape, rows: int, columns: int) -> int | None:
    """How many rows of the query are taken at a time; None if all. By shape alone."""
    each = math.prod(batch) * columns
    if each * rows <= MOST_SCORES:
        return None
    return max(_BLOCK_SCORES // each // _FEWEST_ROWS, 1) * _FEWEST_ROWS


class _Part(NamedTuple):
    """Rows that look at the same columns: where they begin, how many there are, how many columns from the first on."""

    first: int
    rows: int
    columns: int


def _parts(rows: int, columns: int, is_causal: bool, size: int) -> list[_Part]:
    """All rows in one; or, if none looks at what comes later, some runs of blocks, each without what is too late."""
    blocks = -(-rows // size)
    if not is_causal or blocks < 2:
        return [_Part(0, rows, columns)]
    run = -(-blocks // _MOST_PARTS) * size
    starts = range(0, rows, run)
    return [_Part(start, min(run, rows - start), min(start + run, columns)) for start in starts]


def _cut_out(x: Node, first: int, rows: int, columns: int) -> Node:
    """Rows from `first` on, and the first columns, of the last two axes."""
    *lead, _, _ = x.type.shape
    starts = (*(const_offset(0) for _ in lead), const_offset(first), const_offset(0))
    return slice_(x, starts, (*lead, rows, columns), (1,) * len(starts))


class _Blocks:
    """The rows of some operands, cut alike.

    Attributes:
        count: how many blocks there are; the last one is filled up with zeros.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.rows, self.size, self.count = rows, size, -(-rows // size)

    def cut(self, x: Node) -> Node:
        """(..., rows, width) as (blocks, ..., size, width)."""
        *lead, _, width = x.type.shape
        none = (0,) * len(lead)
        x = pad(x, (*none, 0, 0), (*none, self.count * self.size - self.rows, 0))
        x = reshape(x, (*lead, self.count, self.size, width))
        place = len(lead)
        return permute(x, (place, *range(place), place + 1, place + 2))

    def joined(self, x: Node) -> Node:
        """(blocks, ..., size, width) as (..., rows, width)."""
        _, *lead, _, width = x.type.shape
        place = len(lead)
        x = permute(x, (*range(1, place + 1), 0, place + 1, place + 2))
        return _cut_out(reshape(x, (*lead, self.count * self.size, width)), 0, self.rows, width)

    def firsts(self, start: int) -> Node:
        """The number of each block's first row, where that of the first block is `start`: (blocks,)."""
        shape = (self.count,)
        steps = e.mul(iota(shape, 0), broadcast_to(const_offset(self.size), shape))
        return e.add(steps, broadcast_to(const_offset(start), shape))


class _Operands:
    """What a loop over the blocks of a part reads: streams, step by step, and constants.

    Attributes:
        blocks: how rows are cut.
        columns: how many keys there are in all.
        whole: the operands that every block reads: key, value, scale, masks that are the same for all rows.
    """

    def __init__(self, inputs: Sequence[Node], part: _Part, size: int) -> None:
        q, k, v, scale, *mask = inputs
        self.batch, self.columns = batch_shape(q, k, v, tuple(mask)), k.type.shape[-2]
        self.part, self.blocks = part, _Blocks(part.rows, size)
        mask = [self._seen(x) for x in mask]
        self.is_cut = [len(x.type.shape) > 1 and x.type.shape[-2] > 1 for x in mask]
        self.streams = [self.blocks.firsts(part.first), self.rows_of(grown(q, self.batch))]
        self.streams += [self.blocks.cut(x) for x, is_cut in zip(mask, self.is_cut, strict=True) if is_cut]
        self.whole = [*(_cut_out(grown(x, self.batch), 0, part.columns, x.type.shape[-1]) for x in (k, v)), scale]
        self.whole += [x for x, is_cut in zip(mask, self.is_cut, strict=True) if not is_cut]

    def _seen(self, mask: Node) -> Node:
        """What a mask says of this part."""
        *_, rows, columns = (1, 1, *mask.type.shape)
        part = self.part
        mask = reshape(mask, (*mask.type.shape[:-2], rows, columns))
        seen = part.columns if columns > 1 else columns
        return _cut_out(mask, part.first, part.rows, seen) if rows > 1 else _cut_out(mask, 0, rows, seen)

    def rows_of(self, x: Node) -> Node:
        """The rows of this part, (..., all rows, width), in blocks."""
        return self.blocks.cut(_cut_out(x, self.part.first, self.part.rows, x.type.shape[-1]))

    def probabilities(self, streams: Sequence[Node], whole: Sequence[Node], is_causal: bool) -> Node:
        """Those of one block."""
        first, q, *cut = streams
        k, _, scale, *same = whole
        cuts, sames = iter(cut), iter(same)
        mask = tuple(next(cuts) if is_cut else next(sames) for is_cut in self.is_cut)
        return probabilities(scores_of(q, k, scale, mask, self.batch, is_causal, first))


def _looped(carries: Sequence[Node], streams: Sequence[Node], whole: Sequence[Node], step: Any) -> list[Node]:
    """`step(carries, streams, whole)`, which gives the next carries and what is stacked, over all blocks."""
    types = [x.type for x in carries]
    types += [tensor_type(x.type.shape[1:], x.type.dtype) for x in streams]
    types += [x.type for x in whole]
    places = [input_node(type_, None) for type_ in types]
    first, last = len(carries), len(carries) + len(streams)
    made = step(places[:first], places[first:last], places[last:])
    loop = Loop(Graph.from_nodes(places, made), len(carries), len(streams), streams[0].type.shape[0], reverse=False)
    return scan(loop, [*carries, *streams, *whole])


def _gradient(call: Call) -> tuple[Node | None, ...]:
    q, k, v, _, *masks = call.inputs
    is_causal, size = call.attributes
    g, y = call.seeds[0], call.output(0)
    inner = sum_keepdim(e.mul(g, y), (len(y.type.shape) - 1,))
    needs_scores = any(call.needs[4:])
    starts = [zeros(tensor_type((*y.type.shape[:-2], 0, x.type.shape[-1]), x.type.dtype)) for x in (k, v)]
    by_rows: list[list[Node]] = []
    for part in _parts(q.type.shape[-2], k.type.shape[-2], is_causal, size):
        operands = _Operands(call.inputs, part, size)
        # Each part adds to what the one before has found, so that they run one after another, in the same memory.
        starts = [_widened(x, -2, part.columns) for x in starts]
        starts, rows = _part_gradient(operands, starts, g, inner, is_causal, needs_scores)
        by_rows.append(rows)
    to_q, *ds = (concat(parts, len(y.type.shape) - 2) for parts in zip(*by_rows, strict=True))
    to_k, to_v = (_widened(x, -2, k.type.shape[-2]) for x in starts)
    to_mask = [
        shrunk(e.cast(ds[0], x.type.dtype), x.type.shape) if needed else None
        for x, needed in zip(masks, call.needs[4:], strict=True)
    ]
    return (*(shrunk(to, x.type.shape) for to, x in ((to_q, q), (to_k, k), (to_v, v))), None, *to_mask)


def _part_gradient(
    operands: _Operands, starts: Sequence[Node], g: Node, inner: Node, is_causal: bool, needs_scores: bool
) -> tuple[list[Node], list[Node]]:
    """The gradients of keys and values, added to `starts`; those of a part's rows, and perhaps of its scores."""
    own = len(operands.streams)

    def step(carries: Sequence[Node], streams: Sequence[Node], whole: Sequence[Node]) -> list[Node]:
        to_k, to_v = carries
        q, (g, inner) = streams[1], streams[own:]
        k, v, scale = whole[:3]
        p = operands.probabilities(streams[:own], whole, is_causal)
        dp = matmul(g, transpose(v))
        ds = e.mul(p, e.sub(dp, broadcast_to(inner, dp.type.shape)))
        scaled = e.mul(ds, spread(scale, ds))
        to_k = e.add(to_k, matmul(transpose(scaled), q))
        to_v = e.add(to_v, matmul(transpose(p), g))
        return [to_k, to_v, matmul(scaled, k), *([ds] if needs_scores else [])]

    streams = [*operands.streams, operands.rows_of(g), operands.rows_of(inner)]
    to_k, to_v, *rows = _looped(starts, streams, operands.whole, step)
    to_q, *ds = map(operands.blocks.joined, rows)
    return [to_k, to_v], [to_q, *(_widened(x, -1, operands.columns) for x in ds)]


def _widened(x: Node, axis: int, extent: int) -> Node:
    """x with zeros behind, up to an extent."""
    missing = [0] * len(x.type.shape)
    missing[axis] = extent - x.type.shape[axis]
    return pad(x, (0,) * len(missing), tuple(missing))


@composite("attention_by_blocks", call_gradient=_gradient)
def ATTENTION_BY_BLOCKS(q: Node, k: Node, v: Node, scale: Node, *rest: Any) -> Node:
    """What `ATTENTION` computes, so many rows of the query at a time as the last argument says."""
    *mask, is_causal, size = rest
    batch = batch_shape(q, k, v, tuple(mask))
    found = []
    for part in _parts(q.type.shape[-2], k.type.shape[-2], is_causal, size):
        operands = _Operands((q, k, v, scale, *mask), part, size)
        found.append(operands.blocks.joined(_part_forward(operands, is_causal)))
    return concat(tuple(found), len(batch))


def _part_forward(operands: _Operands, is_causal: bool) -> Node:
    """The results of a part, in blocks."""

    def step(_: Sequence[Node], streams: Sequence[Node], whole: Sequence[Node]) -> list[Node]:
        return [matmul(operands.probabilities(streams, whole, is_causal), whole[1])]

    return _looped([], operands.streams, operands.whole, step)[0]
