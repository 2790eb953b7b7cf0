"""Gradients of 3 x 3 weights through Winograd's transforms (`winograd.py`), of channels-last data.

    V = B^T d B,  W = A y' A^T of every tile;  M[position] = sum over tiles t of V[position, t] W[position, t]^T;
    Y[part] = G^T M G

The tiles are cut into parts and chunks by the shape alone. A chunk is one chain of fused multiply-adds, the chains of a
part are added in order, and a sum over the parts follows: the bits are the same for any number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.conv_choice import chosen
from retrograd.backends.native.conv_micro import SEGMENT_WORDS, micro_kernel
from retrograd.backends.native.conv_ops import WeightSpec
from retrograd.backends.native.conv_winograd import TRANSFORM_CYCLES, pays
from retrograd.backends.native.gemm import Split
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking
from retrograd.backends.native.ir import I64, PTR, Module, Value
from retrograd.backends.native.quotients import ceil_div, divide
from retrograd.backends.native.target import Target
from retrograd.backends.native.winograd import KERNEL, OUTPUTS, POSITIONS
from retrograd.backends.native.winograd_tiles import Edges, tiles_along, tiles_of
from retrograd.backends.native.work import even_part
from retrograd.core.extent import greatest
from retrograd.core.types import Shape

# What a chunk's transformed tiles take of the second cache; its fewest tiles, since shorter chains write their sums too
# often, if scratch has room for them; and its most: longer chains are less exact.
CHUNK_BYTES, FEWEST_TILES, MOST_TILES = 256 << 10, (64, 16), 256
MOST_PARTS = 32
# A rough model in cycles: to transform a vector of gradients, to add to a vector of M, or of a part, to start.
GRADIENT_CYCLES, UPDATE_CYCLES, ADD_CYCLES, TILE_CYCLES = 40, 4, 3, 2000


class Arg(IntEnum):
    """The words of the kernel's `args`; strides count elements, places in scratch bytes."""

    X = 0
    G = auto()
    Y = auto()
    TILES = auto()  # of the grid, of all images
    GRID_H = auto()
    GRID_W = auto()
    ROWS_G = auto()
    COLUMNS_G = auto()
    CHANNELS_IN = auto()
    CHANNELS_OUT = auto()
    X_IMAGE = auto()
    X_ROW = auto()
    X_PIXEL = auto()
    ROWS_X = auto()
    COLUMNS_X = auto()
    LOW_H = auto()
    LOW_W = auto()
    PARTS = auto()
    CHUNK = auto()
    CHUNKS = auto()
    TILE_CHANNELS = auto()
    V_CHANNELS = auto()
    V_STEP = auto()
    W_CHANNELS = auto()
    W_STEP = auto()
    W_PLACE = auto()
    M_STEP = auto()
    M_PLACE = auto()
    ZEROS_PLACE = auto()
    TABLE_PLACE = auto()
    TRANSFORM = auto()  # functions of `winograd_tiles.py`: `transform` and `gather` of inputs, those of gradients
    GATHER_X = auto()
    GATHER_G = auto()
    FINISH = auto()
    SEGMENT = auto()  # the word where a segment at 0 is; the addresses of the micro-kernels follow it


POINTERS = (Arg.X, Arg.G, Arg.Y, Arg.TRANSFORM, Arg.GATHER_X, Arg.GATHER_G, Arg.FINISH)


def winograd_weight_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`; tile part * ceil(CHANNELS_OUT / TILE_CHANNELS) + j makes some columns of a part."""
    module = Module(target)
    _WinogradWeightKernel(module, blocking).emit()
    return module


class _WinogradWeightKernel:
    def __init__(self, module: Module, blocking: Blocking) -> None:
        self.blocking = blocking
        self.f = f = module.function("conv", KERNEL_PARAMETERS)
        args, self.tile, self.v = f.args
        self.words = {word: f.load(f.at(args, word, I64), PTR if word in POINTERS else I64) for word in Arg}
        self.segment = f.at(args, self.words[Arg.SEGMENT], I64)
        self.micro_kernels = f.at(self.segment, SEGMENT_WORDS, I64)
        self.w, self.m, self.zeros, table = (
            f.offset(self.v, self.words[place])
            for place in (Arg.W_PLACE, Arg.M_PLACE, Arg.ZEROS_PLACE, Arg.TABLE_PLACE)
        )
        self.edges = Edges(f, blocking, self.zeros, table)

    def emit(self) -> None:
        f, words = self.f, self.words
        columns = words[Arg.CHANNELS_OUT]
        part, column_tile = divide(self.tile, ceil_div(columns, words[Arg.TILE_CHANNELS]))
        start = column_tile * words[Arg.TILE_CHANNELS]
        width = f.minimum(words[Arg.TILE_CHANNELS], columns - start)
        f.clear(self.zeros, f.maximum(words[Arg.V_CHANNELS], words[Arg.W_CHANNELS]) * self.blocking.size)
        first, last = (words[Arg.CHUNKS] * (part + i) // words[Arg.PARTS] for i in (0, 1))
        with f.loop(first, last) as number:
            low = number * words[Arg.CHUNK]
            high = f.minimum(low + words[Arg.CHUNK], words[Arg.TILES])
            self._transform(low, high, start, width)
            self._multiply(high - low, width, f.convert("zext", f.compare("sgt", number, first), I64))
        taps = KERNEL * KERNEL
        target = self._at(words[Arg.Y], part * taps * words[Arg.CHANNELS_IN] * columns + start)
        with f.loop(0, words[Arg.CHANNELS_IN]) as channel:
            source = self._at(self.m, channel * words[Arg.W_CHANNELS])
            out = self._at(target, channel * columns)
            f.call(words[Arg.FINISH], source, words[Arg.M_STEP], out, words[Arg.CHANNELS_IN] * columns, width)

    def _at(self, pointer: Value, index: Value) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    def _transform(self, first: Value, last: Value, column: Value, width: Value) -> None:
        """V and W of the tiles from `first` on."""
        f, words = self.f, self.words
        x_strides, x_extents = (words[Arg.X_ROW], words[Arg.X_PIXEL]), (words[Arg.ROWS_X], words[Arg.COLUMNS_X])
        g_strides = words[Arg.COLUMNS_G] * words[Arg.CHANNELS_OUT], words[Arg.CHANNELS_OUT]
        g_extents = words[Arg.ROWS_G], words[Arg.COLUMNS_G]
        with tiles_of(f, first, last, words[Arg.GRID_W]) as (index, line, place):
            number, height = divide(line, words[Arg.GRID_H])
            image = self._at(words[Arg.X], number * words[Arg.X_IMAGE])
            row, pixel = height * OUTPUTS, place * OUTPUTS
            corner = row - words[Arg.LOW_H], pixel - words[Arg.LOW_W]
            where = self._at(self.v, index * words[Arg.V_CHANNELS]), words[Arg.V_STEP], words[Arg.CHANNELS_IN]
            functions = words[Arg.TRANSFORM], words[Arg.GATHER_X]
            self.edges.transform(functions, image, corner, x_extents, x_strides, where)
            gradient = self._at(words[Arg.G], number * words[Arg.ROWS_G] * g_strides[0] + column)
            pixels = self.edges.place(gradient, OUTPUTS, (row, pixel), g_extents, g_strides)
            target = self._at(self.w, index * words[Arg.W_CHANNELS])
            f.call(words[Arg.GATHER_G], pixels, target, words[Arg.W_STEP], width)

    def _multiply(self, tiles: Value, width: Value, accumulate: Value) -> None:
        f, words, blocking = self.f, self.words, self.blocking
        rows = Split.of(f, words[Arg.CHANNELS_IN], blocking.rows)
        one, columns = f.const(1, I64), words[Arg.W_CHANNELS]
        with f.loop(0, POSITIONS) as position, f.loop(0, width, blocking.columns) as column:
            vectors = (f.minimum(width - column, blocking.columns) + (blocking.lanes - 1)) // blocking.lanes
            v = self._at(self.v, position * words[Arg.V_STEP])
            w = self._at(self.w, position * words[Arg.W_STEP] + column)
            m = self._at(self.m, position * words[Arg.M_STEP] + column)
            with f.loop(0, rows.count) as index:
                start, count = rows.start(index), rows.size(index)
                kernel = micro_kernel(f, blocking, self.micro_kernels, count, vectors)
                a, c = self._at(v, start), self._at(m, start * columns)
                strides = one, words[Arg.V_CHANNELS], columns, columns
                f.call(kernel, a, w, c, self.segment, one, tiles, *strides, accumulate)


# -- arguments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WinogradWeightShape:
    """What is known of such a gradient when it is planned: extents (height, width) of X and G, paddings before the
    first row and column of X.
    """

    images: int
    extents: tuple[int, int]
    out: tuple[int, int]
    low: tuple[int, int]
    channels_in: int
    channels_out: int

    @classmethod
    def of(cls, x: Shape, g: Shape, spec: WeightSpec) -> WinogradWeightShape:
        """For X and G (batch, height, width, channels)."""
        low = spec.padding[0][0], spec.padding[1][0]
        return cls(x[0], (x[1], x[2]), (g[1], g[2]), low, x[3], g[3])

    @property
    def grid(self) -> tuple[int, int]:
        return tiles_along(self.out[0]), tiles_along(self.out[1])

    @property
    def tiles(self) -> int:
        return self.images * math.prod(self.grid)


def suits(x: Shape, g: Shape, spec: WeightSpec, dtype: str) -> bool:
    """Whether a gradient of weights is made this way: by its shape and attributes alone."""
    ones = {*spec.stride, *spec.input_dilation, *spec.dilation, spec.groups} == {1}
    return ones and spec.taps == (KERNEL, KERNEL) and pays(x[-1], g[-1], g[1:-1], dtype)


@dataclass(frozen=True)
class WinogradWeightPlan:
    """How the sum is cut, by shape alone: parts, tiles of the grid in a chunk, channels of a launch's tile."""

    parts: int
    chunk: int
    channels: int

    @classmethod
    def of(cls, shape: WinogradWeightShape, blocking: Blocking) -> WinogradWeightPlan | None:
        """A good plan for up to eight threads, or None if no chunk fits in scratch."""
        return chosen(cls._best, shape, blocking)

    @classmethod
    def _best(cls, shape: WinogradWeightShape, blocking: Blocking) -> WinogradWeightPlan | None:
        panels = -(-shape.channels_out // blocking.columns)
        widths = sorted({even_part(panels, -(-panels // n)) * blocking.columns for n in range(1, panels + 1)})
        for fewest in FEWEST_TILES:
            chunks = {width: _chunk(shape, blocking, width, fewest) for width in widths}
            plans = [
                cls(parts, chunk, width)
                for width, chunk in chunks.items()
                for parts in range(1, min(-(-shape.tiles // chunk), MOST_PARTS) + 1)
            ]
            fitting = [plan for plan in plans if _places(shape, plan, blocking)[-1] <= SCRATCH_BYTES]
            if fitting:
                return min(fitting, key=lambda plan: _estimated_cycles(shape, blocking, plan))
        return None

    def launches(self, shape: WinogradWeightShape) -> int:
        return self.parts * -(-shape.channels_out // self.channels)


def _chunk(shape: WinogradWeightShape, blocking: Blocking, width: int, fewest: int) -> int:
    each = POSITIONS * blocking.size * (_padded(shape.channels_in, blocking) + width)
    return even_part(shape.tiles, min(max(CHUNK_BYTES // each, fewest), MOST_TILES))


def _padded(channels: int, blocking: Blocking) -> int:
    return -(-channels // blocking.lanes) * blocking.lanes


def _steps(shape: WinogradWeightShape, plan: WinogradWeightPlan, blocking: Blocking) -> tuple[int, int, int]:
    """Elements between positions of V, W and M: one more line than needed, so that the positions of a tile do not all
    fall into one set of the first cache.
    """
    v = plan.chunk * _padded(shape.channels_in, blocking)
    return (
        v + blocking.lanes,
        plan.chunk * plan.channels + blocking.lanes,
        shape.channels_in * plan.channels + blocking.lanes,
    )


def _places(shape: WinogradWeightShape, plan: WinogradWeightPlan, blocking: Blocking) -> tuple[int, ...]:
    """Byte offsets in scratch of W, M, zeros and the table of pixels, and the end."""
    zeros = greatest(_padded(shape.channels_in, blocking), plan.channels)
    sizes = [POSITIONS * step * blocking.size for step in _steps(shape, plan, blocking)]
    places = [0]
    for size in (*sizes, zeros * blocking.size, POSITIONS * 8):
        places.append(places[-1] + -(-size // CACHE_LINE) * CACHE_LINE)
    return tuple(places[1:])


def _estimated_cycles(shape: WinogradWeightShape, blocking: Blocking, plan: WinogradWeightPlan) -> float:
    chunks = -(-shape.tiles // plan.chunk)
    vectors, inputs = plan.channels // blocking.lanes, _padded(shape.channels_in, blocking) // blocking.lanes
    products = POSITIONS * shape.channels_in * vectors
    tile = products + TRANSFORM_CYCLES * inputs + GRADIENT_CYCLES * vectors
    each = TILE_CYCLES + -(-chunks // plan.parts) * (plan.chunk * tile + products * UPDATE_CYCLES)
    weights = KERNEL * KERNEL * shape.channels_in * shape.channels_out / blocking.lanes
    launches = plan.launches(shape)
    adding = plan.parts * weights * ADD_CYCLES
    return sum(threads * -(-launches // threads) * each + adding for threads in (1, 2, 3, 4, 6, 8))


def winograd_weight_words(
    shape: WinogradWeightShape, plan: WinogradWeightPlan, blocking: Blocking, x: tuple[int, int, int]
) -> list[int]:
    """The argument words, but for the pointers and functions, and the micro-kernels, which follow them; `x`: strides of
    X along images, rows and pixels. G is dense.
    """
    words = [0] * len(Arg)
    v_step, w_step, m_step = _steps(shape, plan, blocking)
    w_place, m_place, zeros, table, _ = _places(shape, plan, blocking)
    for arg, word in (
        (Arg.TILES, shape.tiles),
        (Arg.GRID_H, shape.grid[0]),
        (Arg.GRID_W, shape.grid[1]),
        (Arg.ROWS_G, shape.out[0]),
        (Arg.COLUMNS_G, shape.out[1]),
        (Arg.CHANNELS_IN, shape.channels_in),
        (Arg.CHANNELS_OUT, shape.channels_out),
        (Arg.X_IMAGE, x[0]),
        (Arg.X_ROW, x[1]),
        (Arg.X_PIXEL, x[2]),
        (Arg.ROWS_X, shape.extents[0]),
        (Arg.COLUMNS_X, shape.extents[1]),
        (Arg.LOW_H, shape.low[0]),
        (Arg.LOW_W, shape.low[1]),
        (Arg.PARTS, plan.parts),
        (Arg.CHUNK, plan.chunk),
        (Arg.CHUNKS, -(-shape.tiles // plan.chunk)),
        (Arg.TILE_CHANNELS, plan.channels),
        (Arg.V_CHANNELS, _padded(shape.channels_in, blocking)),
        (Arg.V_STEP, v_step),
        (Arg.W_CHANNELS, plan.channels),
        (Arg.W_STEP, w_step),
        (Arg.W_PLACE, w_place),
        (Arg.M_STEP, m_step),
        (Arg.M_PLACE, m_place),
        (Arg.ZEROS_PLACE, zeros),
        (Arg.TABLE_PLACE, table),
    ):
        words[arg] = word
    words[Arg.SEGMENT] = len(words)
    return [*words, *[0] * SEGMENT_WORDS]
