"""Pooling of channels-last data: windowed sums and maxima, and reading and adding at the places of maxima.

Along each axis window p holds the input elements first(p), first(p) + step, ..., count(p) of them: what lies outside
of the input is not among them. Kernels find `first` and `count` in tables behind their arguments, so padding,
dilations of either side and strides are all alike to them. They go over windows, and for each over vectors of channels.

All but `sum` agree on the place of a window's maximum: the first of equals; a NaN is greater than any number, and of
several NaNs the last counts. `scatter` adds up windows in ascending order; `place` does the same for windows that do
not overlap, where nothing needs to be added.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.conv_geometry import Axis
from retrograd.backends.native.ir import I64, PTR, Module, Value, Variable, is_float, vector
from retrograd.backends.native.loops_memory import Lanes, load_lanes, memory_type, store_lanes
from retrograd.backends.native.quotients import divide
from retrograd.backends.native.scalar_ops import REGISTER_TYPES, combine, constant, identity
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part

# Channel vectors that are worked on together.
UNROLLS = (4, 2, 1)
# Elements of a tile.
TILE_ELEMENTS = 1 << 14


class Arg(IntEnum):
    """The words of the kernels' `args`; strides are in elements, channels adjacent. Tables stand behind them."""

    X = 0  # what windows are of
    VALUES = auto()  # gather: the array to read; scatter: the values to add
    Y = auto()
    ROWS = auto()  # of windows: images, planes and rows
    TILE_ROWS = auto()
    PLANES = auto()
    ROWS_OF_PLANE = auto()
    COLUMNS = auto()
    CHANNELS = auto()
    X_IMAGE = auto()
    X_PLANE = auto()
    X_ROW = auto()
    X_PIXEL = auto()
    # Of the array that lies as X does: that which `gather` reads, that which `scatter` writes.
    LIKE_IMAGE = auto()
    LIKE_PLANE = auto()
    LIKE_ROW = auto()
    LIKE_PIXEL = auto()
    STEP_D = auto()
    STEP_H = auto()
    STEP_W = auto()
    TABLE_D = auto()
    TABLE_H = auto()
    TABLE_W = auto()
    IMAGE_ELEMENTS = auto()  # scatter: elements of an image of Y, to be cleared first; 0 if every one is written once


POINTERS = (Arg.X, Arg.VALUES, Arg.Y)
SPANS = ((Arg.TABLE_D, Arg.STEP_D), (Arg.TABLE_H, Arg.STEP_H), (Arg.TABLE_W, Arg.STEP_W))
ENTRY_WORDS = 2

Strides = tuple[int, int, int, int]


def pool_module(target: Target, kind: str, dtype: str, other: str) -> Module:
    """A module that exports `pool`; a tile is TILE_ROWS rows of windows. `other` is the dtype of VALUES, if any."""
    module = Module(target)
    _PoolKernel(module, kind, dtype, other).emit()
    return module


@dataclass(frozen=True)
class _Window:
    """A window: the first element's offset from an image, its extents, and the steps between its elements.

    Attributes:
        spans: along depth, height and width: first element, how many.
    """

    spans: tuple[tuple[Value, Value], ...]


class _PoolKernel:
    def __init__(self, module: Module, kind: str, dtype: str, other: str) -> None:
        self.kind, self.dtype, self.other = kind, dtype, other
        self.lanes = module.target.lanes
        self.f = module.function("pool", KERNEL_PARAMETERS)
        self.args, self.tile, _ = self.f.args
        self.words = {
            word: self.f.load(self.f.at(self.args, word, I64), PTR if word in POINTERS else I64) for word in Arg
        }

    def emit(self) -> None:
        f, words = self.f, self.words
        first = self.tile * words[Arg.TILE_ROWS]
        last = f.minimum(first + words[Arg.TILE_ROWS], words[Arg.ROWS])
        with f.loop(first, last) as row:
            image_plane, line = divide(row, words[Arg.ROWS_OF_PLANE])
            image, plane = divide(image_plane, words[Arg.PLANES])
            if self._spreads:
                clears = f.compare("ne", words[Arg.IMAGE_ELEMENTS], 0)
                with f.when(clears & f.compare("eq", line + plane, 0)):
                    self._clear(image)
            depth, height = self._span(0, plane), self._span(1, line)
            x = f.at(words[Arg.X], image * words[Arg.X_IMAGE], memory_type(self.dtype))
            like = self._like(image)
            with f.loop(0, words[Arg.COLUMNS]) as column:
                window = _Window((depth, height, self._span(2, column)))
                own = (row * words[Arg.COLUMNS] + column) * words[Arg.CHANNELS]
                self._for_channels(lambda vectors: self._window(x, like, own, window, vectors))

    @property
    def _spreads(self) -> bool:
        return self.kind in ("scatter", "place")

    # -- places -------------------------------------------------------------------------------------------------------

    def _span(self, axis: int, position: Value) -> tuple[Value, Value]:
        f = self.f
        entry = f.at(self.args, self.words[SPANS[axis][0]] + position * ENTRY_WORDS, I64)
        return f.load(entry, I64), f.load(f.at(entry, 1, I64), I64)

    def _like(self, image: Value) -> Value:
        """The image of the array that `gather` reads, or that values are spread over."""
        pointer = Arg.Y if self._spreads else Arg.VALUES
        return self.f.at(self.words[pointer], image * self.words[Arg.LIKE_IMAGE], memory_type(self.other))

    def _clear(self, image: Value) -> None:
        f = self.f
        element = memory_type(self.other)
        count = f.convert("ptrtoint", f.at(f.const(0, PTR), self.words[Arg.IMAGE_ELEMENTS], element), I64)
        f.clear(self._like(image), count)

    def _for_channels(self, body: Callable[[list[Lanes]], None]) -> None:
        """Vectors of channels: several at a time, then singly, then the masked rest."""
        f, lanes, channels = self.f, self.lanes, self.words[Arg.CHANNELS]
        start = f.const(0, I64)
        for count in UNROLLS:
            stop = channels & -(lanes * count)
            with f.loop(start, stop, lanes * count) as channel:
                body([Lanes(channel + u * lanes) for u in range(count)])
            start = stop
        with f.when(f.compare("slt", start, channels)):
            body([Lanes(start, f.tail_mask(lanes, channels - start))])

    @contextmanager
    def _elements(self, window: _Window) -> Iterator[tuple[Value, Value]]:
        """A loop over a window: the offset of an element in X, and in the array that lies as X does."""
        f, words = self.f, self.words
        x_steps = (words[Arg.X_PLANE], words[Arg.X_ROW], words[Arg.X_PIXEL])
        like_steps = (words[Arg.LIKE_PLANE], words[Arg.LIKE_ROW], words[Arg.LIKE_PIXEL])
        with ExitStack() as loops:
            x, like = f.const(0, I64), f.const(0, I64)
            for (first, count), (_, step), x_step, like_step in zip(
                window.spans, SPANS, x_steps, like_steps, strict=True
            ):
                place = first + loops.enter_context(f.loop(0, count)) * words[step]
                x, like = x + place * x_step, like + place * like_step
            yield x, like

    # -- one window ---------------------------------------------------------------------------------------------------

    def _window(self, x: Value, like: Value, own: Value, window: _Window, vectors: list[Lanes]) -> None:
        if self.kind in ("sum", "max"):
            totals = self._reduce(x, window, vectors)
            out = self.f.at(self.words[Arg.Y], own, memory_type(self.dtype))
            for total, lanes in zip(totals, vectors, strict=True):
                store_lanes(self.f, total.get(), out, lanes)
            return
        places = self._places(x, window, vectors)
        (self._gather if self.kind == "gather" else self._scatter)(like, own, window, vectors, places)

    def _reduce(self, x: Value, window: _Window, vectors: list[Lanes]) -> list[Variable]:
        f, type_ = self.f, self._type(self.dtype)
        start = constant(f, identity(self.kind, self.dtype), self.dtype, type_)
        totals = [f.variable(type_, start) for _ in vectors]
        with self._elements(window) as (offset, _):
            place = f.at(x, offset, memory_type(self.dtype))
            for total, lanes in zip(totals, vectors, strict=True):
                value, before = load_lanes(f, place, lanes, self.dtype), total.get()
                if self.kind == "sum":
                    total.set(combine(f, "sum", self.dtype, before, value))
                else:
                    total.set(f.emit(type_, f"select {self._better(value, before)}, {value}, {before}"))
        return totals

    def _better(self, value: Value, best: Value) -> Value:
        f = self.f
        if not is_float(value.type):
            return f.compare("ugt" if self.dtype == "uint8" else "sgt", value, best)
        return f.compare("ogt", value, best) | f.compare("uno", value, value)

    def _places(self, x: Value, window: _Window, vectors: list[Lanes]) -> list[Variable]:
        """The number of each window's maximum among its elements, -1 for a window without any."""
        f, type_ = self.f, self._type(self.dtype)
        start = constant(f, identity("max", self.dtype), self.dtype, type_)
        best = [f.variable(type_, start) for _ in vectors]
        places = [f.variable(self._place_type, -1) for _ in vectors]
        number = f.variable("i32", 0)
        with self._elements(window) as (offset, _):
            pointer = f.at(x, offset, memory_type(self.dtype))
            here = f.splat(number.get(), self.lanes)
            for lanes, before, place in zip(vectors, best, places, strict=True):
                value = load_lanes(f, pointer, lanes, self.dtype)
                better = f.compare("slt", place.get(), 0) | self._better(value, before.get())
                before.set(f.emit(type_, f"select {better}, {value}, {before.get()}"))
                place.set(f.emit(self._place_type, f"select {better}, {here}, {place.get()}"))
            number.set(number.get() + 1)
        return places

    def _gather(self, like: Value, own: Value, window: _Window, vectors: list[Lanes], places: list[Variable]) -> None:
        f, type_ = self.f, self._type(self.other)
        found = [f.variable(type_, constant(f, 0, self.other, type_)) for _ in vectors]
        number = f.variable("i32", 0)
        with self._elements(window) as (_, offset):
            pointer = f.at(like, offset, memory_type(self.other))
            here = f.splat(number.get(), self.lanes)
            for lanes, place, value in zip(vectors, places, found, strict=True):
                read = load_lanes(f, pointer, lanes, self.other)
                value.set(f.emit(type_, f"select {f.compare('eq', place.get(), here)}, {read}, {value.get()}"))
            number.set(number.get() + 1)
        out = f.at(self.words[Arg.Y], own, memory_type(self.other))
        for lanes, value in zip(vectors, found, strict=True):
            store_lanes(f, value.get(), out, lanes)

    def _scatter(self, like: Value, own: Value, window: _Window, vectors: list[Lanes], places: list[Variable]) -> None:
        """The value of a window to the place of its maximum, zeros to the others: added, or written."""
        f = self.f
        values = f.at(self.words[Arg.VALUES], own, memory_type(self.other))
        read = [load_lanes(f, values, lanes, self.other) for lanes in vectors]
        number = f.variable("i32", 0)
        none = constant(f, 0, self.other, self._type(self.other))
        with self._elements(window) as (_, offset):
            pointer = f.at(like, offset, memory_type(self.other))
            here = f.splat(number.get(), self.lanes)
            for lanes, place, value in zip(vectors, places, read, strict=True):
                chosen = f.emit(value.type, f"select {f.compare('eq', place.get(), here)}, {value}, {none}")
                if self.kind == "scatter":
                    chosen = combine(f, "sum", self.other, load_lanes(f, pointer, lanes, self.other), chosen)
                store_lanes(f, chosen, pointer, lanes)
            number.set(number.get() + 1)

    @property
    def _place_type(self) -> str:
        return vector(self.lanes, "i32")

    def _type(self, dtype: str) -> str:
        return vector(self.lanes, REGISTER_TYPES[dtype])


# -- arguments --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PoolShape:
    """What is known of a pooling when it is planned.

    Attributes:
        axes: depth, height, width.
        images: in the batch.
        channels: of an image.
    """

    axes: tuple[Axis, ...]
    images: int
    channels: int

    @property
    def rows(self) -> int:
        return self.images * self.axes[0].out * self.axes[1].out

    @property
    def overlaps(self) -> bool:
        """Whether an element may be in several windows."""
        return any(axis.out > 1 and (axis.kernel - 1) * axis.dilation >= axis.stride for axis in self.axes)

    @property
    def covers(self) -> bool:
        """Whether every element is in a window."""
        return all(len(_members(axis)) == axis.extent for axis in self.axes)

    @property
    def clears(self) -> bool:
        """Whether what values are spread over is cleared first, image by image."""
        return self.overlaps or not self.covers

    def tile_rows(self, *, spreads: bool) -> int:
        """Rows of windows in a tile, by shape alone; whole images where these are cleared first."""
        taps = math.prod(axis.kernel for axis in self.axes)
        per_row = max(self.axes[2].out * self.channels * taps, 1)
        if spreads and self.clears:
            image = self.axes[0].out * self.axes[1].out
            return even_part(self.images, TILE_ELEMENTS // (image * per_row)) * image
        return even_part(self.rows, TILE_ELEMENTS // per_row)


def _members(axis: Axis) -> set[int]:
    return {place for first, count in _spans(axis) for place in range(first, first + count * _step(axis), _step(axis))}


def _step(axis: Axis) -> int:
    return axis.dilation // math.gcd(axis.dilation, axis.input_dilation)


def _spans(axis: Axis) -> list[tuple[int, int]]:
    """For each window its first element and how many there are."""
    spans = []
    for p in range(axis.out):
        shift = p // axis.period * axis.step
        places = [tap.offset + shift for tap in axis.taps(p % axis.period)]
        inside = [place for place in places if 0 <= place < axis.extent]
        spans.append((inside[0] if inside else 0, len(inside)))
    return spans


def tile_count(shape: PoolShape, tile_rows: int) -> int:
    return -(-shape.rows // max(tile_rows, 1))


def pool_words(shape: PoolShape, tile_rows: int, x: Strides, like: Strides, image_elements: int) -> list[int]:
    """The argument words, but for the pointers.

    Args:
        shape: of the pooling.
        tile_rows: rows of windows in a tile.
        x: strides of X along images, planes, rows and pixels.
        like: those of the array that is gathered from, or spread over.
        image_elements: of an image that is to be cleared, or 0.
    """
    words = [0] * len(Arg)
    for arg, word in (
        (Arg.ROWS, shape.rows),
        (Arg.TILE_ROWS, tile_rows),
        (Arg.PLANES, shape.axes[0].out),
        (Arg.ROWS_OF_PLANE, shape.axes[1].out),
        (Arg.COLUMNS, shape.axes[2].out),
        (Arg.CHANNELS, shape.channels),
        (Arg.IMAGE_ELEMENTS, image_elements),
    ):
        words[arg] = word
    words[Arg.X_IMAGE : Arg.X_PIXEL + 1] = x
    words[Arg.LIKE_IMAGE : Arg.LIKE_PIXEL + 1] = like
    for axis, (table, step) in zip(shape.axes, SPANS, strict=True):
        words[step] = _step(axis)
        words[table] = len(words)
        words += [word for span in _spans(axis) for word in span]
    return words
