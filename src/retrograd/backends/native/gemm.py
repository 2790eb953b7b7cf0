"""Matrix multiplication C = A @ B over two batch dimensions, with every extent and stride known at run time only.

With K cut evenly into ceil(K / depth) blocks, each element of C is

    C[m, n] = (S_0 + S_1) + S_2 + ...,    S_b = fma chain over k in block b, ascending, from zero, of A[m, k] * B[k, n].

This order depends on K, the dtype and the CPU alone. Tiles, layouts, packing and edges decide only where operands are
read from, so the result has the same bits for every tiling and every number of threads.

A tile of C is computed in the order of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication":
columns of B that fit the cache, blocks of K, blocks of rows of A, panels of B, panels of A.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Literal

from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.gemm_micro import CACHE_LINE, Blocking, copy_edge_kernel
from retrograd.backends.native.gemm_pack import copying_packer, transposing_packer
from retrograd.backends.native.ir import I64, PTR, Function, Module, Operand, Value
from retrograd.backends.native.target import Target

Layout = Literal["row", "col"]

# Rows this many bytes apart fall into so few sets of an L1 cache that they evict each other.
THRASHING_STRIDE = 2048
# Columns of A in layout "col" that are packed together.
PACKED_COLUMNS = 8
# So many panels of B read A in layout "col" where it lies: packing it cost 5 to 12 % of a gradient of weights.
MOST_PANELS_IN_PLACE = 8


class Arg(IntEnum):
    """The words of the kernel's `args`. Strides count elements; a batch stride of 0 broadcasts."""

    A = 0
    B = auto()
    C = auto()
    M = auto()
    N = auto()
    K = auto()
    A_STRIDE = auto()  # between rows of A for layout "row", between columns for "col"
    B_STRIDE = auto()
    C_STRIDE = auto()  # between rows; columns of C are adjacent
    BATCH0 = auto()
    BATCH1 = auto()
    A_BATCH0 = auto()
    A_BATCH1 = auto()
    B_BATCH0 = auto()
    B_BATCH1 = auto()
    C_BATCH0 = auto()
    C_BATCH1 = auto()
    TILE_M = auto()
    TILE_N = auto()
    PROLOGUE = auto()  # 0, or void(ptr args, i64 row0, i64 row1, i64 col0, i64 col1, ptr dst); for a_layout "row"
    PROLOGUE_ARGS = auto()
    B_PACKED = auto()  # 0, or B as `gemm_prepack.py` packs it; of a single product, with TILE_N up to BLOCK_COLUMNS
    MICRO_KERNELS = auto()  # the function `micro_kernels` of `gemm_micro.micro_module`


POINTERS = (Arg.A, Arg.B, Arg.C, Arg.PROLOGUE, Arg.PROLOGUE_ARGS, Arg.B_PACKED, Arg.MICRO_KERNELS)


def gemm_module(target: Target, dtype: str, a_layout: Layout, b_layout: Layout) -> Module:
    """A module that exports `gemm`, a kernel by the contract of `contract.py` whose words are `Arg`.

    Layout "row" says that neighbours in a row are adjacent in memory, "col" that neighbours in a column are. Tile

        ((i0 * BATCH1 + i1) * ceil(M / TILE_M) + mi) * ceil(N / TILE_N) + ni

    covers rows mi * TILE_M to (mi + 1) * TILE_M and columns ni * TILE_N to (ni + 1) * TILE_N of product (i0, i1).

    If PROLOGUE is not 0, A is not read: blocks of it, rows `row0` to `row1` of the `BATCH0 * BATCH1 * M` rows of
    all products and columns `col0` to `col1`, are made by the prologue, row-major without gaps, in scratch.
    """
    module = Module(target)
    _GemmKernel(module, Blocking.of(target, dtype), a_layout, b_layout).emit()
    return module


@dataclass(frozen=True)
class _Scratch:
    """Byte offsets of the parts of scratch."""

    edge: int
    a: int
    b: int
    prologue: int

    @classmethod
    def of(cls, blocking: Blocking) -> _Scratch:
        block_rows, depth = blocking.block_rows, blocking.depth
        sizes = (
            blocking.rows * blocking.columns,
            block_rows // blocking.rows * blocking.padded_rows * depth,
            blocking.block_columns * depth,
            block_rows * depth,
        )
        offsets = [0]
        for size in sizes:
            offsets.append(-(-(offsets[-1] + size * blocking.size) // CACHE_LINE) * CACHE_LINE)
        if offsets[-1] > SCRATCH_BYTES:
            raise ValueError(f"gemm on {blocking.target.name} needs {offsets[-1]} bytes of scratch")
        return cls(*offsets[:-1])


@dataclass(frozen=True)
class Split:
    """`total` cut into the fewest parts of at most `limit`; sizes differ by at most one, the larger come first."""

    f: Function
    count: Value
    base: Value
    larger: Value

    @classmethod
    def of(cls, f: Function, total: Value, limit: int) -> Split:
        """Zero is one part of size zero."""
        count = f.maximum(_ceil_div(total, limit), 1)
        return cls(f, count, total // count, total % count)

    def start(self, index: Value) -> Value:
        return index * self.base + self.f.minimum(index, self.larger)

    def size(self, index: Value) -> Value:
        return self.base + _flag(self.f, self.f.compare("slt", index, self.larger))


@dataclass(frozen=True)
class _Span:
    """Consecutive rows, columns or depths: where they start, and how many they are."""

    start: Value
    size: Value


@dataclass(frozen=True)
class _RowBlock:
    """Rows of A at hand for the micro-kernels, packed or in place.

    Panel i starts at element i * panel_step + start(i) * row_step of `pointer`.
    """

    rows: _Span
    panels: Split
    pointer: Value
    panel_step: Value
    row_step: Value
    a_row: Value
    a_step: Value


@dataclass(frozen=True)
class _Panel:
    """A panel of B for the micro-kernels: where it is, and the step between its rows.

    Where `unpacked` is not 0, the first micro-kernel reads it there, as it lies, and packs it.
    """

    pointer: Value
    step: Value
    unpacked: Value | None = None


class _GemmKernel:
    """Emits the kernel function; `words` are the values of `args`."""

    def __init__(self, module: Module, blocking: Blocking, a_layout: Layout, b_layout: Layout) -> None:
        self.blocking, self.a_layout, self.b_layout = blocking, a_layout, b_layout
        self.offsets = _Scratch.of(blocking)
        self.copy_edge = copy_edge_kernel(module, blocking)
        pack_a = transposing_packer if a_layout == "row" else copying_packer
        pack_b = transposing_packer if b_layout == "col" else copying_packer
        self.pack_a = pack_a(module, "pack_a", blocking, blocking.padded_rows)
        self.pack_b = pack_b(module, "pack_b", blocking, blocking.columns)
        self.f = module.function("gemm", KERNEL_PARAMETERS)
        args, self.tile, self.scratch = self.f.args
        self.words = {word: self.f.load(self.f.at(args, word, I64), PTR if word in POINTERS else I64) for word in Arg}
        micro_kernels = self.f.call(self.words[Arg.MICRO_KERNELS], returns=PTR)
        assert micro_kernels is not None
        self.micro_kernels = micro_kernels

    def emit(self) -> None:
        f, words, blocking = self.f, self.words, self.blocking
        rest, column_tile = _divide(self.tile, _ceil_div(words[Arg.N], words[Arg.TILE_N]))
        product, row_tile = _divide(rest, _ceil_div(words[Arg.M], words[Arg.TILE_M]))
        batch = _divide(product, words[Arg.BATCH1])
        a = self._matrix(Arg.A, batch, Arg.A_BATCH0, Arg.A_BATCH1)
        b = self._matrix(Arg.B, batch, Arg.B_BATCH0, Arg.B_BATCH1)
        c = self._matrix(Arg.C, batch, Arg.C_BATCH0, Arg.C_BATCH1)
        tile_rows = self._tile_span(row_tile, words[Arg.TILE_M], words[Arg.M])
        tile_columns = self._tile_span(column_tile, words[Arg.TILE_N], words[Arg.N])
        whole_depth = _Span(f.const(0, I64), words[Arg.K])

        with (
            self._parts(tile_columns, blocking.block_columns) as columns,
            self._parts(whole_depth, blocking.depth) as depths,
            self._parts(tile_rows, blocking.block_rows) as rows,
        ):
            block = self._prepare_rows(a, product, rows, depths, columns)
            panels = _ceil_div(columns.size, blocking.columns)
            with f.loop(0, panels) as index:
                panel = self._panel(columns, index)
                operand = self._prepare_columns(b, panel, index, depths, block, tile_rows)
                self._multiply_panel(block, panel, depths, operand, c)

    # -- where things are ---------------------------------------------------------------------------------------------

    def _matrix(self, matrix: Arg, batch: tuple[Value, Value], stride0: Arg, stride1: Arg) -> Value:
        """Where this tile's product has its matrix."""
        offset = batch[0] * self.words[stride0] + batch[1] * self.words[stride1]
        return self._at(self.words[matrix], offset)

    def _tile_span(self, index: Value, extent: Value, total: Value) -> _Span:
        start = index * extent
        return _Span(start, self.f.minimum(extent, total - start))

    @contextmanager
    def _parts(self, span: _Span, limit: int) -> Iterator[_Span]:
        """A loop over even parts of `span` of at most `limit`."""
        split = Split.of(self.f, span.size, limit)
        with self.f.loop(0, split.count) as index:
            yield _Span(span.start + split.start(index), split.size(index))

    def _panel(self, columns: _Span, index: Value) -> _Span:
        width = self.blocking.columns
        return _Span(columns.start + index * width, self.f.minimum(columns.size - index * width, width))

    def _at(self, pointer: Value, index: Operand) -> Value:
        return self.f.at(pointer, index, self.blocking.element)

    # -- operands -----------------------------------------------------------------------------------------------------

    def _prepare_rows(self, a: Value, product: Value, rows: _Span, depths: _Span, columns: _Span) -> _RowBlock:
        """Make a block of A ready: run the prologue, and pack if that pays."""
        f, blocking = self.f, self.blocking
        one, stride = f.const(1, I64), self.words[Arg.A_STRIDE]
        row_stride, depth_stride = (stride, one) if self.a_layout == "row" else (one, stride)
        source = f.variable(PTR, self._at(a, rows.start * row_stride + depths.start * depth_stride))
        a_row, a_step = f.variable(I64, row_stride), f.variable(I64, depth_stride)
        if self.a_layout == "row":
            with f.when(f.compare("ne", self.words[Arg.PROLOGUE], 0)):
                source.set(self._run_prologue(product, rows, depths))
                a_row.set(depths.size)
        row_step, panel_step = f.variable(I64, a_row.get()), f.variable(I64, 0)
        panels = Split.of(f, rows.size, blocking.rows)
        with f.when(self._packing_pays(a_row.get(), columns)):
            source.set(self._pack_rows(source.get(), panels, depths, a_row.get(), a_step.get()))
            a_row.set(1)
            a_step.set(blocking.padded_rows)
            row_step.set(0)
            panel_step.set(depths.size * blocking.padded_rows)
        return _RowBlock(rows, panels, source.get(), panel_step.get(), row_step.get(), a_row.get(), a_step.get())

    def _pack_rows(self, source: Value, panels: Split, depths: _Span, a_row: Value, a_step: Value) -> Value:
        """Copy a block of A to scratch, panel after panel."""
        f, width = self.f, self.blocking.padded_rows
        packed = f.offset(self.scratch, self.offsets.a)
        # A few columns of all panels at a time: a line of A that two panels share is then still cached for the second.
        chunk, stride = (depths.size, a_row) if self.a_layout == "row" else (f.const(PACKED_COLUMNS, I64), a_step)
        with f.loop(0, depths.size, chunk) as k, f.loop(0, panels.count) as index:
            panel = self._at(source, panels.start(index) * a_row + k * a_step)
            target = self._at(packed, (index * depths.size + k) * width)
            f.call(self.pack_a, panel, target, panels.size(index), f.minimum(chunk, depths.size - k), stride)
        return packed

    def _run_prologue(self, product: Value, rows: _Span, depths: _Span) -> Value:
        f = self.f
        target = f.offset(self.scratch, self.offsets.prologue)
        row0 = product * self.words[Arg.M] + rows.start
        bounds = (row0, row0 + rows.size, depths.start, depths.start + depths.size)
        f.call(self.words[Arg.PROLOGUE], self.words[Arg.PROLOGUE_ARGS], *bounds, target)
        return target

    def _packing_pays(self, a_row: Value, columns: _Span) -> Value:
        """Whether A should be packed: enough panels of B will read it, and in place it would thrash the L1 cache.

        Down its columns the elements that a micro-kernel wants lie side by side: many panels may read them in place.
        """
        f = self.f
        panels = MOST_PANELS_IN_PLACE if self.a_layout == "col" else 1
        enough = f.compare("sgt", columns.size, panels * self.blocking.columns)
        if self.a_layout == "col":
            return enough
        return enough & f.compare("eq", a_row * self.blocking.size % THRASHING_STRIDE, 0)

    def _prepare_columns(
        self, b: Value, panel: _Span, index: Value, depths: _Span, block: _RowBlock, tile_rows: _Span
    ) -> _Panel:
        """Make a panel of B ready.

        Panels are packed for the first block of rows and kept for the others. One that a single micro-kernel reads is
        used in place if it can be; else the first micro-kernel packs it, if both are whole.
        """
        f, blocking, stride = self.f, self.blocking, self.words[Arg.B_STRIDE]
        column_stride, depth_stride = (stride, 1) if self.b_layout == "col" else (1, stride)
        source = self._at(b, panel.start * column_stride + depths.start * depth_stride)
        packed = self._at(f.offset(self.scratch, self.offsets.b), index * depths.size * blocking.columns)
        prepacked = f.compare("ne", self.words[Arg.B_PACKED], 0)
        padded = _ceil_div(self.words[Arg.N], blocking.columns) * blocking.columns
        there = self._at(self.words[Arg.B_PACKED], depths.start * padded + panel.start * depths.size)
        first = f.compare("eq", block.rows.start, tile_rows.start) & (prepacked ^ True)
        packed = f.select(prepacked, there, packed)
        if self.b_layout == "col":
            with f.when(first):
                f.call(self.pack_b, source, packed, panel.size, depths.size, stride)
            return _Panel(packed, f.const(blocking.columns, I64))
        whole = f.compare("eq", panel.size, blocking.columns)
        single = f.compare("sle", tile_rows.size, blocking.rows)
        in_place = single & whole & (prepacked ^ True)
        on_the_way = first & whole & f.compare("eq", block.panels.size(f.const(0, I64)), blocking.rows)
        with f.when(first & ((in_place | on_the_way) ^ True)):
            f.call(self.pack_b, source, packed, panel.size, depths.size, stride)
        unpacked = f.select(on_the_way & (in_place ^ True), source, f.const(0, PTR))
        return _Panel(f.select(in_place, source, packed), f.select(in_place, stride, blocking.columns), unpacked)

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def _multiply_panel(self, block: _RowBlock, panel: _Span, depths: _Span, b: _Panel, c: Value) -> None:
        """A panel of columns of C: each panel of A times one of B."""
        f, blocking, c_stride = self.f, self.blocking, self.words[Arg.C_STRIDE]
        vectors = _ceil_div(panel.size, blocking.lanes)
        edge = f.compare("slt", panel.size, vectors * blocking.lanes)
        edge_tile = f.offset(self.scratch, self.offsets.edge)
        out_row = f.select(edge, blocking.columns, c_stride)
        accumulate = _flag(f, f.compare("sgt", depths.start, 0))
        accumulate_now = f.select(edge, 0, accumulate)
        begin = f.variable(I64, 0)
        if b.unpacked is not None:
            with f.when(f.compare("ne", b.unpacked, f.const(0, PTR))):
                micro_kernel = f.load(f.at(self.micro_kernels, blocking.vectors * blocking.rows, PTR), PTR)
                out = self._at(c, block.rows.start * c_stride + panel.start)
                strides = (block.a_row, block.a_step, self.words[Arg.B_STRIDE], c_stride)
                f.call(micro_kernel, block.pointer, b.unpacked, out, depths.size, *strides, accumulate, b.pointer)
                begin.set(1)
        with f.loop(begin.get(), block.panels.count) as index:
            start, rows = block.panels.start(index), block.panels.size(index)
            a_pointer = self._at(block.pointer, index * block.panel_step + start * block.row_step)
            target = self._at(c, (block.rows.start + start) * c_stride + panel.start)
            entry = (vectors - 1) * blocking.rows + rows - 1
            micro_kernel = f.load(f.at(self.micro_kernels, entry, PTR), PTR)
            out = f.select(edge, edge_tile, target)
            strides = (block.a_row, block.a_step, b.step, out_row)
            f.call(micro_kernel, a_pointer, b.pointer, out, depths.size, *strides, accumulate_now)
            with f.when(edge):
                f.call(self.copy_edge, edge_tile, target, rows, panel.size, c_stride, accumulate)


def _ceil_div(a: Value, b: Operand) -> Value:
    return (a + b - 1) // b


def _divide(a: Value, b: Value) -> tuple[Value, Value]:
    """Quotient and remainder."""
    return a // b, a % b


def _flag(f: Function, condition: Value) -> Value:
    """A condition as 0 or 1."""
    return f.convert("zext", condition, I64)
