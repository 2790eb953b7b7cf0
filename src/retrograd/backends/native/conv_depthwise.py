"""Convolution with one kernel for each channel, of channels-last data, and the gradient of its weights.

    Y[n, p, c] = sum over taps r of  X[n, p s + r d - low, c] * W[r, c]
    dW[part, r, c] = sum over the rows of a part, then their pixels p, of  X[n, p s + r d - low, c] * G[n, p, c]

Vectors run over channels. Tables behind the arguments say which taps and which elements meet, so that nothing outside
of the input is read. A sum over taps is one chain, ascending; a sum over pixels is a chain for each row, rows in turn:
the same bits for every tiling and every number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.conv_geometry import SPATIAL_AXES, Axis, axes_of
from retrograd.backends.native.conv_ops import ConvSpec, WeightSpec, conv_shape
from retrograd.backends.native.gemm_micro import Blocking, multiply_add
from retrograd.backends.native.ir import I64, PTR, Module, Value, Variable
from retrograd.backends.native.quotients import divide
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part
from retrograd.core.types import Shape, contiguous_strides

# Neighbouring outputs that are computed together, for each weight that is loaded; vectors of channels in one go.
PIXELS, VECTORS = 4, 4
TILE_ELEMENTS = 1 << 14
MOST_PARTS = 32


class Arg(IntEnum):
    """The words of both kernels' `args`; strides count elements, channels are adjacent. Tables stand behind them."""

    X = 0
    OTHER = auto()  # the weights, or the gradient of the outputs
    Y = auto()
    ROWS = auto()  # of outputs: images, planes and rows
    TILE_ROWS = auto()
    PLANES = auto()  # of outputs
    ROWS_OF_PLANE = auto()
    COLUMNS = auto()
    CHANNELS = auto()
    TILE_CHANNELS = auto()  # for the gradient of weights
    X_IMAGE = auto()
    X_PLANE = auto()
    X_ROW = auto()
    X_PIXEL = auto()
    TAPS_D = auto()
    TAPS_H = auto()
    TAPS_W = auto()
    # Between neighbours of a table's entry: elements of X, and taps or outputs.
    STEP_D = auto()
    STEP_H = auto()
    STEP_W = auto()
    OTHER_STEP_D = auto()
    OTHER_STEP_H = auto()
    OTHER_STEP_W = auto()
    TABLE_D = auto()
    TABLE_H = auto()
    TABLE_W = auto()
    NEXT = auto()  # how far in a row of X neighbouring outputs lie apart


POINTERS = (Arg.X, Arg.OTHER, Arg.Y)
STEPS = (Arg.STEP_D, Arg.STEP_H, Arg.STEP_W)
OTHER_STEPS = (Arg.OTHER_STEP_D, Arg.OTHER_STEP_H, Arg.OTHER_STEP_W)
TABLES = (Arg.TABLE_D, Arg.TABLE_H, Arg.TABLE_W)
# An entry: first element of X, first tap or output, how many, and how many entries from here on go on evenly.
ENTRY_WORDS = 4


@dataclass(frozen=True)
class _Span:
    """What an output meets along an axis, or a tap."""

    first: Value
    other: Value
    count: Value


class _Kernel:
    """What both kernels share: words, places, loops over channels."""

    def __init__(self, module: Module, blocking: Blocking) -> None:
        self.blocking = blocking
        self.f = f = module.function("conv", KERNEL_PARAMETERS)
        self.args, self.tile, _ = f.args
        self.words = {word: f.load(f.at(self.args, word, I64), PTR if word in POINTERS else I64) for word in Arg}

    def _at(self, pointer: Value, index: Value) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    def _entry(self, axis: int, position: Value) -> tuple[_Span, Value]:
        f = self.f
        place = f.at(self.args, self.words[TABLES[axis]] + position * ENTRY_WORDS, I64)
        first, other, count, run = (f.load(f.at(place, i, I64), I64) for i in range(ENTRY_WORDS))
        return _Span(first, other, count), run

    def _row(self, row: Value) -> tuple[Value, Value, Value]:
        """Image, plane and row of its plane that a row of outputs is."""
        image_plane, line = divide(row, self.words[Arg.ROWS_OF_PLANE])
        return (*divide(image_plane, self.words[Arg.PLANES]), line)

    def _for_channels(self, start: Value, stop: Value, body: Callable[[Value, int, Value | None], None]) -> None:
        """Call `body` for several vectors of channels, then for one, then for the masked rest."""
        f, lanes = self.f, self.blocking.lanes
        for count in (VECTORS, 1):
            end = start + (stop - start) // (lanes * count) * (lanes * count)
            with f.loop(start, end, lanes * count) as channel:
                body(channel, count, None)
            start = end
        with f.when(f.compare("slt", start, stop)):
            body(start, 1, f.tail_mask(lanes, stop - start))

    def _load(self, place: Value, mask: Value | None) -> Value:
        f, register = self.f, self.blocking.register
        return f.load(place, register) if mask is None else f.masked_load(place, mask, register)

    def _store(self, value: Value, place: Value, mask: Value | None) -> None:
        if mask is None:
            self.f.store(value, place)
        else:
            self.f.masked_store(value, place, mask)


def depthwise_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`: a tile is TILE_ROWS rows of outputs. The weights are [tap][channel]."""
    module = Module(target)
    _ForwardKernel(module, blocking).emit()
    return module


class _ForwardKernel(_Kernel):
    def emit(self) -> None:
        f, words = self.f, self.words
        first = self.tile * words[Arg.TILE_ROWS]
        with f.loop(first, f.minimum(first + words[Arg.TILE_ROWS], words[Arg.ROWS])) as row:
            image, plane, line = self._row(row)
            (depth, _), (height, _) = self._entry(0, plane), self._entry(1, line)
            x = self._at(words[Arg.X], image * words[Arg.X_IMAGE])
            y = self._at(words[Arg.Y], row * words[Arg.COLUMNS] * words[Arg.CHANNELS])
            column = f.variable(I64, 0)
            with f.repeat() as again:
                again.break_if(f.compare("sge", column.get(), words[Arg.COLUMNS]))
                width, run = self._entry(2, column.get())
                out = self._at(y, column.get() * words[Arg.CHANNELS])
                many = f.compare("sge", run, PIXELS)
                with f.when(many):
                    self._pixels(x, out, (depth, height, width), PIXELS)
                with f.when(many ^ True):
                    self._pixels(x, out, (depth, height, width), 1)
                column.set(column.get() + f.select(many, PIXELS, f.const(1, I64)))

    def _pixels(self, x: Value, out: Value, spans: tuple[_Span, _Span, _Span], pixels: int) -> None:
        """So many neighbouring outputs, which meet the same taps."""
        f, words = self.f, self.words

        def body(channel: Value, vectors: int, mask: Value | None) -> None:
            # Half of the registers hold sums.
            count = max(min(vectors, self.f.module.target.registers // 2 // pixels), 1)
            for part in range(0, vectors, count):
                self._sums(x, out, spans, pixels, (channel + part * self.blocking.lanes, count, mask))

        self._for_channels(f.const(0, I64), words[Arg.CHANNELS], body)

    def _sums(
        self,
        x: Value,
        out: Value,
        spans: tuple[_Span, _Span, _Span],
        pixels: int,
        channels: tuple[Value, int, Value | None],
    ) -> None:
        f, words, lanes = self.f, self.words, self.blocking.lanes
        channel, vectors, mask = channels
        sums = [[f.variable(self.blocking.register, 0.0) for _ in range(vectors)] for _ in range(pixels)]
        with ExitStack() as loops:
            taps = [loops.enter_context(f.loop(0, span.count)) for span in spans]
            place = f.const(0, I64)
            tap = f.const(0, I64)
            strides = (words[Arg.X_PLANE], words[Arg.X_ROW], words[Arg.X_PIXEL])
            extents = (f.const(1, I64), words[Arg.TAPS_H], words[Arg.TAPS_W])
            for axis, (span, index) in enumerate(zip(spans, taps, strict=True)):
                place = place + (span.first + index * words[STEPS[axis]]) * strides[axis]
                tap = tap * extents[axis] + span.other + index * words[OTHER_STEPS[axis]]
            weights = self._at(words[Arg.OTHER], tap * words[Arg.CHANNELS] + channel)
            read = self._at(x, place + channel)
            for v in range(vectors):
                weight = self._load(f.at(weights, v * lanes, self.blocking.element), mask)
                for pixel, row in enumerate(sums):
                    source = self._at(read, words[Arg.NEXT] * pixel + v * lanes)
                    row[v].set(multiply_add(f, self._load(source, mask), weight, row[v].get()))
        for pixel, row in enumerate(sums):
            for v, total in enumerate(row):
                self._store(total.get(), self._at(out, words[Arg.CHANNELS] * pixel + channel + v * lanes), mask)


def depthwise_weight_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `conv`: tile part * ceil(CHANNELS / TILE_CHANNELS) + j makes some channels of a part."""
    module = Module(target)
    _WeightKernel(module, blocking).emit()
    return module


class _WeightKernel(_Kernel):
    def emit(self) -> None:
        f, words = self.f, self.words
        channels = words[Arg.CHANNELS]
        part, column_tile = divide(self.tile, (channels + words[Arg.TILE_CHANNELS] - 1) // words[Arg.TILE_CHANNELS])
        first = part * words[Arg.TILE_ROWS]
        rows = first, f.minimum(first + words[Arg.TILE_ROWS], words[Arg.ROWS])
        start = column_tile * words[Arg.TILE_CHANNELS]
        stop = f.minimum(start + words[Arg.TILE_CHANNELS], channels)
        shape = words[Arg.TAPS_D], words[Arg.TAPS_H], words[Arg.TAPS_W]
        with f.loop(0, shape[0]) as d, f.loop(0, shape[1]) as h, f.loop(0, shape[2]) as w:
            spans = [self._entry(axis, tap)[0] for axis, tap in enumerate((d, h, w))]
            tap = ((part * shape[0] + d) * shape[1] + h) * shape[2] + w
            out = self._at(words[Arg.Y], tap * channels)
            self._for_channels(start, stop, lambda *vectors: self._sum(rows, spans, out, vectors))

    def _sum(
        self, rows: tuple[Value, Value], spans: list[_Span], out: Value, vectors: tuple[Value, int, Value | None]
    ) -> None:
        """The sums of one tap over all rows that it meets."""
        f, words, lanes = self.f, self.words, self.blocking.lanes
        channel, count, mask = vectors
        totals = [f.variable(self.blocking.register, 0.0) for _ in range(count)]
        with f.loop(*rows) as row:
            image, plane, line = self._row(row)
            depth, plane_met = self._met(0, spans[0], plane)
            height, row_met = self._met(1, spans[1], line)
            with f.when(plane_met & row_met):
                place = image * words[Arg.X_IMAGE] + depth * words[Arg.X_PLANE] + height * words[Arg.X_ROW]
                x = self._at(words[Arg.X], place + spans[2].first * words[Arg.X_PIXEL] + channel)
                first = row * words[Arg.COLUMNS] + spans[2].other
                g = self._at(words[Arg.OTHER], first * words[Arg.CHANNELS] + channel)
                chains = self._chains(x, g, spans[2].count, count, mask)
                for total, chain in zip(totals, chains, strict=True):
                    total.set(total.get() + chain.get())
        for v, total in enumerate(totals):
            self._store(total.get(), self._at(out, channel + v * lanes), mask)

    def _met(self, axis: int, span: _Span, position: Value) -> tuple[Value, Value]:
        """The element of X that an output meets through a tap, and whether it does."""
        f, words = self.f, self.words
        index, rest = divide(position - span.other, words[OTHER_STEPS[axis]])
        met = f.compare("eq", rest, 0) & f.compare("sge", position, span.other) & f.compare("slt", index, span.count)
        return span.first + index * words[STEPS[axis]], met

    def _chains(self, x: Value, g: Value, pixels: Value, count: int, mask: Value | None) -> list[Variable]:
        f, words, lanes = self.f, self.words, self.blocking.lanes
        chains = [f.variable(self.blocking.register, 0.0) for _ in range(count)]
        x_step = words[Arg.STEP_W] * words[Arg.X_PIXEL]
        g_step = words[Arg.OTHER_STEP_W] * words[Arg.CHANNELS]
        with f.loop(0, pixels) as pixel:
            places = self._at(x, pixel * x_step), self._at(g, pixel * g_step)
            for v, chain in enumerate(chains):
                a, b = (self._load(f.at(place, v * lanes, self.blocking.element), mask) for place in places)
                chain.set(multiply_add(f, a, b, chain.get()))
        return chains


# -- arguments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DepthwiseShape:
    """What is known of a depthwise convolution when it is planned.

    Attributes:
        axes: depth, height, width; for a gradient of weights their outputs are taps, and their kernel the outputs.
        images: in the batch.
        channels: of an image.
        strides: of X along images, planes, rows and pixels.
    """

    axes: tuple[Axis, ...]
    images: int
    channels: int
    strides: tuple[int, int, int, int]

    @classmethod
    def of(
        cls, x: Shape, spec: ConvSpec | WeightSpec, g: Shape | None = None, strides: Shape | None = None
    ) -> DepthwiseShape:
        """For an input (batch, *spatial, channels), dense unless it has `strides`, and for the gradient of the weights
        that of the outputs.
        """
        batch, *extents, channels = x
        options = (spec.stride, spec.padding, spec.input_dilation, spec.dilation)
        if isinstance(spec, WeightSpec):
            assert g is not None
            axes = axes_of(tuple(extents), g[1:-1], spec.taps, *options)
        else:
            axes = axes_of(tuple(extents), spec.kernel, conv_shape(x, spec)[1:-1], *options)
        image, *spatial, _ = contiguous_strides(x) if strides is None else strides
        plane, row, pixel = (0,) * (SPATIAL_AXES - len(spatial)) + tuple(spatial)
        return cls(axes, batch, channels, (image, plane, row, pixel))

    @property
    def rows(self) -> int:
        return self.images * self.axes[0].out * self.axes[1].out

    @property
    def tile_rows(self) -> int:
        """Rows of outputs in a tile, by shape alone."""
        taps = math.prod(axis.kernel for axis in self.axes)
        return even_part(self.rows, TILE_ELEMENTS // max(self.axes[2].out * self.channels * taps // 4, 1))

    @property
    def summed_rows(self) -> int:
        """Rows that a gradient of weights sums over."""
        return self.images * self.axes[0].kernel * self.axes[1].kernel

    @property
    def part_rows(self) -> int:
        """Rows of a part of such a sum, by shape alone."""
        return even_part(self.summed_rows, -(-self.summed_rows // min(self.summed_rows, MOST_PARTS)))

    @property
    def parts(self) -> int:
        return -(-self.summed_rows // self.part_rows)


def depthwise_words(shape: DepthwiseShape) -> list[int]:
    """The argument words of a convolution, but for the pointers."""
    words = _words(shape, shape.rows, shape.tile_rows, [axis.out for axis in shape.axes])
    for arg, axis in zip((Arg.TAPS_D, Arg.TAPS_H, Arg.TAPS_W), shape.axes, strict=True):
        words[arg] = axis.kernel
    words[Arg.NEXT] = shape.axes[2].step * shape.strides[3]
    for axis, table in zip(shape.axes, TABLES, strict=True):
        words[table] = len(words)
        words += [word for entry in _with_runs([_met(axis, p) for p in range(axis.out)], axis.step) for word in entry]
    return words


def depthwise_weight_words(shape: DepthwiseShape, lanes: int) -> list[int]:
    """The argument words of a gradient of weights, but for the pointers."""
    words = _words(shape, shape.summed_rows, shape.part_rows, [axis.kernel for axis in shape.axes])
    for arg, axis in zip((Arg.TAPS_D, Arg.TAPS_H, Arg.TAPS_W), shape.axes, strict=True):
        words[arg] = axis.out
    words[Arg.TILE_CHANNELS] = channel_tile(lanes)
    for axis, table in zip(shape.axes, TABLES, strict=True):
        words[table] = len(words)
        words += [word for entry in (_met(axis, tap) for tap in range(axis.out)) for word in (*entry, 1)]
    return words


def channel_tile(lanes: int) -> int:
    return VECTORS * lanes


def _words(shape: DepthwiseShape, rows: int, tile_rows: int, outputs: list[int]) -> list[int]:
    words = [0] * len(Arg)
    words[Arg.ROWS], words[Arg.TILE_ROWS] = rows, tile_rows
    words[Arg.PLANES], words[Arg.ROWS_OF_PLANE], words[Arg.COLUMNS] = outputs
    words[Arg.CHANNELS] = shape.channels
    words[Arg.X_IMAGE : Arg.X_PIXEL + 1] = shape.strides
    for axis, step, other in zip(shape.axes, STEPS, OTHER_STEPS, strict=True):
        common = math.gcd(axis.dilation, axis.input_dilation)
        words[step], words[other] = axis.dilation // common, axis.input_dilation // common
    return words


def _met(axis: Axis, position: int) -> tuple[int, int, int]:
    """What an output meets inside of the input: the first element, the first tap, and how many."""
    shift = position // axis.period * axis.step
    met = [tap for tap in axis.taps(position % axis.period) if 0 <= tap.offset + shift < axis.extent]
    return (met[0].offset + shift, met[0].number, len(met)) if met else (0, 0, 0)


def _with_runs(entries: list[tuple[int, int, int]], step: int) -> list[tuple[int, int, int, int]]:
    """The entries with the number of them that go on evenly from each on."""
    found: list[tuple[int, int, int, int]] = []
    run = 0
    for place in reversed(range(len(entries))):
        first, tap, count = entries[place]
        follows = place + 1 < len(entries) and entries[place + 1] == (first + step, tap, count)
        run = run + 1 if follows else 1
        found.append((first, tap, count, run))
    return found[::-1]
