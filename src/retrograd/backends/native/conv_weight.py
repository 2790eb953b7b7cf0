"""Gradients of weights: data met by a kernel as large as itself, summed over all pixels of a batch.

    Y[part, r, c, o] = sum over rows of a part, then over their pixels q, of  X[n, q s + r d - low, c] * G[n, q, o]

Both operands lie channels last, so a register tile is some channels c (and neighbouring taps of a row) by vectors of o,
and its depth are pixels, row after row. The rows are cut into parts and blocks by the shape alone: a block is one chain
of fused multiply-adds, the chains of a part are added in order, and a sum over the parts follows. So a result has the
same bits for any number of threads.

Rows of X outside of the input are skipped. Pixels outside are read as zeros from a copy in scratch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.conv_copy import copy_row_function, pad_pixels_function
from retrograd.backends.native.conv_geometry import Axis, axes_of
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, PanelWriter, conv_blocking
from retrograd.backends.native.conv_ops import WeightSpec
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking, copy_edge_kernel
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part
from retrograd.core.types import Shape

# A block's rows of X and G should stay in the second cache; its chains should be short enough to be accurate.
BLOCK_BYTES = 256 << 10
CHAIN = 1024
MOST_BLOCK_ROWS = 4096
MOST_PARTS = 32
# A rough model in cycles: to copy a vector, to add a vector of a part to the others, to start a tile.
COPY_CYCLES, ADD_CYCLES, TILE_CYCLES = 2, 3, 2000


class Arg(IntEnum):
    """The words of the kernel's `args`; strides count elements. The table of taps along a row stands behind them."""

    X = 0
    G = auto()
    Y = auto()
    ROWS = auto()  # of G: images, planes and rows together
    PLANES_G = auto()
    ROWS_G = auto()
    COLUMNS_G = auto()
    G_ROW = auto()
    G_PIXEL = auto()
    X_IMAGE = auto()
    X_PLANE = auto()
    X_ROW = auto()
    PLANES_X = auto()
    ROWS_X = auto()
    GROUPS = auto()
    CHANNELS_IN = auto()  # in a group
    CHANNELS_OUT = auto()  # in a group
    BLOCK_ROWS = auto()
    BLOCKS = auto()
    PARTS = auto()
    TILE_CHANNELS = auto()
    TAPS_D = auto()
    TAPS_H = auto()
    TAPS_W = auto()
    # Along depth and height G's row p and tap r meet X at (p * POSITION + r * TAP - LOW) / DILATION.
    POSITION_D = auto()
    TAP_D = auto()
    LOW_D = auto()
    DILATION_D = auto()
    POSITION_H = auto()
    TAP_H = auto()
    LOW_H = auto()
    DILATION_H = auto()
    # Along a row: how far neighbours of a chain lie apart in X and G; for each entry of the table a row of taps, or all
    # together: rows of the register tile, pixels, the first of G, the first of X, the first row of the result.
    A_STEP = auto()
    B_STEP = auto()
    ENTRIES = auto()
    TABLE = auto()
    # The copy of X: 0 without one; what it reads of a row; zeros, elements and zeros; strides.
    COPIES = auto()
    COPY_FIRST = auto()
    COPY_LEFT = auto()
    COPY_COUNT = auto()
    COPY_RIGHT = auto()
    COPY_ROW = auto()
    COPY_PLANE = auto()
    COPY_IMAGE = auto()
    # The copy of G with whole vectors for every pixel: elements of a pixel, or 0 without one; byte offsets in scratch.
    PADDED_PIXEL = auto()
    PADDED_PLACE = auto()
    SEGMENTS_PLACE = auto()
    MICRO = auto()  # the word where the addresses of the micro-kernels are


POINTERS = (Arg.X, Arg.G, Arg.Y)
ENTRY_WORDS = 5


def weight_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`; tile part * ceil(columns / TILE_CHANNELS) + j makes some columns of a part."""
    module = Module(target)
    _WeightKernel(module, blocking).emit()
    return module


@dataclass(frozen=True)
class _Block:
    """Rows [first, last) of G.

    Attributes:
        images: the first plane of a batch that the rows lie in, and the one behind the last.
    """

    first: Value
    last: Value
    images: tuple[Value, Value]


class _WeightKernel:
    """Emits the kernel function; `words` are the values of `args`."""

    def __init__(self, module: Module, blocking: Blocking) -> None:
        self.blocking = blocking
        copy_edge = copy_edge_kernel(module, blocking)
        self.copy_row, self.pad_pixels = (copy_row_function(module, blocking), pad_pixels_function(module, blocking))
        self.f = module.function("conv", KERNEL_PARAMETERS)
        self.args, self.tile, scratch = self.f.args
        self.words = {word: self._word(word) for word in Arg}
        table = self.f.at(self.args, self.words[Arg.MICRO], I64)
        self.writer = PanelWriter(self.f, blocking, table, copy_edge, scratch)
        self.copied = self.f.offset(scratch, copy_offset(blocking))
        self.padded = self.f.offset(scratch, self.words[Arg.PADDED_PLACE])
        self.segments = self.f.offset(scratch, self.words[Arg.SEGMENTS_PLACE])

    def emit(self) -> None:
        f, words = self.f, self.words
        part, column_tile = _divide(self.tile, _ceil_div(self._columns(), words[Arg.TILE_CHANNELS]))
        blocks = words[Arg.BLOCKS]
        first, last = (blocks * (part + i) // words[Arg.PARTS] for i in (0, 1))
        with f.loop(first, last) as number:
            block = self._block(number)
            with f.when(f.compare("ne", words[Arg.COPIES], 0)):
                self._copy_x(block)
            with f.when(f.compare("ne", words[Arg.PADDED_PIXEL], 0)):
                self._copy_g(block)
            accumulate = f.convert("zext", f.compare("sgt", number, first), I64)
            with f.loop(0, words[Arg.TAPS_D]) as depth, f.loop(0, words[Arg.TAPS_H]) as height:
                count = self._list_segments(block, depth, height)
                row = (part * words[Arg.TAPS_D] + depth) * words[Arg.TAPS_H] + height
                taps_row = row * words[Arg.TAPS_W] * words[Arg.CHANNELS_IN] * self._columns()
                self._multiply(count, self._at(words[Arg.Y], taps_row), column_tile, accumulate)

    # -- words and places ---------------------------------------------------------------------------------------------

    def _word(self, word: Arg) -> Value:
        return self.f.load(self.f.at(self.args, word, I64), PTR if word in POINTERS else I64)

    def _at(self, pointer: Value, index: Value) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    def _columns(self) -> Value:
        return self.words[Arg.GROUPS] * self.words[Arg.CHANNELS_OUT]

    def _block(self, number: Value) -> _Block:
        f, words = self.f, self.words
        first = number * words[Arg.BLOCK_ROWS]
        last = f.minimum(first + words[Arg.BLOCK_ROWS], words[Arg.ROWS])
        rows = words[Arg.ROWS_G]
        return _Block(first, last, (first // rows, (last + rows - 1) // rows))

    def _rows_of(self, block: _Block, image: Value) -> tuple[Value, Value]:
        """The rows of one plane of a batch that lie in a block."""
        f, start = self.f, image * self.words[Arg.ROWS_G]
        return f.maximum(block.first - start, 0), f.minimum(block.last - start, self.words[Arg.ROWS_G])

    def _plane(self, image: Value, depth: Value) -> tuple[Value, Value, Value]:
        """The number in its batch of an image and plane, the plane of X that a tap meets, and whether there is one."""
        words = self.words
        number, plane = _divide(image, words[Arg.PLANES_G])
        place = plane * words[Arg.POSITION_D] + depth * words[Arg.TAP_D] - words[Arg.LOW_D]
        met, exists = self._met(place, words[Arg.DILATION_D], words[Arg.PLANES_X])
        return number, met, exists

    def _met(self, place: Value, dilation: Value, extent: Value) -> tuple[Value, Value]:
        f = self.f
        index, rest = _divide(place, dilation)
        return index, f.compare("eq", rest, 0) & f.compare("sge", place, 0) & f.compare("slt", index, extent)

    def _copied_rows(self, rows: tuple[Value, Value]) -> tuple[Value, Value]:
        """The rows of X that some rows of G meet: the first, and the one behind the last; all lie within."""
        f, words = self.f, self.words
        low, high = rows
        first = f.maximum(low * words[Arg.POSITION_H] - words[Arg.LOW_H], 0) // words[Arg.DILATION_H]
        reach = (high - 1) * words[Arg.POSITION_H] + (words[Arg.TAPS_H] - 1) * words[Arg.TAP_H] - words[Arg.LOW_H]
        last = f.maximum(reach + words[Arg.DILATION_H], 0) // words[Arg.DILATION_H]
        return first, f.minimum(last, words[Arg.ROWS_X])

    # -- copies -------------------------------------------------------------------------------------------------------

    def _copy_x(self, block: _Block) -> None:
        """Copy the rows of X that a block meets, between zeros."""
        f, words = self.f, self.words
        with f.loop(*block.images) as image, f.loop(0, words[Arg.TAPS_D]) as depth:
            number, plane, exists = self._plane(image, depth)
            first, last = self._copied_rows(self._rows_of(block, image))
            start = number * words[Arg.X_IMAGE] + plane * words[Arg.X_PLANE] + words[Arg.COPY_FIRST]
            slot = (image - block.images[0]) * words[Arg.COPY_IMAGE] + depth * words[Arg.COPY_PLANE]
            with f.when(exists), f.loop(first, last) as row:
                read = self._at(words[Arg.X], start + row * words[Arg.X_ROW])
                write = self._at(self.copied, slot + (row - first) * words[Arg.COPY_ROW])
                widths = (words[Arg.COPY_LEFT], words[Arg.COPY_COUNT], words[Arg.COPY_RIGHT])
                f.call(self.copy_row, read, write, *widths, f.const(1, I64))

    def _copy_g(self, block: _Block) -> None:
        """Copy a block's rows of G with room for whole vectors behind each pixel."""
        f, words = self.f, self.words
        pixels = words[Arg.COLUMNS_G]
        with f.loop(block.first, block.last) as row:
            read = self._at(words[Arg.G], row * words[Arg.G_ROW])
            write = self._at(self.padded, (row - block.first) * pixels * words[Arg.PADDED_PIXEL])
            f.call(self.pad_pixels, read, write, pixels, self._columns(), words[Arg.G_PIXEL], words[Arg.PADDED_PIXEL])

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def _list_segments(self, block: _Block, depth: Value, height: Value) -> Value:
        """Write down where X and G have the rows that a tap of depth and one of height meet; how many there are."""
        f, words = self.f, self.words
        count = f.variable(I64, 0)
        copies, pads = (f.compare("ne", words[word], 0) for word in (Arg.COPIES, Arg.PADDED_PIXEL))
        x_row = f.select(copies, words[Arg.COPY_ROW], words[Arg.X_ROW])
        with f.loop(*block.images) as image:
            number, plane, exists = self._plane(image, depth)
            low, high = self._rows_of(block, image)
            first_copied, _ = self._copied_rows((low, high))
            slot = (image - block.images[0]) * words[Arg.COPY_IMAGE] + depth * words[Arg.COPY_PLANE]
            slot = slot - first_copied * words[Arg.COPY_ROW]
            in_place = number * words[Arg.X_IMAGE] + plane * words[Arg.X_PLANE]
            start = f.select(copies, slot, in_place)
            with f.when(exists), f.loop(low, high) as row:
                place = row * words[Arg.POSITION_H] + height * words[Arg.TAP_H] - words[Arg.LOW_H]
                met, inside = self._met(place, words[Arg.DILATION_H], words[Arg.ROWS_X])
                with f.when(inside):
                    whole = image * words[Arg.ROWS_G] + row
                    padded = (whole - block.first) * words[Arg.COLUMNS_G] * words[Arg.PADDED_PIXEL]
                    segment = f.at(self.segments, count.get() * SEGMENT_WORDS, I64)
                    f.store(start + met * x_row, segment)
                    f.store(f.select(pads, padded, whole * words[Arg.G_ROW]), f.at(segment, 1, I64))
                    count.set(count.get() + 1)
        return count.get()

    def _multiply(self, count: Value, target: Value, column_tile: Value, accumulate: Value) -> None:
        """Every tap of a row: panels of columns, and even panels of channels."""
        f, words, blocking = self.f, self.words, self.blocking
        copies, pads = (f.compare("ne", words[word], 0) for word in (Arg.COPIES, Arg.PADDED_PIXEL))
        x, g = (f.select(copies, self.copied, words[Arg.X]), f.select(pads, self.padded, words[Arg.G]))
        pixel = f.select(pads, words[Arg.PADDED_PIXEL], words[Arg.G_PIXEL])
        alone = f.compare("eq", words[Arg.GROUPS], 1)
        start = f.select(alone, column_tile * words[Arg.TILE_CHANNELS], 0)
        stop = f.minimum(start + words[Arg.TILE_CHANNELS], words[Arg.CHANNELS_OUT])
        one, columns = f.const(1, I64), self._columns()
        strides = (one, words[Arg.A_STEP], words[Arg.B_STEP] * pixel, columns)
        with f.loop(0, words[Arg.GROUPS]) as group, f.loop(0, words[Arg.ENTRIES]) as entry:
            place = f.at(self.args, words[Arg.TABLE] + entry * ENTRY_WORDS, I64)
            rows, pixels, first_g, first_x, first_row = (f.load(f.at(place, i, I64), I64) for i in range(ENTRY_WORDS))
            a = self._at(x, first_x + group * words[Arg.CHANNELS_IN])
            b = self._at(g, first_g * pixel + group * words[Arg.CHANNELS_OUT])
            c = self._at(target, first_row * columns + group * words[Arg.CHANNELS_OUT])
            panels = Split.of(f, rows, blocking.rows)
            with f.loop(start, stop, blocking.columns) as column, f.loop(0, panels.count) as index:
                row = panels.start(index)
                operands = (self._at(a, row), self._at(b, column), self._at(c, row * columns + column))
                size = panels.size(index), f.minimum(stop - column, blocking.columns)
                self.writer.write(operands, (self.segments, count), pixels, strides, size, accumulate)


def copy_offset(blocking: Blocking) -> int:
    """Where in scratch the copy of X starts, behind the tile for edges."""
    return _aligned(blocking.rows * blocking.columns * blocking.size)


def _aligned(size: int) -> int:
    return -(-size // CACHE_LINE) * CACHE_LINE


def _ceil_div(a: Value, b: Value) -> Value:
    return (a + b - 1) // b


def _divide(a: Value, b: Value) -> tuple[Value, Value]:
    quotient = a // b
    return quotient, a - quotient * b


# -- arguments --------------------------------------------------------------------------------------------------------


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
        return min(span // height.input_dilation + 2, height.extent)

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
    images, part = max(rows // shape.axes[1].kernel, 1), min(rows, shape.axes[1].kernel)
    x = images * shape.taps[0] * shape.copied_rows(part) * shape.row_elements if shape.copies else 0
    g = rows * shape.axes[2].kernel * shape.padded_pixel(blocking.lanes)
    return (
        copy_offset(blocking),
        _aligned(x * blocking.size),
        _aligned(g * blocking.size),
        _aligned(8 * SEGMENT_WORDS * rows),
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
    copied = shape.copied_rows(min(plan.block_rows, shape.axes[1].kernel))
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
