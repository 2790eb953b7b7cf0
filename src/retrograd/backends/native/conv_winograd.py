"""Convolution by 3 x 3 kernels through Winograd's transforms (`winograd.py`), of channels-last data.

    V = B^T d B of every tile d, U = G g G^T packed before;  M[position] = V[position] U[position];  y = A^T M A

A launch's tile is some rows of outputs, which a grid of 2 x 2 from each image's first row on covers. It goes by chunks
of tiles that fit the second cache: all are transformed, then for each panel of output channels sixteen products of
matrices follow, and the outputs from them. The products sum over channels in blocks that the number of channels fixes,
so a result has the same bits for every tiling and every number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.conv_choice import chosen
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, micro_kernel
from retrograd.backends.native.conv_ops import ConvSpec, conv_shape
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.quotients import ceil_div, divide
from retrograd.backends.native.target import Target
from retrograd.backends.native.winograd import KERNEL, OUTPUTS, POSITIONS
from retrograd.backends.native.winograd_tiles import Edges, tiles_along, tiles_of
from retrograd.backends.native.work import even_part
from retrograd.core.types import Shape

# What a chunk's transformed tiles and products take of the second cache.
CHUNK_BYTES = 256 << 10
# A rough model in cycles: to transform a vector of a tile's inputs, to finish a vector of its outputs, to start.
TRANSFORM_CYCLES, FINISH_CYCLES, TILE_CYCLES = 45, 60, 2000
# Below so many channels of either side the transforms cost more than they save.
FEWEST_CHANNELS = 16
# With more, not even a few tiles would fit in scratch.
MOST_CHANNELS = 2048
# A grid that covers so much more than the outputs there are is not worth it.
MOST_WASTE = 1.35


class Arg(IntEnum):
    """The words of the kernel's `args`; strides count elements, places in scratch bytes."""

    X = 0
    U = auto()
    Y = auto()
    ROWS = auto()  # of outputs, of all images
    ROWS_OUT = auto()
    COLUMNS_OUT = auto()
    CHANNELS_IN = auto()
    CHANNELS_OUT = auto()
    X_IMAGE = auto()
    X_ROW = auto()
    X_PIXEL = auto()
    ROWS_IN = auto()
    COLUMNS_IN = auto()
    LOW_H = auto()
    LOW_W = auto()
    TILE_ROWS = auto()
    TILE_CHANNELS = auto()
    GRID_H = auto()  # tiles of an image along its height
    GRID_W = auto()
    CHUNK = auto()
    V_CHANNELS = auto()  # between transformed tiles
    V_STEP = auto()  # between positions
    M_STEP = auto()
    M_PLACE = auto()
    ZEROS_PLACE = auto()
    TABLE_PLACE = auto()
    TRANSFORM = auto()  # functions of `winograd_tiles.py`: `transform` and `gather` of inputs, `finish` of outputs
    GATHER = auto()
    FINISH = auto()
    SEGMENT = auto()  # the word where a segment at 0 is; the addresses of the micro-kernels follow it


POINTERS = (Arg.X, Arg.U, Arg.Y, Arg.TRANSFORM, Arg.GATHER, Arg.FINISH)


def winograd_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`; tiles are numbered as those of `conv_direct.py`."""
    module = Module(target)
    _WinogradKernel(module, blocking).emit()
    return module


class _WinogradKernel:
    def __init__(self, module: Module, blocking: Blocking) -> None:
        self.blocking = blocking
        self.f = f = module.function("conv", KERNEL_PARAMETERS)
        args, self.tile, self.scratch = f.args
        self.words = {word: f.load(f.at(args, word, I64), PTR if word in POINTERS else I64) for word in Arg}
        self.segment = f.at(args, self.words[Arg.SEGMENT], I64)
        self.micro_kernels = f.at(self.segment, SEGMENT_WORDS, I64)
        self.products = f.offset(self.scratch, self.words[Arg.M_PLACE])
        self.zeros = f.offset(self.scratch, self.words[Arg.ZEROS_PLACE])
        self.edges = Edges(f, blocking, self.zeros, f.offset(self.scratch, self.words[Arg.TABLE_PLACE]))

    def emit(self) -> None:
        f, words = self.f, self.words
        columns = words[Arg.CHANNELS_OUT]
        row_tile, column_tile = divide(self.tile, ceil_div(columns, words[Arg.TILE_CHANNELS]))
        first = row_tile * words[Arg.TILE_ROWS]
        last = f.minimum(first + words[Arg.TILE_ROWS], words[Arg.ROWS])
        start = column_tile * words[Arg.TILE_CHANNELS]
        stop = f.minimum(start + words[Arg.TILE_CHANNELS], columns)
        f.clear(self.zeros, words[Arg.V_CHANNELS] * self.blocking.size)
        tiles = self._line(first) * words[Arg.GRID_W], self._line(last) * words[Arg.GRID_W]
        with f.loop(*tiles, words[Arg.CHUNK]) as chunk:
            end = f.minimum(chunk + words[Arg.CHUNK], tiles[1])
            self._transform(chunk, end)
            with f.loop(start, stop, self.blocking.columns) as column:
                width = f.minimum(stop - column, self.blocking.columns)
                self._multiply(column, width, end - chunk)
                self._finish(chunk, end, column, width)

    def _at(self, pointer: Value, index: Value) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    def _line(self, row: Value) -> Value:
        """The line of tiles, counted over all images, that a row of outputs begins."""
        image, inside = divide(row, self.words[Arg.ROWS_OUT])
        return image * self.words[Arg.GRID_H] + (inside + 1) // OUTPUTS

    def _transform(self, first: Value, last: Value) -> None:
        """B^T d B of the tiles from `first` on."""
        f, words = self.f, self.words
        strides, extents = (words[Arg.X_ROW], words[Arg.X_PIXEL]), (words[Arg.ROWS_IN], words[Arg.COLUMNS_IN])
        with tiles_of(f, first, last, words[Arg.GRID_W]) as (index, line, place):
            number, height = divide(line, words[Arg.GRID_H])
            image = self._at(words[Arg.X], number * words[Arg.X_IMAGE])
            row, column = height * OUTPUTS - words[Arg.LOW_H], place * OUTPUTS - words[Arg.LOW_W]
            target = self._at(self.scratch, index * words[Arg.V_CHANNELS])
            where = target, words[Arg.V_STEP], words[Arg.CHANNELS_IN]
            functions = words[Arg.TRANSFORM], words[Arg.GATHER]
            self.edges.transform(functions, image, (row, column), extents, strides, where)

    def _multiply(self, column: Value, width: Value, tiles: Value) -> None:
        """The sixteen products for one panel of output channels."""
        f, words, blocking = self.f, self.words, self.blocking
        vectors = (width + (blocking.lanes - 1)) // blocking.lanes
        channels = words[Arg.CHANNELS_IN]
        panel = self._at(words[Arg.U], column * channels * POSITIONS)
        rows, depths = Split.of(f, tiles, blocking.rows), Split.of(f, channels, blocking.depth)
        one, step = f.const(1, I64), f.const(blocking.columns, I64)
        with f.loop(0, POSITIONS) as position, f.loop(0, depths.count) as depth:
            k = depths.start(depth)
            v = self._at(self.scratch, position * words[Arg.V_STEP] + k)
            u = self._at(panel, (position * channels + k) * blocking.columns)
            m = self._at(self.products, position * words[Arg.M_STEP])
            accumulate = f.convert("zext", f.compare("sgt", depth, 0), I64)
            with f.loop(0, rows.count) as index:
                start, count = rows.start(index), rows.size(index)
                kernel = micro_kernel(f, blocking, self.micro_kernels, count, vectors)
                a, c = self._at(v, start * words[Arg.V_CHANNELS]), self._at(m, start * step)
                strides = words[Arg.V_CHANNELS], one, step, step
                f.call(kernel, a, u, c, self.segment, one, depths.size(depth), *strides, accumulate)

    def _finish(self, first: Value, last: Value, column: Value, width: Value) -> None:
        """The outputs of a panel."""
        f, words = self.f, self.words
        channels = words[Arg.CHANNELS_OUT]
        row_step = words[Arg.COLUMNS_OUT] * channels
        with tiles_of(f, first, last, words[Arg.GRID_W]) as (index, line, place):
            number, height = divide(line, words[Arg.GRID_H])
            row, pixel = height * OUTPUTS, place * OUTPUTS
            target = (number * words[Arg.ROWS_OUT] + row) * row_step + pixel * channels + column
            rows, columns = words[Arg.ROWS_OUT] - row, words[Arg.COLUMNS_OUT] - pixel
            source = self._at(self.products, index * self.blocking.columns)
            out = self._at(words[Arg.Y], target)
            f.call(words[Arg.FINISH], source, words[Arg.M_STEP], out, row_step, channels, rows, columns, width)


# -- arguments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WinogradShape:
    """What is known of a convolution by 3 x 3 kernels when it is planned: extents (height, width) and paddings before
    the first row and column.
    """

    images: int
    extents: tuple[int, int]
    out: tuple[int, int]
    low: tuple[int, int]
    channels_in: int
    channels_out: int

    @classmethod
    def of(cls, x: Shape, spec: ConvSpec) -> WinogradShape:
        """For an input (batch, height, width, channels)."""
        batch, height, width, channels = x
        _, rows, columns, out = conv_shape(x, spec)
        low = spec.padding[0][0], spec.padding[1][0]
        return cls(batch, (height, width), (rows, columns), low, channels, out)

    @property
    def grid(self) -> tuple[int, int]:
        return tiles_along(self.out[0]), tiles_along(self.out[1])

    @property
    def tiles(self) -> int:
        return self.images * math.prod(self.grid)

    @property
    def rows(self) -> int:
        return self.images * self.out[0]


def suits(x: Shape, spec: ConvSpec, dtype: str) -> bool:
    """Whether a convolution of (batch, *spatial, channels) is made this way: by its shape and attributes alone."""
    plain = spec.kernel == (KERNEL, KERNEL) and spec.groups == 1
    ones = {*spec.stride, *spec.input_dilation, *spec.dilation} == {1}
    return plain and ones and pays(x[-1], spec.channels_out, conv_shape(x, spec)[1:-1], dtype)


def pays(channels_in: int, channels_out: int, out: Shape, dtype: str) -> bool:
    """Whether the transforms save more than they cost, and are exact enough."""
    covered = math.prod(tiles_along(n) * OUTPUTS for n in out)
    enough = min(channels_in, channels_out) >= FEWEST_CHANNELS and max(channels_in, channels_out) <= MOST_CHANNELS
    return dtype == "float32" and enough and covered <= MOST_WASTE * math.prod(out)


@dataclass(frozen=True)
class WinogradPlan:
    """How a launch is cut: rows and channels of a tile, tiles of the grid in a chunk."""

    rows: int
    channels: int
    chunk: int

    @classmethod
    def of(cls, shape: WinogradShape, blocking: Blocking) -> WinogradPlan:
        """Good for up to eight threads, by shape alone."""
        plan = chosen(cls._best, shape, blocking)
        assert plan is not None
        return plan

    @classmethod
    def _best(cls, shape: WinogradShape, blocking: Blocking) -> WinogradPlan:
        panels = -(-shape.channels_out // blocking.columns)
        channels = sorted({-(-panels // parts) * blocking.columns for parts in (1, 2, 4, 8) if parts <= panels})
        candidates = [(rows, count) for rows in _row_counts(shape) for count in channels]
        rows, count = min(candidates, key=lambda tile: _estimated_cycles(shape, blocking, *tile))
        tiles = max(rows // shape.out[0], 1) * -(-min(rows, shape.out[0]) // OUTPUTS) * shape.grid[1]
        return cls(rows, count, even_part(tiles, chunk_limit(shape.channels_in, blocking)))

    def launches(self, shape: WinogradShape) -> int:
        return -(-shape.rows // self.rows) * -(-shape.channels_out // self.channels)


def chunk_limit(channels: int, blocking: Blocking) -> int:
    """The most tiles of a chunk."""
    each = POSITIONS * blocking.size * (_padded(channels, blocking) + blocking.columns)
    return max(CHUNK_BYTES // each, blocking.rows)


def _padded(channels: int, blocking: Blocking) -> int:
    return -(-channels // blocking.lanes) * blocking.lanes


def _row_counts(shape: WinogradShape) -> list[int]:
    """Rows of a tile: even parts of an image of an even number of rows, or whole images."""
    rows = shape.out[0]
    parts = [part for part in range(OUTPUTS, rows, OUTPUTS) if rows % part == 0]
    whole = {even_part(shape.images, -(-shape.images // count)) * rows for count in range(1, min(shape.images, 64) + 1)}
    return [*parts, *sorted(whole)]


def _estimated_cycles(shape: WinogradShape, blocking: Blocking, rows: int, channels: int) -> float:
    launches = -(-shape.rows // rows) * -(-shape.channels_out // channels)
    tiles = rows / OUTPUTS * shape.grid[1]
    vectors = -(-min(channels, shape.channels_out) // blocking.lanes)
    transforming = TRANSFORM_CYCLES * _padded(shape.channels_in, blocking) / blocking.lanes
    each = POSITIONS * shape.channels_in * vectors + FINISH_CYCLES * vectors + transforming
    return sum(threads * -(-launches // threads) * (TILE_CYCLES + tiles * each) for threads in (1, 2, 3, 4, 6, 8))


def winograd_words(
    shape: WinogradShape, plan: WinogradPlan, blocking: Blocking, strides: tuple[int, int, int]
) -> list[int]:
    """The argument words, but for the pointers and functions, and the micro-kernels, which follow them; `strides` of
    the input along images, rows and pixels.
    """
    words = [0] * len(Arg)
    padded = _padded(shape.channels_in, blocking)
    # One more line between positions, so that a tile's do not all fall into one set of the first cache.
    v_step, m_step = plan.chunk * padded + blocking.lanes, plan.chunk * blocking.columns + blocking.lanes
    m_place = POSITIONS * v_step * blocking.size
    zeros = m_place + POSITIONS * m_step * blocking.size
    table = zeros + -(-padded * blocking.size // CACHE_LINE) * CACHE_LINE
    if table + POSITIONS * 8 > SCRATCH_BYTES:
        raise ValueError(f"{shape} needs {table} bytes of scratch")
    for arg, word in (
        (Arg.ROWS, shape.rows),
        (Arg.ROWS_OUT, shape.out[0]),
        (Arg.COLUMNS_OUT, shape.out[1]),
        (Arg.CHANNELS_IN, shape.channels_in),
        (Arg.CHANNELS_OUT, shape.channels_out),
        (Arg.X_IMAGE, strides[0]),
        (Arg.X_ROW, strides[1]),
        (Arg.X_PIXEL, strides[2]),
        (Arg.ROWS_IN, shape.extents[0]),
        (Arg.COLUMNS_IN, shape.extents[1]),
        (Arg.LOW_H, shape.low[0]),
        (Arg.LOW_W, shape.low[1]),
        (Arg.TILE_ROWS, plan.rows),
        (Arg.TILE_CHANNELS, plan.channels),
        (Arg.GRID_H, shape.grid[0]),
        (Arg.GRID_W, shape.grid[1]),
        (Arg.CHUNK, plan.chunk),
        (Arg.V_CHANNELS, padded),
        (Arg.V_STEP, v_step),
        (Arg.M_STEP, m_step),
        (Arg.M_PLACE, m_place),
        (Arg.ZEROS_PLACE, zeros),
        (Arg.TABLE_PLACE, table),
    ):
        words[arg] = word
    words[Arg.SEGMENT] = len(words)
    return [*words, *[0] * SEGMENT_WORDS]
