"""How a gradient of weights is cut into parts and tiles, and the argument words of its kernel (`conv_weight.py`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retrograd.backends.native.contract import SCRATCH_BYTES
from retrograd.backends.native.conv_choice import chosen
from retrograd.backends.native.conv_geometry import Axis, axes_of
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, conv_blocking
from retrograd.backends.native.conv_ops import WeightSpec
from retrograd.backends.native.conv_weight import ENTRY_WORDS, Arg, aligned, copy_offset
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part
from retrograd.core.extent import greatest, least
from retrograd.core.types import Shape

# A block's rows of X and G should stay in the second cache; its chains should be short enough to be accurate.
BLOCK_BYTES = 256 << 10
CHAIN = 1024
MOST_BLOCK_ROWS = 4096
MOST_PARTS = 32
# A rough model in cycles: to copy a vector, to add a vector of a part to the others, to start a tile.
COPY_CYCLES, ADD_CYCLES, TILE_CYCLES = 2, 3, 2000


@dataclass(frozen=True)
class WeightShape:
    """What is known of a gradient of weights when it is planned. Of `axes`, the kernel is G and the outputs are taps.

    Attributes:
        axes: depth, height, width.
        images: in the batch.
        groups: of channels.
        channels_in, channels_out: in a group.
    """

    axes: tuple[Axis, ...]
    images: int
    groups: int
    channels_in: int
    channels_out: int

    @classmethod
    def of(cls, x: Shape, g: Shape, spec: WeightSpec) -> WeightShape:
        """For X (batch, *spatial, groups * in) and G (batch, *spatial, out)."""
        axes = axes_of(x[1:-1], g[1:-1], spec.taps, spec.stride, spec.padding, spec.input_dilation, spec.dilation)
        return cls(axes, x[0], spec.groups, x[-1] // spec.groups, g[-1] // spec.groups)

    def blocking(self, target: Target, dtype: str) -> Blocking:
        return conv_blocking(target, dtype, self.channels_out, self.tile_rows)

    @property
    def rows(self) -> int:
        return self.images * self.axes[0].kernel * self.axes[1].kernel

    @property
    def columns(self) -> int:
        return self.groups * self.channels_out

    @property
    def taps(self) -> tuple[int, ...]:
        return tuple(axis.out for axis in self.axes)

    @property
    def copies(self) -> bool:
        return not self.axes[2].inside

    @property
    def joins(self) -> bool:
        """Whether the taps of a row are one run of channels: they meet the same pixels of G, neighbours in X."""
        width = self.axes[2]
        return self.groups == 1 and width.period == 1 and width.step == 1 and width.input_dilation == 1

    @property
    def tile_rows(self) -> int:
        """Rows of the result that register tiles are cut from."""
        return self.channels_in * (self.taps[2] if self.joins else 1)

    @property
    def row_elements(self) -> int:
        """Elements of a row of the copy of X."""
        first, last = self.axes[2].reach
        return (last - first + 1) * self.groups * self.channels_in

    def copied_rows(self, rows: int) -> int:
        """The most rows that the copy of X for `rows` rows of G in one plane has."""
        height = self.axes[1]
        span = (rows - 1) * height.dilation + (height.out - 1) * height.stride
        return least(span // height.input_dilation + 2, height.extent)

    def padded_pixel(self, lanes: int) -> int:
        """Elements of a pixel in the copy of G, which is there if its last vector would reach beyond a pixel."""
        return self.columns + lanes if self.channels_out % lanes else 0


@dataclass(frozen=True)
class WeightPlan:
    """How the sum is cut, by shape alone.

    Attributes:
        parts: sums that are added in the end.
        block_rows: rows of G in one chain.
        tile_channels: columns of a tile.
    """

    parts: int
    block_rows: int
    tile_channels: int

    @classmethod
    def of(cls, shape: WeightShape, blocking: Blocking) -> WeightPlan | None:
        """A good plan for up to eight threads, or None if no copy fits in scratch."""
        return chosen(cls._best, shape, blocking)

    @classmethod
    def _best(cls, shape: WeightShape, blocking: Blocking) -> WeightPlan | None:
        block_rows = _block_rows(shape, blocking)
        if block_rows is None:
            return None
        blocks = -(-shape.rows // block_rows)
        panels = -(-shape.columns // blocking.columns)
        channels = [shape.columns]
        if shape.groups == 1:
            channels = sorted({even_part(panels, -(-panels // n)) * blocking.columns for n in range(1, panels + 1)})
        plans = (cls(n, block_rows, count) for n in range(1, min(blocks, MOST_PARTS) + 1) for count in channels)
        return min(plans, key=lambda plan: _estimated_cycles(shape, blocking, plan, blocks))


def _block_rows(shape: WeightShape, blocking: Blocking) -> int | None:
    """Rows of a block: parts of a plane, or whole planes."""
    per_plane, planes = shape.axes[1].kernel, shape.images * shape.axes[0].kernel
    counts = [n for n in range(1, per_plane + 1) if per_plane % n == 0]
    counts += [n * per_plane for n in range(2, planes + 1) if planes % n == 0]
    pixels = shape.axes[2].kernel
    best = None
    for rows in counts:
        sizes = _scratch_sizes(shape, blocking, rows)
        if rows > MOST_BLOCK_ROWS or sum(sizes) > SCRATCH_BYTES:
            break
        apart = shape.axes[1].dilation * shape.axes[2].dilation
        traffic = rows * pixels * (shape.columns + shape.groups * shape.channels_in * apart)
        if best is not None and (traffic * blocking.size > BLOCK_BYTES or rows * pixels > CHAIN):
            break
        best = rows
    return best


def _scratch_sizes(shape: WeightShape, blocking: Blocking, rows: int) -> tuple[int, int, int, int]:
    """Bytes of scratch for edges, the copy of X, the copy of G, and the segments."""
    images, part = greatest(rows // shape.axes[1].kernel, 1), least(rows, shape.axes[1].kernel)
    x = images * shape.taps[0] * shape.copied_rows(part) * shape.row_elements if shape.copies else 0
    g = rows * shape.axes[2].kernel * shape.padded_pixel(blocking.lanes)
    return (
        copy_offset(blocking),
        aligned(x * blocking.size),
        aligned(g * blocking.size),
        aligned(8 * SEGMENT_WORDS * rows),
    )


def _estimated_cycles(shape: WeightShape, blocking: Blocking, plan: WeightPlan, blocks: int) -> float:
    tiles = plan.parts * -(-shape.columns // plan.tile_channels)
    part_blocks = -(-blocks // plan.parts)
    vectors = -(-min(plan.tile_channels, shape.channels_out) // blocking.lanes) * shape.groups
    rows = part_blocks * plan.block_rows
    taps = math.prod(shape.taps)
    multiplying = rows * shape.axes[2].kernel * taps * shape.channels_in * vectors
    copied = sum(_scratch_sizes(shape, blocking, plan.block_rows)[1:3]) / blocking.size / blocking.lanes
    each = TILE_CYCLES + multiplying + part_blocks * copied * COPY_CYCLES
    adding = plan.parts * taps * shape.channels_in * shape.columns / blocking.lanes * ADD_CYCLES
    return sum(threads * -(-tiles // threads) * each + adding for threads in (1, 2, 3, 4, 6, 8))


def tile_count(shape: WeightShape, plan: WeightPlan) -> int:
    return plan.parts * -(-shape.columns // plan.tile_channels)


def weight_words(
    shape: WeightShape, plan: WeightPlan, blocking: Blocking, x: tuple[int, int, int, int], g: tuple[int, int]
) -> list[int]:
    """The argument words, but for the pointers and the micro-kernels, which follow them.

    Args:
        shape, plan, blocking: of the sum.
        x: strides of X along images, planes, rows and pixels; channels are adjacent.
        g: strides of G along rows (of all images and planes) and pixels; channels are adjacent.
    """
    depth, height, width = shape.axes
    words = [0] * len(Arg)
    for arg, word in (
        (Arg.ROWS, shape.rows),
        (Arg.PLANES_G, depth.kernel),
        (Arg.ROWS_G, height.kernel),
        (Arg.COLUMNS_G, width.kernel),
        (Arg.G_ROW, g[0]),
        (Arg.G_PIXEL, g[1]),
        (Arg.X_IMAGE, x[0]),
        (Arg.X_PLANE, x[1]),
        (Arg.X_ROW, x[2]),
        (Arg.PLANES_X, depth.extent),
        (Arg.ROWS_X, height.extent),
        (Arg.GROUPS, shape.groups),
        (Arg.CHANNELS_IN, shape.channels_in),
        (Arg.CHANNELS_OUT, shape.channels_out),
        (Arg.BLOCK_ROWS, plan.block_rows),
        (Arg.BLOCKS, -(-shape.rows // plan.block_rows)),
        (Arg.PARTS, plan.parts),
        (Arg.TILE_CHANNELS, plan.tile_channels),
        (Arg.TAPS_D, depth.out),
        (Arg.TAPS_H, height.out),
        (Arg.TAPS_W, width.out),
        (Arg.POSITION_D, depth.dilation),
        (Arg.TAP_D, depth.stride),
        (Arg.LOW_D, depth.low),
        (Arg.DILATION_D, depth.input_dilation),
        (Arg.POSITION_H, height.dilation),
        (Arg.TAP_H, height.stride),
        (Arg.LOW_H, height.low),
        (Arg.DILATION_H, height.input_dilation),
    ):
        words[arg] = word
    _fill_copy_words(words, shape, plan, blocking, x)
    pixel = shape.groups * shape.channels_in if shape.copies else x[3]
    return _with_table(words, shape, pixel)


def _fill_copy_words(
    words: list[int], shape: WeightShape, plan: WeightPlan, blocking: Blocking, x: tuple[int, int, int, int]
) -> None:
    width, channels = shape.axes[2], shape.groups * shape.channels_in
    edge, x_size, g_size, _ = _scratch_sizes(shape, blocking, plan.block_rows)
    words[Arg.PADDED_PIXEL] = shape.padded_pixel(blocking.lanes)
    words[Arg.PADDED_PLACE] = edge + x_size
    words[Arg.SEGMENTS_PLACE] = edge + x_size + g_size
    if not shape.copies:
        return
    first, last = width.reach
    left = min(max(-first, 0), last - first + 1)
    count = max(min(last + 1, width.extent) - max(first, 0), 0)
    copied = shape.copied_rows(least(plan.block_rows, shape.axes[1].kernel))
    for arg, word in (
        (Arg.COPIES, 1),
        (Arg.COPY_FIRST, max(first, 0) * x[3]),
        (Arg.COPY_LEFT, left * channels),
        (Arg.COPY_COUNT, count * channels),
        (Arg.COPY_RIGHT, (last - first + 1 - left - count) * channels),
        (Arg.COPY_ROW, shape.row_elements),
        (Arg.COPY_PLANE, copied * shape.row_elements),
        (Arg.COPY_IMAGE, shape.taps[0] * copied * shape.row_elements),
    ):
        words[arg] = word


def _with_table(words: list[int], shape: WeightShape, pixel: int) -> list[int]:
    """The words with the table of taps along a row behind them; `pixel` elements lie between pixels of X."""
    width = shape.axes[2]
    first_column = width.reach[0] if shape.copies else 0
    table: list[int] = []
    for tap in range(0, width.out, width.out if shape.joins else 1):
        met = width.taps(tap % width.period)
        first = met[0] if met else None
        start = 0 if first is None else first.offset + tap // width.period * width.step - first_column
        index = 0 if first is None else first.number
        table += [shape.tile_rows, len(met), index, start * pixel, tap * shape.channels_in]
    steps = math.gcd(width.dilation, width.input_dilation)
    words[Arg.A_STEP] = width.dilation // steps * pixel
    words[Arg.B_STEP] = width.input_dilation // steps
    words[Arg.ENTRIES] = len(table) // ENTRY_WORDS
    words[Arg.TABLE] = len(words)
    words[Arg.MICRO] = len(words) + len(table)
    return words + table
