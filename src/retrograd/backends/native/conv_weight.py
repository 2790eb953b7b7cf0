"""Gradients of weights: data met by a kernel as large as itself, summed over all pixels of a batch.

    Y[part, r, c, o] = sum over rows of a part, then over their pixels q, of  X[n, q s + r d - low, c] * G[n, q, o]

Both operands lie channels last, so a register tile is some channels c (and neighbouring taps of a row) by vectors of o,
and its depth are pixels, row after row. The rows are cut into parts and blocks by the shape alone: a block is one chain
of fused multiply-adds, the chains of a part are added in order, and a sum over the parts follows. So a result has the
same bits for any number of threads.

Rows of X outside of the input are skipped. Pixels outside are read as zeros from a copy in scratch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.conv_copy import copy_row_function, pad_pixels_function
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, PanelWriter
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking, copy_edge_kernel
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.quotients import ceil_div, divide
from retrograd.backends.native.target import Target


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
        part, column_tile = divide(self.tile, ceil_div(self._columns(), words[Arg.TILE_CHANNELS]))
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
        number, plane = divide(image, words[Arg.PLANES_G])
        place = plane * words[Arg.POSITION_D] + depth * words[Arg.TAP_D] - words[Arg.LOW_D]
        met, exists = self._met(place, words[Arg.DILATION_D], words[Arg.PLANES_X])
        return number, met, exists

    def _met(self, place: Value, dilation: Value, extent: Value) -> tuple[Value, Value]:
        f = self.f
        index, rest = divide(place, dilation)
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
    return aligned(blocking.rows * blocking.columns * blocking.size)


def aligned(size: int) -> int:
    """Bytes up to a whole number of cache lines."""
    return -(-size // CACHE_LINE) * CACHE_LINE
