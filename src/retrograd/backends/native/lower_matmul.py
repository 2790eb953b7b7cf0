"""Lowering of products of matrices: kernels and their arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograd.backends.native.epilogue import Grid
from retrograd.backends.native.gemm import Arg, Layout, gemm_module
from retrograd.backends.native.gemm_micro import Blocking, micro_module
from retrograd.backends.native.gemm_prepack import padded_columns
from retrograd.backends.native.gemm_tile import tile_count, tile_shape
from retrograd.backends.native.loops import region_module
from retrograd.backends.native.prologue import Prologue
from retrograd.backends.native.views import View, dense_view
from retrograd.backends.native.work import Address, ArgsAddress, KernelAddress, Packed, Word, Work
from retrograd.core.types import Shape, tensor_type

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering


def lower_matmul(low: Lowering, value: int, views: list[View]) -> tuple[Work, Grid]:
    """The launch of a product, and how its tiles lie in the result."""
    shape, dtype = low.types[value].shape, low.types[value].dtype.name
    prologue = low.prologues.get(value)
    a, a_layout = _operand(low, views[0]) if prologue is None else (views[0], "row")
    b, b_layout = _operand(low, views[1])
    if len(_merged_batch(shape[:-2], a, b)) > 2:
        a, b = (dense_view(low.copy(v), v.shape) for v in (a, b))
        a_layout = b_layout = "row"
    merged = _merged_batch(shape[:-2], a, b)
    batches = [(1, 0, 0)] * (2 - len(merged)) + merged
    m, n, k = shape[-2], shape[-1], a.shape[-1]
    count = math.prod(shape[:-2])
    tile_m, tile_n = tile_shape(low.target, dtype, m, n, k, count, alone=low.inside.alone)
    words: list[Word] = [0] * len(Arg)
    for arg, word in (
        (Arg.A, Address(a)),
        (Arg.B, Address(b)),
        (Arg.C, Address(dense_view(value, shape))),
        (Arg.M, m),
        (Arg.N, n),
        (Arg.K, k),
        (Arg.A_STRIDE, a.strides[-2] if a_layout == "row" else a.strides[-1]),
        (Arg.B_STRIDE, b.strides[-2] if b_layout == "row" else b.strides[-1]),
        (Arg.C_STRIDE, n),
        (Arg.BATCH0, batches[0][0]),
        (Arg.BATCH1, batches[1][0]),
        (Arg.A_BATCH0, batches[0][1]),
        (Arg.A_BATCH1, batches[1][1]),
        (Arg.B_BATCH0, batches[0][2]),
        (Arg.B_BATCH1, batches[1][2]),
        (Arg.C_BATCH0, batches[1][0] * m * n),
        (Arg.C_BATCH1, m * n),
        (Arg.TILE_M, tile_m),
        (Arg.TILE_N, tile_n),
    ):
        words[arg] = word
    micro_kernels = f"gemm.micro {dtype}"
    low.generator(micro_kernels, lambda target: micro_module(target, dtype))
    words[Arg.MICRO_KERNELS] = KernelAddress(f"{micro_kernels}#micro_kernels")
    reads: tuple[int, ...] = (a.root, b.root)
    if prologue is not None:
        reads = (*prologue.reads, b.root)
        _attach(low, prologue, words)
    if b.root in low.inside.constants and count == 1 and n * k > 0:
        packed = _packed(low, b, b_layout, dtype)
        words[Arg.B_PACKED] = Address(dense_view(packed, low.types[packed].shape))
        reads = (*reads[:-1], packed)
    key = f"gemm {dtype} {a_layout} {b_layout}"
    low.generator(key, lambda target: gemm_module(target, dtype, a_layout, b_layout))
    tiles = tile_count(m, n, count, tile_m, tile_n)
    work = Work(f"{key}#gemm", words, tiles, count * m * n * k, reads, (value,), (value,))
    return work, Grid(m, n, tile_m, tile_n, (batches[0][0], batches[1][0]))


def _operand(low: Lowering, view: View) -> tuple[View, Layout]:
    """A matrix as a product takes it: one of its last two strides is 1, and none is negative."""
    rows, columns = view.shape[-2:]
    row, column = view.strides[-2:]
    if column == 1 and (row >= columns or rows == 1):
        return view, "row"
    if row == 1 and (column >= rows or columns == 1):
        return view, "col"
    if columns == 1 and row >= 1:
        return View(view.root, view.shape, (*view.strides[:-1], 1), view.offset, view.dynamic), "row"
    if rows == 1 and column >= 1:
        return View(view.root, view.shape, (*view.strides[:-2], 1, column), view.offset, view.dynamic), "col"
    return dense_view(low.copy(view), view.shape), "row"


def _merged_batch(batch: Shape, a: View, b: View) -> list[tuple[int, int, int]]:
    """Batch axes as (extent, stride of a, stride of b), neighbours joined where both step evenly."""
    merged: list[tuple[int, int, int]] = []
    for axis, extent in enumerate(batch):
        if extent == 1:
            continue
        own = (extent, a.strides[axis], b.strides[axis])
        if merged and merged[-1][1] == own[1] * extent and merged[-1][2] == own[2] * extent:
            merged[-1] = (merged[-1][0] * extent, own[1], own[2])
        else:
            merged.append(own)
    return merged


def _attach(low: Lowering, prologue: Prologue, words: list[Word]) -> None:
    """Let a product make its left operand by itself; the prologue's arguments follow those of the product."""
    key = low.loop_kernel("prologue", prologue.kernel, region_module)
    words[Arg.A] = 0
    words[Arg.PROLOGUE] = KernelAddress(f"{key}#kernel")
    words[Arg.PROLOGUE_ARGS] = ArgsAddress(len(words))
    words.extend(prologue.words)


def _packed(low: Lowering, b: View, layout: Layout, dtype: str) -> int:
    """The root that stands for an operand packed."""
    found = low.packed.get((b, layout))
    if found is None:
        depth, columns = b.shape[-2:]
        size = padded_columns(Blocking.of(low.target, dtype), columns) * depth
        low.types.append(tensor_type((size,), low.types[b.root].dtype))
        found = low.packed[b, layout] = Packed(len(low.types) - 1, low.types[-1], layout)
    return found.root
