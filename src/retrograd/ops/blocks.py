"""Axes cut into blocks, and loops over the blocks of what is cut along rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.types import tensor_type
from retrograd.ops.constant import const_offset
from retrograd.ops.loop import Loop
from retrograd.ops.movement import pad, permute, reshape, slice_, transpose
from retrograd.ops.scan import scan


@dataclass(frozen=True)
class Blocks:
    """How an axis is cut.

    Attributes:
        extent: of the axis.
        size: of a block.
        count: how many blocks there are; the last one is filled up with zeros.
    """

    extent: int
    size: int
    count: int

    @property
    def is_even(self) -> bool:
        """Whether the last block is as full as the others."""
        return self.size * self.count == self.extent

    def cut(self, x: Node, axis: int) -> Node:
        """x with an axis, counted from behind, in blocks: these along a new axis 0."""
        rank = len(x.type.shape)
        place = rank + axis
        if not self.is_even:
            missing = [0] * rank
            missing[place] = self.size * self.count - self.extent
            x = pad(x, (0,) * rank, tuple(missing))
        shape = x.type.shape
        x = reshape(x, (*shape[:place], self.count, self.size, *shape[place + 1 :]))
        return permute(x, (place, *(i for i in range(rank + 1) if i != place)))

    def joined(self, x: Node, axis: int) -> Node:
        """The inverse of `cut`."""
        rank = len(x.type.shape) - 1
        place = rank + axis
        x = permute(x, (*range(1, place + 1), 0, *range(place + 1, rank + 1)))
        shape = x.type.shape
        x = reshape(x, (*shape[:place], self.size * self.count, *shape[place + 2 :]))
        return x if self.is_even else part_of(x, place, 0, self.extent)


class Cut(NamedTuple):
    """A value in blocks: of rows along axis 0, and of columns along the next one, as far as it is cut at all."""

    node: Node
    by_rows: bool = False
    by_columns: bool = False

    def is_cut(self, by: str) -> bool:
        return self.by_rows if by == "rows" else self.by_columns

    def first_by(self, by: str) -> Node:
        """The value with the blocks of rows, or of columns, along axis 0."""
        return transpose(self.node, 0, 1) if by == "columns" and self.by_rows else self.node

    def inside(self, by: str, node: Node) -> Cut:
        """What one block of rows, or of columns, has of it."""
        return Cut(node, self.by_rows and by != "rows", self.by_columns and by != "columns")


# What a loop works with, by name.
Cuts = Mapping[str, Cut]
# One step: the next carries, and what is stacked.
BlockStep = Callable[[Cuts, list[Node]], tuple[Sequence[Node], Sequence[Node]]]


def part_of(x: Node, axis: int, first: int, count: int) -> Node:
    """`count` places of an axis, from `first` on."""
    shape = x.type.shape
    if count == shape[axis]:
        return x
    starts = tuple(const_offset(first if i == axis else 0) for i in range(len(shape)))
    return slice_(x, starts, (*shape[:axis], count, *shape[axis + 1 :]), (1,) * len(shape))


def some_blocks(cuts: Cuts, by: str, first: int, count: int) -> dict[str, Cut]:
    """The values with some blocks of rows, or of columns, alone."""
    return {
        name: cut._replace(node=part_of(cut.node, int(by == "columns" and cut.by_rows), first, count))
        if cut.is_cut(by)
        else cut
        for name, cut in cuts.items()
    }


def over_blocks(
    cuts: Cuts, by: str, count: int, carries: Sequence[Node], step: BlockStep, *, unrolls: bool = False
) -> tuple[list[Node], list[Node]]:
    """`step` over all blocks of rows, or of columns: the last carries, and what was stacked along a new axis 0.

    Args:
        cuts: what the steps read; what is cut that way comes block by block.
        by: "rows" or "columns".
        count: how many blocks there are.
        carries: those of the first step.
        step: takes what a block has of `cuts`, and the carries.
        unrolls: whether a single step is no loop: of steps that hold loops themselves.
    """
    streams = {name: cut.first_by(by) for name, cut in cuts.items() if cut.is_cut(by)}
    if unrolls and count == 1:
        each = {name: reshape(x, x.type.shape[1:]) for name, x in streams.items()}
        made, stacked = step({n: c.inside(by, each.get(n, c.node)) for n, c in cuts.items()}, list(carries))
        return list(made), [reshape(x, (1, *x.type.shape)) for x in stacked]
    constants = {name: cut.node for name, cut in cuts.items() if name not in streams}
    kept = [input_node(x.type, None) for x in carries]
    steps = {name: input_node(tensor_type(x.type.shape[1:], x.type.dtype), None) for name, x in streams.items()}
    same = {name: input_node(x.type, None) for name, x in constants.items()}
    found: dict[str, Node] = {**steps, **same}
    made, stacked = step({name: cut.inside(by, found[name]) for name, cut in cuts.items()}, kept)
    body = Graph.from_nodes([*kept, *steps.values(), *same.values()], [*made, *stacked])
    outputs = scan(
        Loop(body, len(kept), len(steps), count, reverse=False), [*carries, *streams.values(), *constants.values()]
    )
    return outputs[: len(kept)], outputs[len(kept) :]
