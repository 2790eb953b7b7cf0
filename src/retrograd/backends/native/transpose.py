"""Copies that exchange axes: neighbours in the target are far apart in the source, whose neighbours lie along another
axis. They go by squares, which are turned in registers, so that both sides move whole vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.gemm_pack import load_transposed
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import even_part

# Elements of a tile.
TILE_ELEMENTS = 1 << 14


@dataclass(frozen=True)
class TransposeArgs:
    """Which word of the arguments means what; strides count elements.

    Axis j is adjacent in the source and axis i in the target; `rank` other axes are outside of them.
    """

    rank: int

    source = 0
    target = 1
    i_extent = 2
    j_extent = 3
    i_stride = 4  # in the source
    j_stride = 5  # in the target
    j_tile = 6

    def extent(self, axis: int) -> int:
        return 7 + 3 * axis

    def source_stride(self, axis: int) -> int:
        return 8 + 3 * axis

    def target_stride(self, axis: int) -> int:
        return 9 + 3 * axis

    @property
    def words(self) -> int:
        return self.extent(self.rank)


def transpose_module(target: Target, size: int, rank: int) -> Module:
    """A module that exports `transpose`, for elements of `size` bytes; a tile is `j_tile` columns at an outer place."""
    module = Module(target)
    layout = TransposeArgs(rank)
    f = module.function("transpose", KERNEL_PARAMETERS)
    args, tile, _ = f.args
    words = [f.load(f.at(args, i, I64), PTR if i < 2 else I64) for i in range(layout.words)]
    columns, width = words[layout.j_extent], words[layout.j_tile]
    blocks = (columns + width - 1) // width
    place, block = tile // blocks, tile % blocks
    source, out = words[layout.source], words[layout.target]
    element = f"i{8 * size}"
    for axis in reversed(range(rank)):
        extent = words[layout.extent(axis)]
        index = place % extent
        place = place // extent
        source = f.at(source, index * words[layout.source_stride(axis)], element)
        out = f.at(out, index * words[layout.target_stride(axis)], element)
    start = block * width
    _turn(f, (source, out), (start, f.minimum(start + width, columns)), (words, layout), element, target)
    return module


def _turn(
    f: Function,
    places: tuple[Value, Value],
    span: tuple[Value, Value],
    args: tuple[list[Value], TransposeArgs],
    element: str,
    target: Target,
) -> None:
    """Columns `span` of one matrix: squares, the last of which overlap others; element by element if it is narrow."""
    (source, out), (first, last), (words, layout) = places, span, args
    rows, columns = words[layout.i_extent], words[layout.j_extent]
    i_stride, j_stride = words[layout.i_stride], words[layout.j_stride]
    side = min(target.lanes, target.vector_bits // int(element[1:]))
    wide = f.compare("sge", rows, side) & f.compare("sge", columns, side)
    with f.when(wide), f.loop(first, last, side) as step:
        j = f.minimum(step, columns - side)
        with f.loop(0, rows, side) as row:
            i = f.minimum(row, rows - side)
            lines = [f.at(source, (i + k) * i_stride + j, element) for k in range(side)]
            for k, value in enumerate(load_transposed(f, lines, element)):
                f.store(value, f.at(out, (j + k) * j_stride + i, element))
    with f.when(wide ^ True), f.loop(first, last) as j, f.loop(0, rows) as i:
        f.store(f.load(f.at(source, i * i_stride + j, element), element), f.at(out, j * j_stride + i, element))


def column_tile(rows: int, columns: int) -> int:
    """Columns of a tile, by shape alone."""
    return -(-even_part(columns, TILE_ELEMENTS // max(rows, 1)) // 16) * 16
