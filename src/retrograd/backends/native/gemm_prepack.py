"""The right operand of a product, packed once for many products: as `gemm` packs it, but whole.

Panels of `columns` columns lie one behind another, block of K after block of K: element (k, panel, j) of block b, which
starts at k = s and has `size` rows, is at s * padded_columns + (panel * size + k - s) * columns + j.
"""

from __future__ import annotations

from enum import IntEnum

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.gemm import Layout, Split
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.gemm_pack import copying_packer, transposing_packer
from retrograd.backends.native.ir import I64, PTR, Module
from retrograd.backends.native.target import Target


class PrepackArg(IntEnum):
    """The argument words. A tile is a panel."""

    SOURCE = 0
    TARGET = 1
    COLUMNS = 2
    DEPTH = 3
    STRIDE = 4  # between rows for layout "row", between columns for "col"


def padded_columns(blocking: Blocking, columns: int) -> int:
    return -(-columns // blocking.columns) * blocking.columns


def prepack_module(target: Target, dtype: str, layout: Layout) -> Module:
    """A module that exports `prepack`."""
    module = Module(target)
    blocking = Blocking.of(target, dtype)
    pack = (transposing_packer if layout == "col" else copying_packer)(module, "pack", blocking, blocking.columns)
    f = module.function("prepack", KERNEL_PARAMETERS)
    args, panel, _ = f.args
    source, out = (f.load(f.at(args, word, I64), PTR) for word in (PrepackArg.SOURCE, PrepackArg.TARGET))
    columns, depth, stride = (
        f.load(f.at(args, word, I64), I64) for word in (PrepackArg.COLUMNS, PrepackArg.DEPTH, PrepackArg.STRIDE)
    )
    width = blocking.columns
    padded = (columns + width - 1) // width * width
    column_stride, depth_stride = (stride, f.const(1, I64)) if layout == "col" else (f.const(1, I64), stride)
    first = panel * width
    blocks = Split.of(f, depth, blocking.depth)
    with f.loop(0, blocks.count) as index:
        start, size = blocks.start(index), blocks.size(index)
        there = f.at(source, first * column_stride + start * depth_stride, blocking.element)
        here = f.at(out, start * padded + first * size, blocking.element)
        f.call(pack, there, here, f.minimum(columns - first, width), size, stride)
    return module
