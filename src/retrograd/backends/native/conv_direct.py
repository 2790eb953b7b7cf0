"""Direct convolution of channels-last data, every extent, stride and dilation known at run time only.

    Y[n, p, g, o] = sum over taps r, then channels c, of  X[n, p s + r d - low, g, c] * W[g, r, c, o]

The weights come packed: panels of `Blocking.columns` output channels, in each of which tap after tap, channel after
channel, a row of a panel's columns stands. A tap is a segment of the micro-kernel's depth; where neighbouring taps
meet neighbouring elements, all of a row are one. The segments of each phase (`conv_geometry.py`) are a table in the
arguments. They are summed in at most `BLOCKS` chains, which the shape fixes, so a result has the same bits for every
tiling and every number of threads.

A tile is some rows of outputs. What it reads is copied into scratch first, with zeros around it, unless all of it lies
within the input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.conv_copy import copy_row_function
from retrograd.backends.native.conv_geometry import SPATIAL_AXES, Axis, axes_of
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, PanelWriter
from retrograd.backends.native.conv_ops import ConvSpec, conv_shape
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking, copy_edge_kernel
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part
from retrograd.core.types import Shape, contiguous_strides

# The longest chain of products, where tables of segments can be cut there.
CHAIN = 512
# What a tile may copy: it should stay in the second cache beside the weights.
MOST_COPIED_BYTES = 512 << 10
# A rough model of a tile's cost in cycles: to copy one vector of the input, and to start.
COPY_CYCLES, TILE_CYCLES = 2, 1500


class Arg(IntEnum):
    """The words of the kernel's `args`; strides count elements. The tables stand behind them."""

    X = 0
    W = auto()
    Y = auto()
    ROWS = auto()  # of outputs: images, planes and rows together
    PLANES_OUT = auto()
    ROWS_OUT = auto()
    COLUMNS_OUT = auto()
    GROUPS = auto()
    CHANNELS = auto()  # of output, in a group
    DEPTH = auto()  # of a segment
    GROUP_CHANNELS = auto()  # of input, in a group
    BLOCKS = auto()
    PANEL = auto()  # elements of a panel of weights
    TILE_ROWS = auto()
    TILE_CHANNELS = auto()
    PERIOD_D = auto()
    PERIOD_H = auto()
    PERIOD_W = auto()
    STEP_D = auto()
    STEP_H = auto()
    STEP_W = auto()
    X_IMAGE = auto()
    X_PLANE = auto()
    X_ROW = auto()
    # Between rows and between pixels of what the segments read: the input, or its copy.
    READ_ROW = auto()
    READ_PIXEL = auto()
    # The copy: 0 without one; its planes, their least offset being in the table; rows beyond those of one output row;
    # the first input row of output row 0; zeros, elements and zeros of a row; between images, and between planes.
    COPIES = auto()
    COPY_PLANES = auto()
    COPY_ROWS = auto()
    COPY_FIRST_ROW = auto()
    COPY_FIRST = auto()
    COPY_LEFT = auto()
    COPY_COUNT = auto()
    COPY_RIGHT = auto()
    COPY_IMAGE = auto()
    COPY_PLANE = auto()
    PLANES_IN = auto()
    ROWS_IN = auto()
    # Word offsets from `args`: for each phase (depth, height, width) how many segments, and where they start; for each
    # phase along depth its planes' offsets, COPY_PLANES of them.
    PHASES = auto()
    PLANES = auto()
    MICRO = auto()  # where the addresses of the micro-kernels are


POINTERS = (Arg.X, Arg.W, Arg.Y)
PHASE_WORDS = 2
# The offset of a plane that a phase does not have: it lies outside of any input.
NO_PLANE = -(1 << 40)


def direct_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`, a kernel by the contract of `contract.py` whose words are `Arg` and tables.

    Tile i * ceil(columns / TILE_CHANNELS) + j covers rows i * TILE_ROWS to (i + 1) * TILE_ROWS, and as many columns of
    Y from j * TILE_CHANNELS on; with more than one group TILE_CHANNELS covers them all.
    """
    module = Module(target)
    _DirectKernel(module, blocking).emit()
    return module


@dataclass(frozen=True)
class _Image:
    """The part of one plane of outputs that a tile computes.

    Attributes:
        number: image and plane in one.
        first, last: rows.
        source: where the segments of row 0 start to read.
    """

    number: Value
    first: Value
    last: Value
    source: Value


class _DirectKernel:
    """Emits the kernel function; `words` are the values of `args`."""

    def __init__(self, module: Module, blocking: Blocking) -> None:
        self.blocking = blocking
        copy_edge = copy_edge_kernel(module, blocking)
        self.copy_row = copy_row_function(module, blocking)
        self.f = module.function("conv", KERNEL_PARAMETERS)
        self.args, self.tile, scratch = self.f.args
        self.words = {word: self._word(word) for word in Arg}
        table = self.f.at(self.args, self.words[Arg.MICRO], I64)
        self.writer = PanelWriter(self.f, blocking, table, copy_edge, scratch)
        self.copied = self.f.offset(scratch, copy_offset(blocking))

    def emit(self) -> None:
        f, words = self.f, self.words
        columns = words[Arg.GROUPS] * words[Arg.CHANNELS]
        row_tile, column_tile = _divide(self.tile, _ceil_div(columns, words[Arg.TILE_CHANNELS]))
        first = row_tile * words[Arg.TILE_ROWS]
        last = f.minimum(first + words[Arg.TILE_ROWS], words[Arg.ROWS])
        rows = words[Arg.ROWS_OUT]
        images = first // rows, (last + rows - 1) // rows
        with f.when(f.compare("ne", words[Arg.COPIES], 0)), f.loop(*images) as image:
            self._copy_image(image, first, last, images[0])
        group_columns = f.minimum(words[Arg.CHANNELS], words[Arg.TILE_CHANNELS])
        start = f.select(f.compare("eq", words[Arg.GROUPS], 1), column_tile * words[Arg.TILE_CHANNELS], 0)
        stop = f.minimum(start + group_columns, words[Arg.CHANNELS])
        with f.loop(0, words[Arg.GROUPS]) as group, f.loop(start, stop, self.blocking.columns) as column:
            width = f.minimum(stop - column, self.blocking.columns)
            with f.loop(0, words[Arg.BLOCKS]) as block, f.loop(*images) as image:
                self._image_panel(self._image(image, first, last, images[0]), group, column, width, block)

    # -- words and places ---------------------------------------------------------------------------------------------

    def _word(self, word: Arg) -> Value:
        return self.f.load(self.f.at(self.args, word, I64), PTR if word in POINTERS else I64)

    def _at(self, pointer: Value, index: Value) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    def _rows_of(self, image: Value, first: Value, last: Value) -> tuple[Value, Value]:
        """The rows of an image that lie in the tile."""
        f, rows = self.f, self.words[Arg.ROWS_OUT]
        start = image * rows
        return f.maximum(first - start, 0), f.minimum(last - start, rows)

    def _first_copied_row(self, first: Value) -> Value:
        """The input row that the copy for an image, from output row `first` on, begins with."""
        words = self.words
        return first // words[Arg.PERIOD_H] * words[Arg.STEP_H] + words[Arg.COPY_FIRST_ROW]

    def _plane(self, image: Value) -> tuple[Value, Value, Value]:
        """The number in its batch, the phase along depth, and the first input plane of an image."""
        words = self.words
        number, plane = _divide(image, words[Arg.PLANES_OUT])
        turn, phase = _divide(plane, words[Arg.PERIOD_D])
        return number, phase, turn * words[Arg.STEP_D]

    def _image(self, image: Value, first: Value, last: Value, first_image: Value) -> _Image:
        f, words = self.f, self.words
        low, high = self._rows_of(image, first, last)
        number, _, plane = self._plane(image)
        in_place = self._at(words[Arg.X], number * words[Arg.X_IMAGE] + plane * words[Arg.X_PLANE])
        begins = (image - first_image) * words[Arg.COPY_IMAGE] - self._first_copied_row(low) * words[Arg.READ_ROW]
        copies = f.compare("ne", words[Arg.COPIES], 0)
        return _Image(image, low, high, f.select(copies, self._at(self.copied, begins), in_place))

    # -- the copy -----------------------------------------------------------------------------------------------------

    def _copy_image(self, image: Value, first: Value, last: Value, first_image: Value) -> None:
        """Copy the rows that an image's outputs in the tile read, between zeros."""
        f, words = self.f, self.words
        low, high = self._rows_of(image, first, last)
        number, phase, turned = self._plane(image)
        row0 = self._first_copied_row(low)
        rows = ((high - 1) // words[Arg.PERIOD_H] - low // words[Arg.PERIOD_H]) * words[Arg.STEP_H]
        rows = rows + words[Arg.COPY_ROWS]
        target = self._at(self.copied, (image - first_image) * words[Arg.COPY_IMAGE])
        source = self._at(words[Arg.X], number * words[Arg.X_IMAGE] + words[Arg.COPY_FIRST])
        with f.loop(0, words[Arg.COPY_PLANES]) as slot, f.loop(0, rows) as i:
            offset = self._table(words[Arg.PLANES] + phase * words[Arg.COPY_PLANES] + slot)
            plane, row = turned + offset, row0 + i
            inside = self._within(plane, words[Arg.PLANES_IN]) & self._within(row, words[Arg.ROWS_IN])
            read = self._at(source, plane * words[Arg.X_PLANE] + row * words[Arg.X_ROW])
            write = self._at(target, slot * words[Arg.COPY_PLANE] + i * words[Arg.READ_ROW])
            widths = words[Arg.COPY_LEFT], words[Arg.COPY_COUNT], words[Arg.COPY_RIGHT]
            f.call(self.copy_row, read, write, *widths, f.convert("zext", inside, I64))

    def _within(self, index: Value, extent: Value) -> Value:
        return self.f.compare("ult", index, extent)

    def _table(self, word: Value) -> Value:
        return self.f.load(self.f.at(self.args, word, I64), I64)

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def _image_panel(self, image: _Image, group: Value, column: Value, width: Value, block: Value) -> None:
        """Some columns of an image's rows, and of each chain the part that a block of segments is."""
        f, words = self.f, self.words
        panel = group * _ceil_div(words[Arg.CHANNELS], f.const(self.blocking.columns, I64))
        panel = panel + column // self.blocking.columns
        weights = self._at(words[Arg.W], panel * words[Arg.PANEL])
        source = self._at(image.source, group * words[Arg.GROUP_CHANNELS])
        target = self._at(words[Arg.Y], group * words[Arg.CHANNELS] + column)
        _, depth_phase, _ = self._plane(image.number)
        with f.loop(0, words[Arg.PERIOD_H]) as row_phase, f.loop(0, words[Arg.PERIOD_W]) as column_phase:
            phase = (depth_phase * words[Arg.PERIOD_H] + row_phase) * words[Arg.PERIOD_W] + column_phase
            segments, count = self._block_of_segments(phase, block)
            needed = f.compare("eq", block, 0) | f.compare("sgt", count, 0)
            with f.when(needed & f.compare("slt", column_phase, words[Arg.COLUMNS_OUT])):
                operands = source, weights, target
                self._phase(image, operands, (segments, count), (row_phase, column_phase), width, block)

    def _block_of_segments(self, phase: Value, block: Value) -> tuple[Value, Value]:
        f, blocks = self.f, self.words[Arg.BLOCKS]
        entry = self.words[Arg.PHASES] + phase * PHASE_WORDS
        count = self._table(entry)
        start, stop = count * block // blocks, count * (block + 1) // blocks
        return f.at(f.at(self.args, self._table(entry + 1), I64), start * SEGMENT_WORDS, I64), stop - start

    def _phase(
        self,
        image: _Image,
        operands: tuple[Value, Value, Value],
        segments: tuple[Value, Value],
        phases: tuple[Value, Value],
        width: Value,
        block: Value,
    ) -> None:
        """The outputs of one phase of rows and one of columns, row by row in even panels of pixels."""
        f, words, rows = self.f, self.words, self.blocking.rows
        (source, weights, target), (row_phase, column_phase) = operands, phases
        a_row = words[Arg.STEP_W] * words[Arg.READ_PIXEL]
        c_row = words[Arg.PERIOD_W] * self._columns()
        strides = (a_row, f.const(1, I64), f.const(self.blocking.columns, I64), c_row)
        outputs = _ceil_div(words[Arg.COLUMNS_OUT] - column_phase, words[Arg.PERIOD_W])
        panels = Split.of(f, outputs, rows)
        accumulate = f.convert("zext", f.compare("sgt", block, 0), I64)
        period = words[Arg.PERIOD_H]
        first_turn = _ceil_div(image.first - row_phase, period)
        last_turn = _ceil_div(image.last - row_phase, period)
        with f.loop(first_turn, last_turn) as turn:
            row = image.number * words[Arg.ROWS_OUT] + turn * period + row_phase
            read = self._at(source, turn * words[Arg.STEP_H] * words[Arg.READ_ROW])
            write = self._at(target, (row * words[Arg.COLUMNS_OUT] + column_phase) * self._columns())
            with f.loop(0, panels.count) as index:
                start = panels.start(index)
                places = (self._at(read, start * a_row), weights, self._at(write, start * c_row))
                size = panels.size(index), width
                self.writer.write(places, segments, words[Arg.DEPTH], strides, size, accumulate)

    def _columns(self) -> Value:
        return self.words[Arg.GROUPS] * self.words[Arg.CHANNELS]


def copy_offset(blocking: Blocking) -> int:
    """Where in scratch the copy starts, behind the tile for edges."""
    return -(-blocking.rows * blocking.columns * blocking.size // CACHE_LINE) * CACHE_LINE


def _ceil_div(a: Value, b: Value) -> Value:
    return (a + b - 1) // b


def _divide(a: Value, b: Value) -> tuple[Value, Value]:
    quotient = a // b
    return quotient, a - quotient * b


# -- arguments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DirectShape:
    """What is known of a direct convolution when it is planned.

    Attributes:
        axes: depth, height, width.
        images: in the batch.
        groups: of channels.
        channels_in, channels_out: in a group.
        strides: of the input along images, planes, rows and pixels; channels are adjacent.
    """

    axes: tuple[Axis, ...]
    images: int
    groups: int
    channels_in: int
    channels_out: int
    strides: tuple[int, int, int, int]

    @classmethod
    def of(cls, x: Shape, spec: ConvSpec, strides: Shape | None = None) -> DirectShape:
        """For an input (batch, *spatial, channels), dense unless it has `strides`."""
        batch, *extents, channels = x
        out = conv_shape(x, spec)[1:-1]
        axes = axes_of(tuple(extents), spec.kernel, out, spec.stride, spec.padding, spec.input_dilation, spec.dilation)
        image, *spatial, _ = contiguous_strides(x) if strides is None else strides
        plane, row, pixel = (0,) * (SPATIAL_AXES - len(spatial)) + tuple(spatial)
        per_group = channels // spec.groups, spec.channels_out // spec.groups
        return cls(axes, batch, spec.groups, *per_group, (image, plane, row, pixel))

    @property
    def rows(self) -> int:
        return self.images * self.axes[0].out * self.axes[1].out

    @property
    def columns(self) -> int:
        return self.groups * self.channels_out

    @property
    def taps(self) -> int:
        return math.prod(axis.kernel for axis in self.axes)

    @property
    def copies(self) -> bool:
        """Whether something is read that lies outside of the input."""
        return not all(axis.inside for axis in self.axes)

    @property
    def row_elements(self) -> int:
        """Elements of a row of the copy."""
        first, last = self.axes[2].reach
        return (last - first + 1) * self.groups * self.channels_in

    @property
    def copy_planes(self) -> int:
        depth = self.axes[0]
        return max(len(depth.taps(phase)) for phase in range(depth.period))

    def copied_rows(self, rows: int) -> int:
        """The most rows that the copy for `rows` neighbouring output rows of one plane has."""
        height = self.axes[1]
        first, last = height.offsets
        turns = min(-(-(rows - 1) // height.period), max(height.count(0) - 1, 0))
        return turns * height.step + last - first + 1


def direct_tile(shape: DirectShape, blocking: Blocking) -> tuple[int, int] | None:
    """Rows and channels of a tile by shape alone, good for up to eight threads; None if no copy fits in scratch."""
    channels = [shape.columns]
    if shape.groups == 1:
        panels = -(-shape.columns // blocking.columns)
        channels = sorted({-(-panels // parts) * blocking.columns for parts in (1, 2, 4, 8) if parts <= panels})
    candidates = [(rows, count) for rows in _row_counts(shape) for count in channels if _fits(shape, rows, blocking)]
    return min(candidates, key=lambda tile: _estimated_cycles(shape, blocking, *tile), default=None)


def _row_counts(shape: DirectShape) -> list[int]:
    """Even parts of an image, or even numbers of images."""
    planes, rows = shape.images * shape.axes[0].out, shape.axes[1].out
    parts = {even_part(rows, -(-rows // count)) for count in range(1, min(rows, 64) + 1)}
    parts |= {part for part in (1, 2, 4) if part <= rows}
    whole = {even_part(planes, -(-planes // count)) * rows for count in range(1, min(planes, 64) + 1)}
    return sorted({part for part in parts if rows % part == 0} | whole)


def copy_bytes(shape: DirectShape, rows: int, blocking: Blocking) -> int:
    if not shape.copies:
        return 0
    images, part = max(rows // shape.axes[1].out, 1), min(rows, shape.axes[1].out)
    return images * shape.copy_planes * shape.copied_rows(part) * shape.row_elements * blocking.size


def _fits(shape: DirectShape, rows: int, blocking: Blocking) -> bool:
    limit = SCRATCH_BYTES - copy_offset(blocking) if rows == 1 else MOST_COPIED_BYTES
    return copy_bytes(shape, rows, blocking) <= limit


def _estimated_cycles(shape: DirectShape, blocking: Blocking, rows: int, channels: int) -> float:
    column_tiles = -(-shape.columns // channels)
    tiles = -(-shape.rows // rows) * column_tiles
    taps = shape.taps / max(shape.axes[0].period * shape.axes[1].period * shape.axes[2].period, 1)
    vectors = -(-min(channels, shape.channels_out) // blocking.lanes) * (max(1, shape.groups))
    multiplying = rows * shape.axes[2].out * vectors * taps * shape.channels_in
    copying = copy_bytes(shape, rows, blocking) / blocking.size / blocking.lanes * COPY_CYCLES
    each = TILE_CYCLES + multiplying + copying
    return sum(threads * -(-tiles // threads) * each for threads in (1, 2, 3, 4, 6, 8))


def tile_count(shape: DirectShape, tile: tuple[int, int]) -> int:
    return -(-shape.rows // tile[0]) * -(-shape.columns // tile[1])


def direct_words(shape: DirectShape, tile: tuple[int, int], blocking: Blocking) -> list[int]:
    """The argument words, but for the pointers and the micro-kernels, which follow them."""
    depth, height, width = shape.axes
    words = [0] * len(Arg)
    tables = _Tables(shape)
    for arg, word in (
        (Arg.ROWS, shape.rows),
        (Arg.PLANES_OUT, depth.out),
        (Arg.ROWS_OUT, height.out),
        (Arg.COLUMNS_OUT, width.out),
        (Arg.GROUPS, shape.groups),
        (Arg.CHANNELS, shape.channels_out),
        (Arg.DEPTH, tables.depth),
        (Arg.GROUP_CHANNELS, shape.channels_in),
        (Arg.BLOCKS, tables.blocks),
        (Arg.PANEL, shape.taps * shape.channels_in * blocking.columns),
        (Arg.TILE_ROWS, tile[0]),
        (Arg.TILE_CHANNELS, tile[1]),
        (Arg.PERIOD_D, depth.period),
        (Arg.PERIOD_H, height.period),
        (Arg.PERIOD_W, width.period),
        (Arg.STEP_D, depth.step),
        (Arg.STEP_H, height.step),
        (Arg.STEP_W, width.step),
        (Arg.X_IMAGE, shape.strides[0]),
        (Arg.X_PLANE, shape.strides[1]),
        (Arg.X_ROW, shape.strides[2]),
        (Arg.READ_ROW, tables.read[1]),
        (Arg.READ_PIXEL, tables.read[2]),
        (Arg.COPIES, int(shape.copies)),
        (Arg.PHASES, len(Arg)),
    ):
        words[arg] = word
    _fill_copy_words(words, shape, tile[0])
    return tables.append(words, blocking)


def _fill_copy_words(words: list[int], shape: DirectShape, rows: int) -> None:
    depth, height, width = shape.axes
    channels = shape.groups * shape.channels_in
    first, last = width.reach
    left = min(max(-first, 0), last - first + 1)
    count = max(min(last + 1, width.extent) - max(first, 0), 0)
    copied = shape.copied_rows(min(rows, height.out))
    for arg, word in (
        (Arg.COPY_PLANES, shape.copy_planes),
        (Arg.COPY_ROWS, height.offsets[1] - height.offsets[0] + 1),
        (Arg.COPY_FIRST_ROW, height.offsets[0]),
        (Arg.COPY_FIRST, max(first, 0) * shape.strides[3]),
        (Arg.COPY_LEFT, left * channels),
        (Arg.COPY_COUNT, count * channels),
        (Arg.COPY_RIGHT, (last - first + 1 - left - count) * channels),
        (Arg.COPY_PLANE, copied * shape.row_elements),
        (Arg.COPY_IMAGE, shape.copy_planes * copied * shape.row_elements),
        (Arg.PLANES_IN, depth.extent),
        (Arg.ROWS_IN, height.extent),
    ):
        words[arg] = word


class _Tables:
    """The segments of every phase.

    Attributes:
        depth: products of a segment.
        blocks: how many chains a sum consists of.
        read: strides of what is read along planes, rows and pixels.
    """

    def __init__(self, shape: DirectShape) -> None:
        self.shape = shape
        width, channels = shape.axes[2], shape.groups * shape.channels_in
        self.read = (0, shape.row_elements, channels) if shape.copies else shape.strides[1:]
        self.joined = width.in_a_row and shape.groups == 1 and self.read[2] == shape.channels_in
        self.depth = shape.channels_in * (width.kernel if self.joined else 1)
        longest = max(len(segments) for segments in self._phases(panel_columns=1, copy_plane=0))
        self.blocks = max(min(-(-longest * self.depth // CHAIN), longest), 1)

    def _phases(self, panel_columns: int, copy_plane: int) -> list[list[tuple[int, int]]]:
        """For each phase where segments start in what is read, and in a panel of weights."""
        depth, height, width = self.shape.axes
        return [
            self._segments((a, b, c), panel_columns, copy_plane)
            for a in range(depth.period)
            for b in range(height.period)
            for c in range(width.period)
        ]

    def _segments(self, phase: tuple[int, int, int], panel_columns: int, copy_plane: int) -> list[tuple[int, int]]:
        shape = self.shape
        depth, height, width = shape.axes
        columns = width.taps(phase[2])[:1] if self.joined else width.taps(phase[2])
        first_column = width.reach[0] if shape.copies else 0
        segments = []
        for slot, plane in enumerate(depth.taps(phase[0])):
            along = slot * copy_plane if shape.copies else plane.offset * self.read[0]
            for row in height.taps(phase[1]):
                for column in columns:
                    tap = (plane.number * height.kernel + row.number) * width.kernel + column.number
                    start = along + row.offset * self.read[1] + (column.offset - first_column) * self.read[2]
                    segments.append((start, tap * shape.channels_in * panel_columns))
        return segments

    def append(self, words: list[int], blocking: Blocking) -> list[int]:
        """The words with the tables behind them."""
        phases = self._phases(blocking.columns, words[Arg.COPY_PLANE])
        words[Arg.PHASES] = len(words)
        words[Arg.PLANES] = len(words) + PHASE_WORDS * len(phases)
        planes = self._planes()
        place = words[Arg.PLANES] + len(planes)
        for segments in phases:
            words += [len(segments), place]
            place += 2 * len(segments)
        words += planes
        for segments in phases:
            words += [word for segment in segments for word in segment]
        words[Arg.MICRO] = len(words)
        return words

    def _planes(self) -> list[int]:
        depth, most = self.shape.axes[0], self.shape.copy_planes
        planes: list[int] = []
        for phase in range(depth.period):
            offsets = [tap.offset for tap in depth.taps(phase)]
            planes += offsets + [NO_PLANE] * (most - len(offsets))
        return planes
