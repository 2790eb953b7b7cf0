"""Tiles of an image in the domain of Winograd's transforms: functions that kernels call for runs of tiles.

They stand in modules of their own, so that the kernels for all widths share them.
Channels lie last everywhere. Transformed tiles stand as [position][tile][channel] with `position_step` elements between
positions. Tiles at the border of an image read zeros where there is none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retrograd.backends.native import winograd
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value
from retrograd.backends.native.target import Target
from retrograd.backends.native.winograd import OUTPUTS, TILE, Square


def inputs_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `transform` and `gather`, of tiles of inputs."""
    module = Module(target)
    _spread_function(module, blocking)
    _gather_function(module, blocking, TILE)
    return module


def outputs_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `finish`, of outputs."""
    module = Module(target)
    _finish_function(module, blocking)
    return module


def gradients_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `gather`, of output gradients, and `finish`, of gradients of a kernel."""
    module = Module(target)
    _gather_function(module, blocking, OUTPUTS)
    _kernel_gradient_function(module, blocking)
    return module


def _gather_function(module: Module, blocking: Blocking, side: int) -> Function:
    """`gather(places, target, position_step, channels)`: transform a tile whose side * side pixels are at `places`.

    Side 4 is a tile of inputs, side 2 one of output gradients.
    """
    f = module.function("gather", [("places", PTR), ("target", PTR), ("position_step", I64), ("channels", I64)])
    places, target, position_step, channels = f.args
    transform = winograd.transformed_input if side == TILE else winograd.transformed_gradient

    def body(channel: Value, load: Callable[[Value], Value]) -> None:
        pixels = [f.load(f.at(places, i, PTR), PTR) for i in range(side * side)]
        values = [load(f.at(pixel, channel, blocking.element)) for pixel in pixels]
        square = [values[i * side : (i + 1) * side] for i in range(side)]
        _store_square(f, blocking, transform(square), f.at(target, channel, blocking.element), position_step)

    _for_channels(f, blocking, channels, body)
    return f


def _spread_function(module: Module, blocking: Blocking) -> Function:
    """`transform(source, row, pixel, target, position_step, channels)`: the same for a tile inside of the input, by
    the strides of its rows and pixels.
    """
    names = ("source", "row", "pixel", "target", "position_step", "channels")
    params = [(name, PTR if name in ("source", "target") else I64) for name in names]
    f = module.function("transform", params)
    source, row, pixel, target, position_step, channels = f.args

    def body(channel: Value, load: Callable[[Value], Value]) -> None:
        start = f.at(source, channel, blocking.element)
        square = [[load(f.at(start, row * i + pixel * j, blocking.element)) for j in range(TILE)] for i in range(TILE)]
        place = f.at(target, channel, blocking.element)
        _store_square(f, blocking, winograd.transformed_input(square), place, position_step)

    _for_channels(f, blocking, channels, body)
    return f


def _finish_function(module: Module, blocking: Blocking) -> Function:
    """`finish(source, position_step, target, row, pixel, rows, columns, channels)`: outputs from sums of products.

    Of the 2 x 2 outputs, `rows` by `columns` exist.
    """
    names = ("source", "position_step", "target", "row", "pixel", "rows", "columns", "channels")
    params = [(name, PTR if name in ("source", "target") else I64) for name in names]
    f = module.function("finish", params)
    source, position_step, target, row, pixel, rows, columns, channels = f.args
    lanes, element = blocking.lanes, blocking.element
    second_row, second_column = f.compare("sgt", rows, 1), f.compare("sgt", columns, 1)

    def body(channel: Value, store: Callable[[Value, Value], None]) -> None:
        start = f.at(source, channel, element)
        sums = [
            [f.load(f.at(start, position_step * (i * TILE + j), element), blocking.register) for j in range(TILE)]
            for i in range(TILE)
        ]
        y = winograd.outputs(sums)
        place = f.at(target, channel, element)
        store(y[0][0], place)
        with f.when(second_column):
            store(y[0][1], f.at(place, pixel, element))
        with f.when(second_row):
            store(y[1][0], f.at(place, row, element))
        with f.when(second_row & second_column):
            store(y[1][1], f.at(place, row + pixel, element))

    whole = channels & -lanes
    with f.loop(0, whole, lanes) as channel:
        body(channel, f.store)
    with f.when(f.compare("slt", whole, channels)):
        mask = f.tail_mask(lanes, channels - whole)
        body(whole, lambda value, place: f.masked_store(value, place, mask))
    return f


def _kernel_gradient_function(module: Module, blocking: Blocking) -> Function:
    """`finish(source, position_step, target, tap_step, channels)`: a kernel's gradient from sums over tiles."""
    names = ("source", "position_step", "target", "tap_step", "channels")
    params = [(name, PTR if name in ("source", "target") else I64) for name in names]
    f = module.function("finish", params)
    source, position_step, target, tap_step, channels = f.args
    lanes, element = blocking.lanes, blocking.element
    with f.loop(0, channels, lanes) as channel:
        mask = f.tail_mask(lanes, channels - channel)
        start = f.at(source, channel, element)
        sums = [
            [f.load(f.at(start, position_step * (i * TILE + j), element), blocking.register) for j in range(TILE)]
            for i in range(TILE)
        ]
        taps = (tap for line in winograd.kernel_gradient(sums) for tap in line)
        for number, tap in enumerate(taps):
            f.masked_store(tap, f.at(target, tap_step * number + channel, element), mask)
    return f


def _for_channels(
    f: Function, blocking: Blocking, channels: Value, body: Callable[[Value, Callable[[Value], Value]], None]
) -> None:
    """Call `body` for each vector of channels with a way to load it; lanes behind the last channel are zero."""
    lanes = blocking.lanes
    whole = channels & -lanes
    with f.loop(0, whole, lanes) as channel:
        body(channel, lambda place: f.load(place, blocking.register))
    with f.when(f.compare("slt", whole, channels)):
        mask = f.tail_mask(lanes, channels - whole)
        body(whole, lambda place: f.masked_load(place, mask, blocking.register))


def _store_square(f: Function, blocking: Blocking, square: Square, target: Value, position_step: Value) -> None:
    place = target
    for value in (value for line in square for value in line):
        f.store(value, place)
        place = f.at(place, position_step, blocking.element)


class Edges:
    """Where the pixels of a tile are that reaches beyond its image: zeros stand in for those outside.

    Args:
        f: the kernel.
        zeros: as many zeros as a pixel has channels.
        table: room for the addresses of a tile's pixels.
    """

    def __init__(self, f: Function, blocking: Blocking, zeros: Value, table: Value) -> None:
        self.f, self.blocking, self.zeros, self.table = f, blocking, zeros, table

    def place(
        self,
        image: Value,
        side: int,
        corner: tuple[Value, Value],
        extents: tuple[Value, Value],
        strides: tuple[Value, Value],
    ) -> Value:
        """Fill the table for side * side pixels from `corner` on."""
        f = self.f
        for i in range(side):
            row = corner[0] + i
            row_inside = f.compare("ult", row, extents[0])
            for j in range(side):
                column = corner[1] + j
                inside = row_inside & f.compare("ult", column, extents[1])
                pixel = f.at(image, row * strides[0] + column * strides[1], self.blocking.element)
                f.store(f.select(inside, pixel, self.zeros), f.at(self.table, i * side + j, PTR))
        return self.table

    def transform(
        self,
        functions: tuple[Value, Value],
        image: Value,
        corner: tuple[Value, Value],
        extents: tuple[Value, Value],
        strides: tuple[Value, Value],
        where: tuple[Value, Value, Value],
    ) -> None:
        """Transform the tile of inputs from `corner` on: `transform` reads it as it lies, `gather` by the table."""
        f, (whole, gather) = self.f, functions
        inside = f.compare("ult", corner[0], f.maximum(extents[0] - (TILE - 1), 0))
        inside = inside & f.compare("ult", corner[1], f.maximum(extents[1] - (TILE - 1), 0))
        with f.when(inside):
            source = f.at(image, corner[0] * strides[0] + corner[1] * strides[1], self.blocking.element)
            f.call(whole, source, *strides, *where)
        with f.when(inside ^ True):
            f.call(gather, self.place(image, TILE, corner, extents, strides), *where)


@contextmanager
def tiles_of(f: Function, first: Value, last: Value, width: Value) -> Iterator[tuple[Value, Value, Value]]:
    """A loop over tiles first <= t < last, `width` of them in a line: (t - first, line, place in the line)."""
    with f.loop(first // width, (last + width - 1) // width) as line:
        start = line * width
        low, high = f.maximum(first - start, 0), f.minimum(last - start, width)
        with f.loop(low, high) as place:
            yield start + place - first, line, place


def tiles_along(extent: int) -> int:
    """How many tiles cover an axis of so many outputs."""
    return -(-extent // OUTPUTS)
