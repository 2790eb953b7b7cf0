"""Loop kernels as LLVM modules: from a specification (`kernel.py`) to a function of the contract (`contract.py`).

The stages, in the order in which a kernel takes them:

    kernel.py        the specification and its verifier
    loops_plan.py    stages: what is computed once, what in which pass, what is kept for a later pass
    loops_body.py    loops over rows and columns, reductions
    loops_values.py  instructions at one place
    loops_memory.py  loads and stores
    scalar_ops.py    elementwise operations; the transcendental ones are in vmath.py
"""

from __future__ import annotations

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value
from retrograd.backends.native.kernel import (
    DTYPE_SIZES,
    ArgsLayout,
    EpilogueLayout,
    KernelError,
    LoopKernel,
    args_layout,
    verify,
)
from retrograd.backends.native.loops_body import Rectangle, Space, emit_rectangle
from retrograd.backends.native.loops_memory import Stash
from retrograd.backends.native.loops_plan import make_plan
from retrograd.backends.native.target import Target


def loop_module(target: Target, kernel: LoopKernel) -> Module:
    """A module whose function `kernel` computes one tile; its argument words are `args_layout(kernel)`.

    Raises:
        KernelError: the specification breaks a rule.
    """
    verify(kernel)
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    layout = args_layout(kernel)
    space = _space(f, args, layout)
    part = _tile_rectangle(f, kernel, layout, space, args, tile)
    plan = make_plan(kernel, stash=kernel.reduces == "inner")
    if not plan.stashed:
        emit_rectangle(f, plan, space, part)
        return module
    columns = _round_up(part.column1, target.lanes)
    fits = f.compare("sle", columns * plan.stash_bytes, SCRATCH_BYTES)
    with f.when(fits):
        dtypes = tuple((i, kernel.code[i].dtype) for i in plan.stashed)
        emit_rectangle(f, plan, space, part, Stash(scratch, columns, dtypes))
    with f.when(fits ^ True):
        emit_rectangle(f, make_plan(kernel, stash=False), space, part, seldom=True)
    return module


def epilogue_module(target: Target, kernel: LoopKernel) -> Module:
    """A module whose function `kernel` runs a tile of a matrix multiplication, then a map over that tile's rectangle.

    The map has rank 1: axis 0 are the rows of the product, the inner axis its columns. The argument words are
    `EpilogueLayout`; tiles are numbered batch axis 0, batch axis 1, block of rows, block of columns, the last fastest.

    Raises:
        KernelError: the specification breaks a rule, or is no map of rank 1.
    """
    _require_map(kernel)
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    layout = EpilogueLayout(len(kernel.operands))
    f.call(_pointer(f, args, layout.gemm_kernel), _pointer(f, args, layout.gemm_args), tile, scratch)

    rows, columns = _word(f, args, layout.rows), _word(f, args, layout.columns)
    row_tile, col_tile = _word(f, args, layout.row_tile), _word(f, args, layout.col_tile)
    rest, col_block = _divide(f, tile, _blocks(f, columns, col_tile))
    batch, row_block = _divide(f, rest, _blocks(f, rows, row_tile))
    batches = _divide(f, batch, _word(f, args, layout.batch1))
    part = Rectangle(*_block(f, row_block, row_tile, rows), *_block(f, col_block, col_tile, columns))

    operands = range(layout.operands)
    pointers = [_pointer(f, args, layout.pointer(o)) for o in operands]
    for axis, coordinate in enumerate(batches):
        for o in operands:
            pointers[o] = f.offset(pointers[o], coordinate * _word(f, args, layout.batch_stride(o, axis)))
    strides = [[_word(f, args, layout.row_stride(o)), _word(f, args, layout.inner_stride(o))] for o in operands]
    emit_rectangle(f, make_plan(kernel, stash=False), Space(pointers, strides, [rows]), part)
    return module


def region_module(target: Target, kernel: LoopKernel) -> Module:
    """A module whose function `kernel(args, row0, row1, col0, col1, dst)` computes a rectangle of a map into `dst`.

    Its single stored operand goes to `dst`, packed row by row: the leading dimension is col1 - col0. The argument words
    are `args_layout(kernel)`, of which the tile sizes and the stored operand's words are not read.

    Raises:
        KernelError: the specification breaks a rule, or is no map with one "unit" operand stored.
    """
    verify(kernel)
    stored = {instruction.number for instruction in kernel.code if instruction.op == "store"}
    if kernel.reduces != "none" or len(stored) != 1 or kernel.operands[min(stored)].inner != "unit":
        raise KernelError("a region kernel is a map that stores one operand, of unit inner stride")
    module = Module(target)
    parameters = [("args", PTR), *((name, I64) for name in ("row0", "row1", "col0", "col1")), ("dst", PTR)]
    f = module.function("kernel", parameters)
    args, row0, row1, column0, column1, destination = f.args
    space = _space(f, args, args_layout(kernel))
    _redirect(f, kernel, space, min(stored), (row0, column0, column1 - column0, destination))
    emit_rectangle(f, make_plan(kernel, stash=False), space, Rectangle(row0, row1, column0, column1))
    return module


def _redirect(
    f: Function, kernel: LoopKernel, space: Space, number: int, to: tuple[Value, Value, Value, Value]
) -> None:
    """Let operand `number` be a packed rectangle: its first row and column, its leading dimension, its address."""
    row0, column0, leading, destination = to
    size = DTYPE_SIZES[kernel.operands[number].dtype]
    space.pointers[number] = f.offset(destination, (row0 * leading + column0) * -size)
    stride = leading * size
    for axis in reversed(range(kernel.rank)):
        space.strides[number][axis] = stride
        stride = stride * space.extents[axis]


def _require_map(kernel: LoopKernel) -> None:
    verify(kernel)
    if kernel.reduces != "none" or kernel.rank != 1:
        raise KernelError("an epilogue is a map of rank 1")


# -- argument words ---------------------------------------------------------------------------------------------------


def _word(f: Function, args: Value, number: int) -> Value:
    return f.load(f.at(args, number, I64), I64)


def _pointer(f: Function, args: Value, number: int) -> Value:
    return f.load(f.at(args, number, I64), PTR)


def _space(f: Function, args: Value, layout: ArgsLayout) -> Space:
    operands, axes = range(layout.operands), range(layout.rank + 1)
    return Space(
        pointers=[_pointer(f, args, layout.pointer(o)) for o in operands],
        strides=[[_word(f, args, layout.stride(o, axis)) for axis in axes] for o in operands],
        extents=[_word(f, args, layout.extent(axis)) for axis in range(layout.rank)],
    )


def _tile_rectangle(
    f: Function, kernel: LoopKernel, layout: ArgsLayout, space: Space, args: Value, tile: Value
) -> Rectangle:
    kept = space.extents[:-1] if kernel.reduces == "outer" else space.extents
    rows = f.const(1, I64)
    for extent in kept:
        rows = rows * extent
    columns = _word(f, args, layout.extent(layout.rank))
    row_tile, col_tile = _word(f, args, layout.row_tile), _word(f, args, layout.col_tile)
    if kernel.reduces == "inner":
        return Rectangle(*_block(f, tile, row_tile, rows), f.const(0, I64), columns)
    row_block, col_block = _divide(f, tile, _blocks(f, columns, col_tile))
    return Rectangle(*_block(f, row_block, row_tile, rows), *_block(f, col_block, col_tile, columns))


def _blocks(f: Function, extent: Value, tile: Value) -> Value:
    return f.binary("udiv", extent + tile - 1, tile)


def _block(f: Function, number: Value, size: Value, extent: Value) -> tuple[Value, Value]:
    start = number * size
    return start, f.minimum(start + size, extent)


def _divide(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    quotient = f.binary("udiv", a, b)
    return quotient, a - quotient * b


def _round_up(value: Value, multiple: int) -> Value:
    return (value + (multiple - 1)) & -multiple
