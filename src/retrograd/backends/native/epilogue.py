"""Epilogues: elementwise steps that run over each tile of a product, or a convolution, while it is in the cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograd.backends.native.emit import Emitter
from retrograd.backends.native.group import Group
from retrograd.backends.native.kernel import DTYPE_SIZES, EpilogueLayout, LoopKernel, Operand
from retrograd.backends.native.loops import epilogue_module
from retrograd.backends.native.views import squeezed
from retrograd.backends.native.work import ArgsAddress, KernelAddress, Word, Work
from retrograd.core.extent import computed
from retrograd.core.types import Shape

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering

_INNER = {0: "zero", 1: "unit"}


@dataclass(frozen=True)
class Grid:
    """How the tiles of a product lie in its result, seen as matrices of `rows` by `columns`.

    Tile ((i0 * batch[1] + i1) * row tiles + r) * column tiles + c covers rows r * row_tile to (r + 1) * row_tile of
    matrix (i0, i1), and columns c * column_tile to (c + 1) * column_tile.
    """

    rows: int
    columns: int
    row_tile: int
    column_tile: int
    batch: tuple[int, int] = (1, 1)


def with_epilogue(low: Lowering, group: Group, product: Work, grid: Grid) -> Work:
    """The launch of a product and of the steps of its group; those follow as a loop if they cannot ride along."""
    if len(group.members) == 1:
        return product
    emitter = Emitter(low.fusion, group, low.stored, accumulator=group.members[0])
    layout = EpilogueLayout(len(emitter.operands))
    words: list[Word] = [0] * layout.words
    words[layout.gemm_kernel] = KernelAddress(product.kernel)
    words[layout.gemm_args] = ArgsAddress(layout.words)
    shape = low.types[group.members[0]].shape
    found = [_matrix_strides(_unsqueezed(bound.view.strides, shape), shape, grid) for bound in emitter.operands]
    each = [strides for strides in found if strides is not None]
    if len(each) < len(found) or emitter.indexed:
        return _separately(low, group, product)
    tiling: Sequence[int] = (grid.rows, grid.columns, grid.row_tile, grid.column_tile)
    if all(row == grid.columns * inner for _, _, row, inner in each):
        tiling = computed(_in_one_row, tiling)
    words[layout.rows], words[layout.columns], words[layout.row_tile], words[layout.col_tile] = tiling
    words[layout.batch1] = grid.batch[1]
    operands = []
    for number, (bound, strides) in enumerate(zip(emitter.operands, each, strict=True)):
        size = DTYPE_SIZES[bound.dtype]
        words[layout.pointer(number)] = bound.address
        for axis in (0, 1):
            words[layout.batch_stride(number, axis)] = strides[axis] * size
        words[layout.row_stride(number)] = strides[2] * size
        words[layout.inner_stride(number)] = strides[3] * size
        whole = bound.written and (grid.columns == 1 or strides[3] == 0)
        operands.append(Operand(bound.dtype, "unit" if whole else _INNER.get(strides[3], "strided"), bound.written))
    kernel = LoopKernel(1, tuple(operands), tuple(emitter.code))
    key = low.loop_kernel("epilogue", kernel, epilogue_module)
    first = group.members[0]
    reads = (*product.reads, *(b.view.root for b in emitter.operands if b.is_read))
    writes = (first, *(b.view.root for b in emitter.operands if b.written))
    _share(low, group)
    return Work(
        f"{key}#kernel",
        [*words, *(_moved(word, layout.words) for word in product.words)],
        product.tiles,
        product.cost,
        tuple(root for root in dict.fromkeys(reads) if root != first),
        tuple(dict.fromkeys(writes)),
        tuple(group.members),
        tuple(b for b in emitter.operands if b.view.root not in product.reads),
    )


def _in_one_row(tiling: Sequence[int]) -> Sequence[int]:
    """Rows and columns of rows without gaps between them, and those of tiles. Tiles of whole rows are parts of one long
    row, whose ends are fewer."""
    rows, columns, row_tile, column_tile = tiling
    return tiling if column_tile < columns else (1, rows * columns, 1, row_tile * columns)


def _share(low: Lowering, group: Group) -> None:
    """Let a product that only its epilogue reads lie where a result that is made of it will."""
    product, *rest = group.members
    if product in low.stored:
        return
    type_ = low.types[product]
    made_of_it = {product}
    for value in rest:
        if made_of_it.isdisjoint(root for root, _ in low.fusion.reads_of_member(value)):
            continue
        made_of_it.add(value)
        other = low.types[value]
        if value in low.stored and other.dtype is type_.dtype and other.size == type_.size:
            low.shared[product] = value
            return


def _separately(low: Lowering, group: Group, product: Work) -> Work:
    """The product by itself; its epilogue follows as a loop."""
    low.work.append(product)
    low.stored.add(group.members[0])
    rest = Group("loop", squeezed(group.domain), None, group.members[1:])
    emitter = Emitter(low.fusion, group, low.stored, accumulator=group.members[0])
    low.loop(emitter, rest)
    return low.work.pop()


def _moved(word: Word, by: int) -> Word:
    """A word of arguments that now start so many words later."""
    return ArgsAddress(word.start + by) if isinstance(word, ArgsAddress) else word


def _unsqueezed(strides: Shape, shape: Shape) -> Shape:
    """Strides along all axes of a shape from those along its axes of more than one element."""
    rest = iter(strides)
    return tuple(0 if n == 1 else next(rest) for n in shape)


def _matrix_strides(strides: Shape, shape: Shape, grid: Grid) -> tuple[int, ...] | None:
    """An operand's strides along the axes of a grid: batch, batch, rows, columns. None if it does not step evenly."""
    axes = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    found: list[int] = []
    for extent in (grid.columns, grid.rows, grid.batch[1], grid.batch[0]):
        taken: list[tuple[int, int]] = []
        while math.prod(n for n, _ in taken) < extent:
            taken.append(axes.pop())
        if math.prod(n for n, _ in taken) != extent:
            return None
        step = taken[0][1] if taken else 0
        if any(s != step * math.prod(n for n, _ in taken[:i]) for i, (_, s) in enumerate(taken)):
            return None
        found.append(step)
    return tuple(reversed(found))
