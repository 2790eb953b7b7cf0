"""Kernels that read and write along an axis at positions that are data: `gather` and `scatter`.

Arrays are seen as (outer, axis, inner). What repeated positions come to has one order, ascending along the axis,
however many threads share the work: a tile has whole lines of a scatter to itself.
"""

from __future__ import annotations

from enum import IntEnum

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.ir import I8, I16, I32, I64, PTR, Function, Module, Value
from retrograd.backends.native.kernel import Instruction
from retrograd.backends.native.loops_memory import load_scalar, memory_type, to_memory
from retrograd.backends.native.scalar_ops import compute
from retrograd.backends.native.target import Target

# How the positions of a line's elements are found: the inner axis has one element, or all of its elements are at one
# position, or each has its own.
FORMS = ("single", "rows", "each")
_WORDS = {1: I8, 2: I16, 4: I32, 8: I64}
_COMBINE = {"add": "add", "mul": "mul", "max": "maximum", "min": "minimum"}
_COMBINE_BOOL = {"add": "or", "mul": "and", "max": "or", "min": "and"}


class GatherArg(IntEnum):
    """The argument words of a gather; strides count elements. A tile is so many of the outer * count rows."""

    X = 0
    INDEX = 1
    OUT = 2
    EXTENT = 3
    COUNT = 4
    INNER = 5
    ROWS = 6
    TILE = 7
    X_STRIDES = 8  # outer, axis, inner
    INDEX_STRIDES = 11


class ScatterArg(IntEnum):
    """The argument words of a scatter; a tile is a block of the outer axis by a block of the inner one."""

    OUT = 0
    INDEX = 1
    SOURCE = 2
    EXTENT = 3
    COUNT = 4
    INNER = 5
    OUTER = 6
    OUTER_TILE = 7
    INNER_TILE = 8
    INDEX_STRIDES = 9
    SOURCE_STRIDES = 12


def pointer_word(f: Function, number: int) -> Value:
    return f.load(f.at(f.args[0], number, I64), PTR)


def word(f: Function, number: int) -> Value:
    return f.load(f.at(f.args[0], number, I64), I64)


def stride_words(f: Function, first: int) -> tuple[Value, Value, Value]:
    return word(f, first), word(f, first + 1), word(f, first + 2)


def _position(f: Function, index: Value, place: Value, extent: Value) -> Value:
    """The clamped position that the index names at a place."""
    return f.maximum(f.minimum(f.load(f.at(index, place, I64), I64), extent - 1), 0)


def gather_module(target: Target, size: int, form: str) -> Module:
    """`kernel` copies elements of `size` bytes: out[o, k, j] = x[o, index[o, k, j], j]."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    x, index, out = (pointer_word(f, number) for number in (GatherArg.X, GatherArg.INDEX, GatherArg.OUT))
    extent, count, inner, rows, tile = (word(f, number) for number in range(GatherArg.EXTENT, GatherArg.TILE + 1))
    x_outer, x_axis, x_inner = stride_words(f, GatherArg.X_STRIDES)
    i_outer, i_axis, i_inner = stride_words(f, GatherArg.INDEX_STRIDES)
    element = _WORDS[size]

    def row(r: Value, of_x: Value, of_index: Value) -> None:
        if form == "each":
            with f.loop(0, inner) as j:
                place = _position(f, index, of_index + j * i_inner, extent)
                source = f.at(x, of_x + place * x_axis + j * x_inner, element)
                f.store(f.load(source, element), f.at(out, r * inner + j, element))
            return
        source = f.at(x, of_x + _position(f, index, of_index, extent) * x_axis, element)
        if form == "single":
            f.store(f.load(source, element), f.at(out, r, element))
            return
        module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1 immarg)")
        to = f.at(out, r * inner, element)
        f.line(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {inner * size}, i1 false)")

    start = f.args[1] * tile
    stop = f.minimum(start + tile, rows)
    with f.loop(start // count, (stop + count - 1) // count) as o:
        first, of_x, of_index = o * count, o * x_outer, o * i_outer
        with f.loop(f.maximum(start - first, 0), f.minimum(stop - first, count)) as k:
            row(first + k, of_x, of_index + k * i_axis)
    return module


def scatter_module(target: Target, dtype: str, kind: str, form: str) -> Module:
    """`kernel` writes, or adds up: out[o, index[o, k, j], j] op= source[o, k, j], k ascending."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    out, index, source = (pointer_word(f, number) for number in (ScatterArg.OUT, ScatterArg.INDEX, ScatterArg.SOURCE))
    extent, count, inner, outer, outer_tile, inner_tile = (
        word(f, number) for number in range(ScatterArg.EXTENT, ScatterArg.INNER_TILE + 1)
    )
    i_outer, i_axis, i_inner = stride_words(f, ScatterArg.INDEX_STRIDES)
    s_outer, s_axis, s_inner = stride_words(f, ScatterArg.SOURCE_STRIDES)
    element = memory_type(dtype)

    def write(at: Value, of: Value) -> None:
        to = f.at(out, at, element)
        f.store(_combined(f, dtype, kind, to, f.at(source, of, element)), to)

    blocks = (inner + inner_tile - 1) // inner_tile
    first_row, first_column = f.args[1] // blocks * outer_tile, f.args[1] % blocks * inner_tile
    with f.loop(first_row, f.minimum(first_row + outer_tile, outer)) as o, f.loop(0, count) as k:
        of_index, of_source = o * i_outer + k * i_axis, o * s_outer + k * s_axis
        line = o * extent
        if form == "single":
            write(line + _position(f, index, of_index, extent), of_source)
        elif form == "rows":
            row = (line + _position(f, index, of_index, extent)) * inner
            with f.loop(first_column, f.minimum(first_column + inner_tile, inner)) as j:
                write(row + j, of_source + j * s_inner)
        else:
            with f.loop(first_column, f.minimum(first_column + inner_tile, inner)) as j:
                place = _position(f, index, of_index + j * i_inner, extent)
                write((line + place) * inner + j, of_source + j * s_inner)
    return module


def _combined(f: Function, dtype: str, kind: str, to: Value, source: Value) -> Value:
    """What is stored: the new element, or what it makes of the old one."""
    if kind == "set":
        return f.load(source, memory_type(dtype))
    operation = (_COMBINE_BOOL if dtype == "bool" else _COMBINE)[kind]
    old, new = load_scalar(f, to, dtype), load_scalar(f, source, dtype)
    return to_memory(f, compute(f, Instruction(operation, dtype), [old, new], dtype))
