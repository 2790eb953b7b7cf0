"""Packing weights for convolutions: panels of output channels, in each a row for every tap and input channel, or for
every position of a transformed kernel and input channel.
"""

from __future__ import annotations

from enum import IntEnum, auto

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value, vector
from retrograd.backends.native.target import Target
from retrograd.backends.native.vectors import gather
from retrograd.backends.native.winograd import KERNEL, POSITIONS, transformed_kernel


class Arg(IntEnum):
    """The words of the kernels' `args`; strides count elements and may be of either sign."""

    WEIGHTS = 0
    PACKED = auto()
    CHANNELS_OUT = auto()  # in a group
    CHANNELS_IN = auto()  # in a group
    DEPTH = auto()  # taps along each axis
    HEIGHT = auto()
    WIDTH = auto()
    PANELS = auto()  # of a group
    GROUP_STRIDE = auto()
    OUT_STRIDE = auto()
    IN_STRIDE = auto()
    DEPTH_STRIDE = auto()
    HEIGHT_STRIDE = auto()
    WIDTH_STRIDE = auto()


def pack_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `pack`; tile group * PANELS + p makes a panel [tap][input channel][column].

    Columns beyond the last output channel are zero.
    """
    module = Module(target)
    f = module.function("pack", KERNEL_PARAMETERS)
    words = _load_words(f)
    source, columns, out_panel = _panel_of_tile(f, words, blocking)
    rows = words[Arg.DEPTH] * words[Arg.HEIGHT] * words[Arg.WIDTH] * words[Arg.CHANNELS_IN]
    target_row = f.variable(PTR, f.at(words[Arg.PACKED], out_panel * rows * blocking.columns, blocking.element))
    lanes = [_Column(f, words, columns, v, blocking) for v in range(blocking.vectors)]
    with (
        f.loop(0, words[Arg.DEPTH]) as d,
        f.loop(0, words[Arg.HEIGHT]) as h,
        f.loop(0, words[Arg.WIDTH]) as w,
        f.loop(0, words[Arg.CHANNELS_IN]) as c,
    ):
        offset = d * words[Arg.DEPTH_STRIDE] + h * words[Arg.HEIGHT_STRIDE] + w * words[Arg.WIDTH_STRIDE]
        place = f.at(source, offset + c * words[Arg.IN_STRIDE], blocking.element)
        for v, column in enumerate(lanes):
            f.store(column.load(place), f.at(target_row.get(), v * blocking.lanes, blocking.element))
        target_row.set(f.at(target_row.get(), blocking.columns, blocking.element))
    return module


def winograd_pack_module(target: Target, blocking: Blocking) -> Module:
    """A module that exports `pack`; tile p makes panel [position][input channel][column] of G g G^T, g 3 x 3."""
    module = Module(target)
    f = module.function("pack", KERNEL_PARAMETERS)
    words = _load_words(f)
    source, columns, panel = _panel_of_tile(f, words, blocking)
    channels = words[Arg.CHANNELS_IN]
    out = f.at(words[Arg.PACKED], panel * channels * (POSITIONS * blocking.columns), blocking.element)
    lanes = [_Column(f, words, columns, v, blocking) for v in range(blocking.vectors)]
    with f.loop(0, channels) as c:
        start = f.at(source, c * words[Arg.IN_STRIDE], blocking.element)
        for v, column in enumerate(lanes):
            g = [
                [column.load(f.at(start, _tap(words, h, w), blocking.element)) for w in range(KERNEL)]
                for h in range(KERNEL)
            ]
            values = [value for line in transformed_kernel(g) for value in line]
            for position, value in enumerate(values):
                row = (channels * position + c) * blocking.columns + v * blocking.lanes
                f.store(value, f.at(out, row, blocking.element))
    return module


def _tap(words: dict[Arg, Value], h: int, w: int) -> Value:
    return words[Arg.HEIGHT_STRIDE] * h + words[Arg.WIDTH_STRIDE] * w


def _load_words(f: Function) -> dict[Arg, Value]:
    return {word: f.load(f.at(f.args[0], word, I64), PTR if word <= Arg.PACKED else I64) for word in Arg}


def _panel_of_tile(f: Function, words: dict[Arg, Value], blocking: Blocking) -> tuple[Value, Value, Value]:
    """Where the weights of the tile's panel start, how many columns it has, and its number."""
    tile = f.args[1]
    group, panel = tile // words[Arg.PANELS], tile % words[Arg.PANELS]
    first = panel * blocking.columns
    offset = group * words[Arg.GROUP_STRIDE] + first * words[Arg.OUT_STRIDE]
    return (f.at(words[Arg.WEIGHTS], offset, blocking.element), words[Arg.CHANNELS_OUT] - first, tile)


class _Column:
    """Vector `number` of a panel's columns: one weight for each output channel, zero beyond the last."""

    def __init__(self, f: Function, words: dict[Arg, Value], columns: Value, number: int, blocking: Blocking) -> None:
        self.f, self.blocking = f, blocking
        lanes = blocking.lanes
        self.mask = f.tail_mask(lanes, columns - number * lanes)
        step = words[Arg.OUT_STRIDE] * blocking.size
        self.start = step * (number * lanes)
        self.offsets = f.lane_numbers(lanes) * f.splat(step, lanes)

    def load(self, place: Value) -> Value:
        """From where the weight of column 0 lies."""
        f, lanes = self.f, self.blocking.lanes
        base = f.offset(place, self.start)
        addresses = f.emit(vector(lanes, PTR), f"getelementptr i8, {base}, {self.offsets}")
        return gather(f, addresses, self.mask, self.blocking.register)
