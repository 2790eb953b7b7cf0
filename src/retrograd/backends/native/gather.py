"""Kernels that move whole rows by index: `take` reads rows of a table, `take_add` adds rows up in one.

Indices are clamped to the table, as the primitives say. `take_add` adds in ascending order of the index, a block of
columns to each tile, so that the sum has one order however many threads share it.
"""

from __future__ import annotations

from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value
from retrograd.backends.native.kernel import Instruction
from retrograd.backends.native.loops_memory import load_scalar, memory_type, to_memory
from retrograd.backends.native.scalar_ops import compute
from retrograd.backends.native.target import Target

# take:     table, index, out, rows of the table, bytes of a row, count of indices, indices of a tile
# take_add: values, index, out, rows of out, elements of a row, count of indices, columns of a tile
_TABLE, _INDEX, _OUT, _ROWS, _ROW, _COUNT, _TILE = range(7)


def _word(f: Function, number: int) -> Value:
    return f.load(f.at(f.args[0], number, I64), PTR if number <= _OUT else I64)


def _row_of(f: Function, index: Value, position: Value, rows: Value) -> Value:
    """The clamped index at a position."""
    row = f.load(f.at(index, position, I64), I64)
    return f.maximum(f.minimum(row, rows - 1), 0)


def take_module(target: Target) -> Module:
    """`kernel` copies rows: out[i] = table[index[i]]."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    table, index, out, rows, size, count, tile = (_word(f, i) for i in range(7))
    module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1 immarg)")
    start = f.args[1] * tile
    with f.loop(start, f.minimum(start + tile, count)) as i:
        source = f.offset(table, _row_of(f, index, i, rows) * size)
        f.line(f"call void @llvm.memcpy.p0.p0.i64({f.offset(out, i * size)}, {source}, {size}, i1 false)")
    return module


def take_add_module(target: Target, dtype: str) -> Module:
    """`kernel` adds rows: out[index[i]] += values[i], i ascending; booleans by `or`."""
    module = Module(target)
    element, plus = memory_type(dtype), Instruction("or" if dtype == "bool" else "add", dtype)
    f = module.function("kernel", KERNEL_PARAMETERS)
    values, index, out, rows, row, count, tile = (_word(f, i) for i in range(7))
    start = f.args[1] * tile
    stop = f.minimum(start + tile, row)
    with f.loop(0, count) as i:
        into = _row_of(f, index, i, rows) * row
        with f.loop(start, stop) as j:
            to, source = f.at(out, into + j, element), f.at(values, i * row + j, element)
            total = compute(f, plus, [load_scalar(f, to, dtype), load_scalar(f, source, dtype)], dtype)
            f.store(to_memory(f, total), to)
    return module
