"""Convolutions that no kernel of their own is for, as products of matrices: of whole numbers, and over many axes.

A row is a window of the input, a column a kernel, as in the definition (`ops/conv.py`). Windows are a view of the
dilated and padded input, and are copied out for the product: such convolutions are rare, and small.
"""

from __future__ import annotations

import math

from retrograd.backends.native.conv_geometry import SPATIAL_AXES
from retrograd.core.graph import Graph, Step
from retrograd.core.types import Shape
from retrograd.ops.constant import CONST
from retrograd.ops.conv import CONVOLUTION, Padding, dilated_extent
from retrograd.ops.matmul import MATMUL
from retrograd.ops.movement import OFFSET_TYPE, PAD, PERMUTE, RESHAPE, SLICE
from retrograd.ops.unfold import UNFOLD
from retrograd.passes.builder import GraphBuilder, rewritten


def multiply_windows(graph: Graph) -> Graph:
    """The graph with a product of matrices for each such convolution."""
    return rewritten(graph, _multiplied) if any(map(_is_taken, graph.steps)) else graph


def _is_taken(step: Step) -> bool:
    if step.signature.operation is not CONVOLUTION:
        return False
    type_ = step.signature.type
    return not type_.dtype.is_floating_point or type_.ndim > 2 + SPATIAL_AXES


def _multiplied(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int] | None:
    if not _is_taken(step):
        return None
    x, w = args
    type_ = step.signature.type
    if not all(operand.size for operand in step.signature.inputs):
        return (builder.record(CONST, (), (0, type_.dtype.name, type_.shape)),)
    stride, padding, input_dilation, dilation, groups = step.signature.attributes
    batch, channels_out, *extents = type_.shape
    kernel = builder.types[w].shape[2:]
    windows = _windows(builder, _spread(builder, x, input_dilation, padding), kernel, stride, dilation)
    rows = _rows(builder, windows, len(kernel), groups)
    columns = builder.record(RESHAPE, (w,), ((groups, channels_out // groups, builder.types[rows].shape[2]),))
    y = builder.record(MATMUL, (rows, builder.record(PERMUTE, (columns,), ((0, 2, 1),))))
    y = builder.record(RESHAPE, (y,), ((groups, batch, *extents, channels_out // groups),))
    y = builder.record(PERMUTE, (y,), ((1, 0, 2 + len(extents), *range(2, 2 + len(extents))),))
    return (builder.record(RESHAPE, (y,), (type_.shape,)),)


def _spread(builder: GraphBuilder, x: int, dilation: Shape, padding: Padding) -> int:
    """x with zeros between neighbours and around them, or cropped."""
    lead, extents = builder.types[x].shape[:2], builder.types[x].shape[2:]
    sizes = tuple(
        dilated_extent(n, d) + low + high for n, d, (low, high) in zip(extents, dilation, padding, strict=True)
    )
    if max(dilation) > 1:
        apart = tuple(n for extent in extents for n in (extent, 1))
        x = builder.record(RESHAPE, (x,), ((*lead, *apart),))
        behind = tuple(n for d in dilation for n in (0, d - 1))
        x = builder.record(PAD, (x,), ((0,) * (2 + len(behind)), (0, 0, *behind)))
        x = builder.record(RESHAPE, (x,), ((*lead, *(n * d for n, d in zip(extents, dilation, strict=True))),))
    below = tuple(max(low, 0) for low, _ in padding)
    above = tuple(max(high, 0) for _, high in padding)
    if any(below) or any(above):
        x = builder.record(PAD, (x,), ((0, 0, *below), (0, 0, *above)))
    # A crop may reach into the padding of the other end, so it comes last; it takes zeros behind the last element too.
    starts = (0, 0, *(max(-low, 0) for low, _ in padding))
    return _part(builder, x, starts, (*lead, *sizes), (1,) * len(starts))


def _windows(builder: GraphBuilder, x: int, kernel: Shape, stride: Shape, dilation: Shape) -> int:
    """A view (batch, channels, *positions, *kernel)."""
    for axis, (taps, step, apart) in enumerate(zip(kernel, stride, dilation, strict=True), 2):
        x = builder.record(UNFOLD, (x,), (axis, dilated_extent(taps, apart), step))
    lead = builder.types[x].shape[: 2 + len(kernel)]
    rank = len(lead) + len(kernel)
    return _part(builder, x, (0,) * rank, (*lead, *kernel), (*(1 for _ in lead), *dilation))


def _rows(builder: GraphBuilder, windows: int, spatial: int, groups: int) -> int:
    """(groups, batch * positions, channels of a group * taps)."""
    batch, channels, *rest = builder.types[windows].shape
    parted = builder.record(RESHAPE, (windows,), ((batch, groups, channels // groups, *rest),))
    positions, taps = range(3, 3 + spatial), range(3 + spatial, 3 + 2 * spatial)
    rows = builder.record(PERMUTE, (parted,), ((1, 0, *positions, 2, *taps),))
    shape = (groups, batch * math.prod(rest[:spatial]), channels // groups * math.prod(rest[spatial:]))
    return builder.record(RESHAPE, (rows,), (shape,))


def _part(builder: GraphBuilder, x: int, starts: Shape, sizes: Shape, steps: Shape) -> int:
    if builder.types[x].shape == sizes:
        return x
    offsets = [builder.record(CONST, (), (start, OFFSET_TYPE.dtype.name, ())) for start in starts]
    return builder.record(SLICE, (x, *offsets), (sizes, steps))
