"""Attention whose scores are never there all at once: block by block, of rows of the query and of keys.

The whole matrix of scores is as large as the context is long, squared. Along a row of blocks go the greatest score so
far, and the sums that the softmax needs, which are corrected where a later block has a greater one:

    m' = max(m, max_j s_ij),    l' = l e^(m - m') + sum_j e^(s_ij - m'),    o' = o e^(m - m') + sum_j e^(s_ij - m') v_j

At its end y_i = o / l, and c_i = m + log l is kept: the backward pass makes scores once more, and finds
p_ij = e^(s_ij - c_i). It goes along columns of blocks, adds up what they give to keys and values, and hands on what
rows were given so far.

Source: the idea of Rabe and Staats, "Self-attention does not need O(n^2) memory" (2021), and of Dao et al.,
"FlashAttention" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from retrograd.core.dtype import float32
from retrograd.core.extent import about
from retrograd.core.node import Node
from retrograd.core.operation import Call, composite
from retrograd.core.types import Shape, tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.attention_cut import CutAttention, Options, Part, block_noise, block_scores
from retrograd.ops.attention_scores import shrunk
from retrograd.ops.blocks import Cut, Cuts, over_blocks, part_of, some_blocks
from retrograd.ops.constant import const, like, zeros
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, concat, transpose
from retrograd.ops.reduce import max_keepdim, sum_keepdim
from retrograd.ops.spread import spread

# Fewer scores than these are kept whole.
MOST_SCORES: Final = 1 << 22
# A block has at most about so many scores, those of the whole batch together. Its sides are such that products are fast
# and what a thread works with stays in its cache, and multiples of the columns that products take at a time. Where a
# batch is too small for each thread to take a part of it, the threads share every product, which had better be larger.
_BLOCK_SCORES, _SHORTEST, _LONGEST, _LONGEST_SHARED, _UNIT = 1 << 21, 128, 256, 512, 32
_SMALL_BATCH = 4


def block_size(batch: Shape, rows: int, columns: int) -> int | None:
    """About how many rows, and columns, a block has; None if the scores are kept whole. By shape alone."""
    many = math.prod(batch)
    if many * rows * columns <= MOST_SCORES:
        return None
    side = math.isqrt(_BLOCK_SCORES // about(many)) // _UNIT * _UNIT
    return min(max(side, _SHORTEST), _LONGEST_SHARED if about(many) < _SMALL_BATCH else _LONGEST)


# -- forward ----------------------------------------------------------------------------------------------------------


def _chosen(x: CutAttention, by: str, part: Part) -> dict[str, Cut]:
    """What a part reads."""
    cuts = some_blocks(x.cuts, by, part.first, part.count)
    if x.diagonal is not None and part.partly.count:
        cuts |= some_blocks({"diagonal": x.diagonal}, by, 0, part.count)
    return cuts


def _across(cuts: Cuts, by: str, part: Part) -> Iterator[tuple[dict[str, Cut], int]]:
    """What a row or a column of blocks reads of those across that it sees in part, and of those that it sees whole."""
    plain = {name: cut for name, cut in cuts.items() if name != "diagonal"}
    if part.partly.count:
        diagonal = some_blocks({"diagonal": cuts["diagonal"]}, by, 0, part.partly.count)
        yield some_blocks(plain, by, part.partly.first, part.partly.count) | diagonal, part.partly.count
    if part.wholly.count:
        yield some_blocks(plain, by, part.wholly.first, part.wholly.count), part.wholly.count


def _rows_forward(x: CutAttention, part: Part) -> list[Node]:
    """Results and logarithms of a run of rows, in blocks."""

    def step(cuts: Cuts, _: list[Node]) -> tuple[list[Node], list[Node]]:
        return [], _row(cuts, part)

    return over_blocks(_chosen(x, "rows", part), "rows", part.count, [], step, unrolls=True)[1]


def _row(cuts: Cuts, part: Part) -> list[Node]:
    """What a row of blocks comes to."""
    dtype, lead = cuts["q"].node.type.dtype, cuts["q"].node.type.shape[:-1]
    narrow, wide = (tensor_type((*lead, n), dtype) for n in (1, cuts["v"].node.type.shape[-1]))
    state = [const(-math.inf, dtype, narrow.shape), zeros(narrow), zeros(wide)]
    for chosen, count in _across(cuts, "columns", part):
        state, _ = over_blocks(chosen, "columns", count, state, _absorb)
    greatest, total, sums = state
    is_blind = e.eq(greatest, like(-math.inf, greatest))
    total = e.select(is_blind, like(1, total), total)
    logarithms = e.add(e.select(is_blind, like(0, greatest), greatest), e.log(total))
    return [e.div(sums, broadcast_to(total, wide.shape)), logarithms]


def _absorb(cuts: Cuts, state: list[Node]) -> tuple[list[Node], list[Node]]:
    """The greatest score, the sum of powers, and that of values, with one more block."""
    before, total, sums = state
    scores = block_scores(cuts)
    last = (len(scores.type.shape) - 1,)
    greatest = e.maximum(before, max_keepdim(scores, last))
    base = e.select(e.eq(greatest, like(-math.inf, greatest)), like(0, greatest), greatest)
    correction = e.exp(e.sub(before, base))
    powers = e.exp(e.sub(scores, broadcast_to(base, scores.type.shape)))
    noise = block_noise(cuts, powers)
    total = e.add(e.mul(total, correction), sum_keepdim(powers, last))
    found = matmul(powers if noise is None else e.mul(powers, noise), cuts["v"].node)
    return [greatest, total, e.add(e.mul(sums, broadcast_to(correction, sums.type.shape)), found)], []


# -- backward ---------------------------------------------------------------------------------------------------------


def _gradient(call: Call) -> tuple[Node | None, ...]:
    options = Options(*call.attributes)
    x = CutAttention(_wide(call.inputs), options)
    y, logarithms = call.output(0), call.output(1)
    g = call.seeds[0] if 0 in call.seeds else zeros(y.type)
    inner = sum_keepdim(_as(e.mul(g, y), logarithms), (len(y.type.shape) - 1,))
    if 1 in call.seeds:
        inner = e.sub(inner, call.seeds[1])
    for name, rows in (("g", _as(g, logarithms)), ("inner", inner), ("logarithms", logarithms)):
        x.cuts[name] = x.by_rows(rows)
    names = [name for name, needed in zip(x.given, call.needs[4:], strict=False) if needed]
    to_q, to_k, to_v, *to_masks = _pulled_back(x, names)
    found: dict[int, Node] = dict(enumerate((to_q, to_k, to_v)))
    found.update((4 + x.given.index(name), to) for name, to in zip(names, to_masks, strict=True))
    return tuple(
        e.cast(shrunk(found[i], operand.type.shape), operand.type.dtype) if i in found else None
        for i, operand in enumerate(call.inputs)
    )


def _pulled_back(x: CutAttention, masks: list[str]) -> list[Node]:
    """The gradients of queries, keys and values, and of the masks that are named."""
    left: Node | None = zeros(x.cuts["q"].node.type)
    finished, by_columns = list[Node](), list[list[Node]]()
    for part in x.parts_by_columns():
        assert left is not None, "columns that no row looks at are left out"
        across = [run for run in (part.partly, part.wholly) if run.count]
        carries = [part_of(left, 0, run.first - across[0].first, run.count) for run in across]
        carries, stacked = _columns_back(x, part, carries, masks)
        by_columns.append(stacked)
        # Rows that see a part of these columns see nothing of the later ones.
        finished += carries[: bool(part.partly.count)]
        left = carries[-1] if part.wholly.count else None
    finished += [] if left is None else [left]
    to_k, to_v, *to_masks = (concat(parts, 0) for parts in zip(*by_columns, strict=True))
    found = [x.joined_rows(concat(tuple(finished), 0)), x.joined_columns(to_k), x.joined_columns(to_v)]
    return found + [x.joined_mask(name, to) for name, to in zip(masks, to_masks, strict=True)]


def _columns_back(x: CutAttention, part: Part, carries: list[Node], masks: list[str]) -> tuple[list[Node], list[Node]]:
    """What a run of columns adds to the gradients of rows, and their own, in blocks."""

    def step(cuts: Cuts, to_rows: list[Node]) -> tuple[list[Node], list[Node]]:
        own = [zeros(cuts[name].node.type) for name in ("k", "v")]
        made, to_masks = [], list[Node]()
        for (chosen, count), to_q in zip(_across(cuts, "rows", part), to_rows, strict=True):
            chosen["to q"] = Cut(to_q, by_rows=True)
            own, (after, *to_masks) = over_blocks(chosen, "rows", count, own, block)
            made.append(after)
        return made, [*own, *to_masks]

    def block(cuts: Cuts, own: list[Node]) -> tuple[list[Node], list[Node]]:
        return _block_back(cuts, own, masks)

    return over_blocks(_chosen(x, "columns", part), "columns", part.count, carries, step, unrolls=True)


def _block_back(cuts: Cuts, own: list[Node], masks: list[str]) -> tuple[list[Node], list[Node]]:
    """The gradients of a block's keys and values, added to those so far; of its queries, likewise, and of masks."""
    to_k, to_v = own
    q, k, v, g = (cuts[name].node for name in ("q", "k", "v", "g"))
    scores = block_scores(cuts)
    p = e.exp(e.sub(scores, broadcast_to(cuts["logarithms"].node, scores.type.shape)))
    noise = block_noise(cuts, p)
    dp, seen = matmul(g, transpose(v)), p
    if noise is not None:
        dp, seen = e.mul(dp, noise), e.mul(p, noise)
    ds = e.mul(p, e.sub(dp, broadcast_to(cuts["inner"].node, dp.type.shape)))
    scaled = e.mul(ds, spread(cuts["scale"].node, ds))
    to_k = e.add(to_k, matmul(transpose(scaled), q))
    to_v = e.add(to_v, matmul(transpose(seen), g))
    to_q = e.add(cuts["to q"].node, matmul(scaled, k))
    return [to_k, to_v], [to_q, *(shrunk(ds, cuts[name].node.type.shape) for name in masks)]


# -- the composite ----------------------------------------------------------------------------------------------------


def _wide(inputs: Sequence[Node]) -> list[Node]:
    """The inputs, with numbers of 16 bits in float32: sums go from block to block."""
    is_narrow = inputs[0].type.dtype.itemsize < float32.itemsize
    return [e.cast(x, float32) if is_narrow and i < 3 else x for i, x in enumerate(inputs)]


def _as(x: Node, other: Node) -> Node:
    return e.cast(x, other.type.dtype)


@composite("attention_by_blocks", call_gradient=_gradient)
def ATTENTION_BY_BLOCKS(*given: Any) -> tuple[Node, Node]:
    """What `ATTENTION` computes, and the logarithm of the sum of e^s of each row, (..., L, 1); 0 where it sees nothing.

    Inputs are those of `ATTENTION`, then a float64 rate and a stream of bits if probabilities are dropped; attributes
    are those of `Options`.
    """
    inputs, options = given[:-3], Options(*given[-3:])
    x = CutAttention(_wide(inputs), options)
    found = zip(*(_rows_forward(x, part) for part in x.parts_by_rows()), strict=True)
    y, logarithms = (x.joined_rows(concat(parts, 0)) for parts in found)
    return _as(y, inputs[0]), logarithms
