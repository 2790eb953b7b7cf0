"""Indexing by arrays: `x[:, i, j]` and `x[:, i, j] = v` for index arrays that broadcast together, each one node.

The indexed axes are seen as one, and the arrays as one index into it. Where the axes stand side by side, the axes of
the index take their place, else they come first, as in NumPy and PyTorch. Negative positions count from the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from retrograd.core.dtype import int64
from retrograd.core.errors import IndexRangeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.gather import along, gather, scatter
from retrograd.ops.indexing import take
from retrograd.ops.movement import broadcast_shapes, broadcast_to, inverse_order, permute, reshape


def from_end(index: Node, extent: int) -> Node:
    """Positions as int64, negative ones counted from the end."""
    index = e.cast(index, int64)
    return e.select(e.lt(index, like(0, index)), e.add(index, like(extent, index)), index)


def _clamped(index: Node, extent: int) -> Node:
    return e.minimum(e.maximum(index, like(0, index)), like(max(extent - 1, 0), index))


class _Layout(NamedTuple):
    """How an array is seen with its indexed axes as one.

    Attributes:
        order: of the axes, so that the indexed ones stand side by side.
        lead: extents before the indexed axes.
        lines: the extents of the indexed axes.
        tail: extents behind them.
        picked: the shape of the index.
    """

    order: Shape
    lead: Shape
    lines: Shape
    tail: Shape
    picked: Shape

    @property
    def result(self) -> Shape:
        return (*self.lead, *self.picked, *self.tail)

    @property
    def folded(self) -> Shape:
        """The shape of the array with the indexed axes as one."""
        return (math.prod(self.lead), math.prod(self.lines), math.prod(self.tail))


def _layout(shape: Shape, axes: Shape, picked: Shape) -> _Layout:
    first = axes[0] if axes == tuple(range(axes[0], axes[0] + len(axes))) else 0
    rest = [i for i in range(len(shape)) if i not in axes]
    order = (*rest[:first], *axes, *rest[first:])
    return _Layout(
        order,
        tuple(shape[i] for i in rest[:first]),
        tuple(shape[i] for i in axes),
        tuple(shape[i] for i in rest[first:]),
        picked,
    )


def index_shape(indices: Sequence[Shape]) -> Shape:
    """The shape in which index arrays meet.

    Raises:
        IndexRangeError: they do not broadcast.
    """
    try:
        return broadcast_shapes("index", *indices)
    except ShapeError as error:
        listed = ", ".join(map(str, indices))
        raise IndexRangeError(f"index: the shapes {listed} of the index arrays do not broadcast together") from error


def _flat(indices: Sequence[Node], layout: _Layout) -> Node:
    """The index arrays as one index of one axis; clamped, lest one array reach into another's place."""
    flat: Node | None = None
    for given, extent in zip(indices, layout.lines, strict=True):
        index = broadcast_to(from_end(given, extent), layout.picked)
        if len(indices) > 1:
            index = _clamped(index, extent)
        flat = index if flat is None else e.add(e.mul(flat, like(extent, flat)), index)
    assert flat is not None
    return reshape(flat, (flat.type.size,))


@composite("index")
def INDEX(x: Node, *rest: Any) -> Node:
    """x at index arrays; the last argument names the axes that they index, ascending."""
    *indices, axes = rest
    layout = _layout(x.type.shape, axes, index_shape([i.type.shape for i in indices]))
    flat = _flat(indices, layout)
    folded = reshape(permute(x, layout.order), layout.folded)
    if layout.folded[0] == 1:
        found = take(reshape(folded, layout.folded[1:]), flat)
    else:
        found = gather(folded, along(flat, folded.type.shape, 1), 1)
    return reshape(found, layout.result)


@composite("index_put")
def INDEX_PUT(base: Node, value: Node, *rest: Any) -> Node:
    """base with `value` written, or added, at index arrays; the last arguments: the axes, and whether to add."""
    *indices, axes, accumulate = rest
    layout = _layout(base.type.shape, axes, index_shape([i.type.shape for i in indices]))
    flat = _flat(indices, layout)
    try:
        value = broadcast_to(e.cast(value, base.type.dtype), layout.result)
    except ShapeError as error:
        raise ShapeError(
            f"index_put: a value of shape {value.type.shape} does not broadcast to {layout.result}, the shape of what "
            "the index selects"
        ) from error
    folded = reshape(permute(base, layout.order), layout.folded)
    places = along(flat, folded.type.shape, 1)
    source = reshape(value, places.type.shape)
    written = scatter(folded, places, source, 1, "add" if accumulate else "set")
    whole = reshape(written, (*layout.lead, *layout.lines, *layout.tail))
    return permute(whole, inverse_order(layout.order))
