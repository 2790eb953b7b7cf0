"""Lowering of copies that exchange axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograd.backends.native.emit import Space
from retrograd.backends.native.kernel import DTYPE_SIZES
from retrograd.backends.native.transpose import TransposeArgs, column_tile, transpose_module
from retrograd.backends.native.work import Address, Bound, Word, Work

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering

# Fewer elements are copied one by one as quickly.
_FEWEST_ELEMENTS = 256
# Axes shorter than this are not worth a square.
_SHORTEST_AXIS = 4


def exchanged_axis(extents: list[int], strides: list[int]) -> int | None:
    """The axis along which an operand's elements are adjacent, if that is not the last one and both are long enough."""
    if strides[-1] in (0, 1) or math.prod(extents) < _FEWEST_ELEMENTS:
        return None
    found = [axis for axis, (n, s) in enumerate(zip(extents[:-1], strides[:-1], strict=True)) if s == 1 and n > 1]
    return max(found, key=lambda axis: extents[axis], default=None)


def transpose_work(low: Lowering, bound: list[Bound], space: Space, members: tuple[int, ...]) -> Work | None:
    """The launch that copies one operand to another, over a collapsed space, by squares; None if that does not suit."""
    source, target = (operand.view for operand in bound)
    extents, (reads, writes) = space.extents, space.strides
    axis = exchanged_axis(extents, reads)
    if axis is None or writes[-1] != 1 or max(extents[axis], extents[-1]) < _SHORTEST_AXIS:
        return None
    others = [i for i in range(len(extents) - 1) if i != axis]
    layout = TransposeArgs(len(others))
    words: list[Word] = [0] * layout.words
    rows, columns = extents[-1], extents[axis]
    width = column_tile(rows, columns)
    words[layout.source], words[layout.target] = Address(source), Address(target)
    words[layout.i_extent], words[layout.j_extent], words[layout.j_tile] = (rows, columns, width)
    words[layout.i_stride], words[layout.j_stride] = reads[-1], writes[axis]
    for place, i in enumerate(others):
        words[layout.extent(place)] = extents[i]
        words[layout.source_stride(place)] = reads[i]
        words[layout.target_stride(place)] = writes[i]
    size = DTYPE_SIZES[low.types[source.root].dtype.name]
    key = f"transpose {size} {len(others)}"
    low.generator(key, lambda target: transpose_module(target, size, len(others)))
    tiles = math.prod(extents[i] for i in others) * -(-columns // width)
    cost = math.prod(extents)
    return Work(f"{key}#transpose", words, tiles, cost, (source.root,), (target.root,), members, tuple(bound))
