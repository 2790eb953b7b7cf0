"""The operands of attention cut into blocks, and what one block of rows finds in one block of columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from retrograd.core.dtype import bool_, float64
from retrograd.core.node import Node
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.attention_scores import batch_shape, grown, masked, not_later, scaled_scores, shrunk
from retrograd.ops.blocks import Blocks, Cut, Cuts, part_of
from retrograd.ops.constant import const, iota
from retrograd.ops.dropout import is_kept, keep_threshold, noise
from retrograd.ops.movement import broadcast_to, pad, reshape
from retrograd.ops.random import random_bits_at, row_positions, stream_key
from retrograd.ops.reduce import drop_axes, sum_keepdim

# Blocks are made even by whole numbers of so many rows.
_UNIT: Final = 8
# In how many parts rows are taken that look at nothing later.
_MOST_PARTS: Final = 16


class Options(NamedTuple):
    """The attributes of attention by blocks.

    Attributes:
        is_causal: whether each row sees only those before it, and itself.
        drops: whether probabilities are dropped; the last two inputs are then the rate and the stream.
        size: about how many rows and columns a block has.
    """

    is_causal: bool
    drops: bool
    size: int


@dataclass(frozen=True)
class Run:
    """Some blocks, one behind another."""

    first: int
    count: int


@dataclass(frozen=True)
class Part:
    """A run of blocks of rows, or of columns, and the blocks across it that have to do with it.

    Attributes:
        first, count: the run.
        partly: those of which the mask of causal attention shows a part.
        wholly: those of which it shows all.
    """

    first: int
    count: int
    partly: Run
    wholly: Run


class CutAttention:
    """The operands of a call, in blocks.

    Attributes:
        batch: what the batch axes broadcast to.
        rows, columns: how the scores are cut. Where rows look at nothing later, both alike, and without the columns
            that are too late for all rows.
        cuts: what a block finds its probabilities with, by name.
        given: the names of the masks that were given.
        diagonal: where rows look at nothing later: which of the columns of a run of blocks each row of it sees.
    """

    def __init__(self, inputs: Sequence[Node], options: Options) -> None:
        q, k, v, scale, *rest = inputs
        masks, drop = (rest[:-2], rest[-2:]) if options.drops else (rest, [])
        self.batch = batch_shape(q, k, v, tuple(masks))
        self._is_flat = all(_is_flattened(x, self.batch) for x in masks)
        rows, columns = q.type.shape[-2], k.type.shape[-2]
        self._all_columns = columns
        self._masks = dict(zip((f"mask {i}" for i in range(len(masks))), masks, strict=True))
        self.given = [f"mask {i}" for i in range(len(masks))]
        # Blocks are left out where there are no other masks.
        self.is_causal = options.is_causal and not masks
        self.rows = _even(rows, options.size)
        self.columns = _alike(min(rows, columns), self.rows) if self.is_causal else _even(columns, options.size)
        self.cuts = {"q": self.by_rows(q), "k": self.by_columns(k), "v": self.by_columns(v), "scale": Cut(scale)}
        self.cuts.update((name, self._mask(x)) for name, x in zip(self.given, masks, strict=True))
        if options.is_causal and masks:
            self.cuts["not later"] = self._mask(not_later((rows, columns)))
        if not self.columns.is_even:
            there = const(True, bool_, self._one_row)
            self.cuts["there"] = Cut(self.columns.cut(there, -1), by_columns=True)
        if drop:
            p, stream = drop
            self._drop(p, stream, columns)
        self.run = -(-self.rows.count // _MOST_PARTS)
        self.diagonal = self._diagonal() if self.is_causal else None

    def by_rows(self, x: Node) -> Cut:
        """(..., rows, width) in blocks of rows."""
        return Cut(self.rows.cut(self._flat(x), -2), by_rows=True)

    def by_columns(self, x: Node) -> Cut:
        """(..., columns, width) in blocks of columns."""
        x = part_of(x, len(x.type.shape) - 2, 0, self.columns.extent)
        return Cut(self.columns.cut(self._flat(x), -2), by_columns=True)

    def _flat(self, x: Node) -> Node:
        """x for every element of the batch, whose axes are one: threads can then take a part of the batch each."""
        x = grown(x, self.batch)
        return reshape(x, (math.prod(self.batch), *x.type.shape[-2:])) if self._is_flat else x

    def joined_rows(self, x: Node) -> Node:
        """Blocks of rows as (..., rows, width)."""
        return self._unflat(self.rows.joined(x, -2))

    def joined_columns(self, x: Node) -> Node:
        """Blocks of columns as (..., all columns, width): zeros for those that no row sees."""
        x = self.columns.joined(x, -2)
        none = (0,) * len(x.type.shape)
        return self._unflat(pad(x, none, (*none[:-2], self._all_columns - self.columns.extent, 0)))

    def _unflat(self, x: Node) -> Node:
        return reshape(x, (*self.batch, *x.type.shape[-2:]))

    def _mask(self, mask: Node) -> Cut:
        """A mask in blocks of rows and of columns, unless it says the same of all rows, or all columns."""
        x = _with_axes(mask, self.batch)
        *lead, rows, columns = x.type.shape
        if self._is_flat:
            x = reshape(x, (1, rows, columns)) if math.prod(lead) == 1 else self._flat(x)
        if columns > 1:
            x = self.columns.cut(x, -1)
        return Cut(self.rows.cut(x, -2) if rows > 1 else x, rows > 1, columns > 1)

    def joined_mask(self, name: str, x: Node) -> Node:
        """What blocks, (columns, rows, ...), give to a mask, shaped like the mask."""
        cut, mask = self.cuts[name], self._masks[name].type
        x = self.columns.joined(x, -1) if cut.by_columns else drop_axes(sum_keepdim(x, (0,)), (0,))
        x = self.rows.joined(x, -2) if cut.by_rows else drop_axes(sum_keepdim(x, (0,)), (0,))
        return reshape(x if x.type.size == mask.size else shrunk(self._unflat(x), mask.shape), mask.shape)

    def _drop(self, p: Node, stream: Node, columns: int) -> None:
        """What tells which probabilities are dropped: the same ones as of the whole matrix."""
        self.cuts["row positions"] = self.by_rows(row_positions((*self.batch, self.rows.extent, columns)))
        steps = iota(self._one_row, -1 + len(self._one_row))
        self.cuts["column positions"] = Cut(self.columns.cut(steps, -1), by_columns=True)
        p = e.cast(p, float64)
        self.cuts["key"], self.cuts["p"] = Cut(stream_key(stream)), Cut(p)
        self.cuts["threshold"] = Cut(keep_threshold(p))

    @property
    def _one_row(self) -> Shape:
        """The shape of what is said of columns for all rows and the whole batch."""
        return (*(1 for _ in range(1 if self._is_flat else len(self.batch))), 1, self.columns.extent)

    def _diagonal(self) -> Cut:
        side = self.run * self.rows.size
        run = Blocks(side, self.rows.size, self.run)
        mask = reshape(not_later((side, side)), (1, side, side))
        return Cut(run.cut(run.cut(mask, -1), -2), by_rows=True, by_columns=True)

    # -- which blocks -------------------------------------------------------------------------------------------------

    def parts_by_rows(self) -> list[Part]:
        """Runs of rows, and the columns that they look at."""
        rows, columns = self.rows.count, self.columns.count
        if not self.is_causal:
            return [Part(0, rows, Run(0, 0), Run(0, columns))]
        parts = []
        for first in range(0, rows, self.run):
            count, earlier = min(self.run, rows - first), min(first, columns)
            partly = Run(earlier, min(first + count, columns) - earlier)
            parts.append(Part(first, count, partly, Run(0, earlier)))
        return parts

    def parts_by_columns(self) -> list[Part]:
        """Runs of columns, and the rows that look at them."""
        rows, columns = self.rows.count, self.columns.count
        if not self.is_causal:
            return [Part(0, columns, Run(0, 0), Run(0, rows))]
        parts = []
        for first in range(0, columns, self.run):
            count, later = min(self.run, columns - first), min(first + self.run, rows)
            parts.append(Part(first, count, Run(first, later - first), Run(later, rows - later)))
        return parts


def _with_axes(mask: Node, batch: Shape) -> Node:
    """A mask with as many axes as scores have."""
    shape = mask.type.shape
    return reshape(mask, (*(1 for _ in range(len(batch) + 2 - len(shape))), *shape))


def _is_flattened(mask: Node, batch: Shape) -> bool:
    """Whether a mask stays small where the axes of the batch become one."""
    *lead, rows, _ = _with_axes(mask, batch).type.shape
    return math.prod(lead) == 1 or rows == 1 or tuple(lead) == batch


def _even(extent: int, size: int) -> Blocks:
    """Blocks of about a size, as even as whole units allow."""
    count = (2 * extent + size) // (2 * size)
    if count < 2:
        return Blocks(extent, extent, 1)
    each = -(-extent // count)
    each = -(-each // _UNIT) * _UNIT if each > _UNIT else each
    return Blocks(extent, each, -(-extent // each))


def _alike(extent: int, other: Blocks) -> Blocks:
    """Blocks of the same size of another axis."""
    return Blocks(extent, other.size, -(-extent // other.size))


def block_scores(cuts: Cuts) -> Node:
    """The scores of a block."""
    scores = scaled_scores(cuts["q"].node, cuts["k"].node, cuts["scale"].node)
    for name, cut in cuts.items():
        if name.startswith("mask") or name in ("not later", "there", "diagonal"):
            scores = masked(scores, cut.node)
    return scores


def block_noise(cuts: Cuts, like: Node) -> Node | None:
    """What the probabilities of a block are multiplied by, shaped like its scores; None if none are dropped."""
    if "key" not in cuts:
        return None
    shape = like.type.shape
    starts, steps = (broadcast_to(cuts[name].node, shape) for name in ("row positions", "column positions"))
    bits = random_bits_at(cuts["key"].node, e.add(starts, steps))
    return noise(is_kept(bits, cuts["threshold"].node), cuts["p"].node, like)
