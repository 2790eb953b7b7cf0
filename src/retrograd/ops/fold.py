"""Sliding blocks as composites: `unfold` lays them side by side, `fold` adds them up where they came from.

Blocks are products of intervals, so both work axis by axis: the height is cut into (kernel, blocks), then the width.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from retrograd.core.dtype import int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.along import add_along, take_along
from retrograd.ops.constant import const, const_offset, iota
from retrograd.ops.conv import dilated_extent
from retrograd.ops.movement import pad, permute, reshape, slice_


class Blocks(NamedTuple):
    """How blocks lie: each field has one integer for the height and one for the width."""

    kernel: Shape
    dilation: Shape
    padding: Shape
    stride: Shape

    def counts(self, name: str, extents: Shape) -> Shape:
        """How many blocks there are along each axis.

        Raises:
            ShapeError: the fields make no sense, or not one block fits.
        """
        for what, values, least in zip(self._fields, self, (1, 1, 0, 1), strict=True):
            if len(values) != len(extents) or min(values) < least:
                raise ShapeError(
                    f"{name}: {what} is {values}; it must hold {len(extents)} integers of at least {least}"
                )
        counts = tuple(
            (n + 2 * p - dilated_extent(k, d)) // s + 1
            for n, k, d, p, s in zip(extents, self.kernel, self.dilation, self.padding, self.stride, strict=True)
        )
        if min(counts) < 1:
            raise ShapeError(
                f"{name}: a kernel of {self.kernel} with dilation {self.dilation} does not fit into {extents} with "
                f"padding {self.padding} on each side; not one block comes out"
            )
        return counts

    def positions(self, i: int, count: int) -> Node:
        """Where the elements of the blocks lie in the padded axis i: (kernel, count)."""
        shape = (self.kernel[i], count)
        within = e.mul(iota(shape, 0), const(self.dilation[i], int64, shape))
        return e.add(within, e.mul(iota(shape, 1), const(self.stride[i], int64, shape)))


@composite("im2col")
def UNFOLD(x: Node, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> Node:
    """(batch, channels, height, width) to (batch, channels * kernel, blocks); the batch may be missing."""
    blocks = Blocks(kernel, dilation, padding, stride)
    if len(x.type.shape) not in (3, 4):
        raise ShapeError(
            f"unfold: the input has shape {x.type.shape}; it must be (batch, channels, height, width) or "
            "(channels, height, width)"
        )
    *lead, channels, height, width = x.type.shape
    rows, columns = blocks.counts("unfold", (height, width))
    widths = (*[0] * (len(lead) + 1), *padding)
    y = pad(x, widths, widths)
    axis = len(lead) + 1
    y = take_along(y, blocks.positions(0, rows), axis)
    y = take_along(y, blocks.positions(1, columns), axis + 2)
    y = permute(y, (*range(axis), axis, axis + 2, axis + 1, axis + 3))
    return reshape(y, (*lead, channels * math.prod(kernel), rows * columns))


@composite("col2im")
def FOLD(x: Node, size: Shape, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> Node:
    """(batch, channels * kernel, blocks) to (batch, channels, *size), summing where blocks overlap."""
    blocks = Blocks(kernel, dilation, padding, stride)
    rows, columns = blocks.counts("fold", size)
    _check_fold(x, kernel, size, rows * columns)
    *lead, merged, _ = x.type.shape
    channels = merged // math.prod(kernel)
    axis = len(lead) + 1
    y = reshape(x, (*lead, channels, *kernel, rows, columns))
    y = permute(y, (*range(axis), axis, axis + 2, axis + 1, axis + 3))
    height, width = (n + 2 * p for n, p in zip(size, padding, strict=True))
    y = add_along(y, blocks.positions(1, columns), axis + 2, width)
    y = add_along(y, blocks.positions(0, rows), axis, height)
    starts = tuple(const_offset(p) for p in (*[0] * axis, *padding))
    return slice_(y, starts, (*lead, channels, *size), (1,) * (axis + 2))


def _check_fold(x: Node, kernel: Shape, size: Shape, count: int) -> None:
    shape = x.type.shape
    if len(shape) not in (2, 3) or shape[-2] % math.prod(kernel) or shape[-1] != count:
        raise ShapeError(
            f"fold: the input has shape {shape}; it must be (batch, channels * {math.prod(kernel)}, {count}) or that "
            f"without the batch: a kernel of {kernel} has {math.prod(kernel)} elements, and {size} has {count} blocks"
        )
