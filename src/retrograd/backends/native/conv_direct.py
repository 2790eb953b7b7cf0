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

from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.conv_copy import copy_row_function
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, PanelWriter
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking, copy_edge_kernel
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.quotients import ceil_div, divide
from retrograd.backends.native.target import Target

# The longest chain of products, where tables of segments can be cut there.
CHAIN = 512


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
        row_tile, column_tile = divide(self.tile, ceil_div(columns, words[Arg.TILE_CHANNELS]))
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
        number, plane = divide(image, words[Arg.PLANES_OUT])
        turn, phase = divide(plane, words[Arg.PERIOD_D])
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
        panel = group * ceil_div(words[Arg.CHANNELS], f.const(self.blocking.columns, I64))
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
        outputs = ceil_div(words[Arg.COLUMNS_OUT] - column_phase, words[Arg.PERIOD_W])
        panels = Split.of(f, outputs, rows)
        accumulate = f.convert("zext", f.compare("sgt", block, 0), I64)
        period = words[Arg.PERIOD_H]
        first_turn = ceil_div(image.first - row_phase, period)
        last_turn = ceil_div(image.last - row_phase, period)
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
