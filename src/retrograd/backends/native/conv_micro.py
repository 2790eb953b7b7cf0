"""The innermost part of convolutions: that of a matrix multiplication, whose depth comes in segments.

    C[r, v] (+)= sum over segments s, then k, ascending, of A[a_s + r a_row + k a_step] * B[b_s + k b_step + v]

as one chain of fused multiply-adds that starts at zero. A tap of the kernel is a segment of as many products as there
are input channels; so are all pixels of a row where a gradient of weights is summed over them.
"""

from __future__ import annotations

from dataclasses import replace

from retrograd.backends.native.gemm_micro import Blocking, multiply, prefetch_rows, write_sums, zero_sums
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value
from retrograd.backends.native.target import Target

SEGMENT_WORDS = 2


def conv_blocking(target: Target, dtype: str, columns: int, rows: int) -> Blocking:
    """Tiles of about equally many registers: wide for few rows, narrow for few columns."""
    normal = Blocking.of(target, dtype)
    if columns <= normal.lanes:
        return replace(normal, rows=2 * normal.rows, vectors=1)
    wide = replace(normal, rows=normal.rows // 2, vectors=2 * normal.vectors)
    fits = (wide.rows + 1) * wide.vectors < target.registers
    return wide if fits and rows <= wide.rows and columns > normal.columns else normal


def micro_module(target: Target, blocking: Blocking, rows: range, vectors: int) -> Module:
    """A module that exports the micro-kernels for some numbers of rows, `segments_{rows}x{vectors}`.

    Of the blocking they depend on the register alone, so that convolutions of all kinds and widths share them.
    """
    module = Module(target)
    for count in rows:
        _segment_kernel(module, blocking, count, vectors)
    return module


def micro_groups(blocking: Blocking) -> list[tuple[range, int]]:
    """Rows and vectors of the modules with a blocking's micro-kernels. In a kernel's table, whose entry
    (v - 1) * blocking.rows + r - 1 is the one for r rows and v vectors, they stand one after another.
    """
    together = blocking.target.gemm_rows // 2  # the rows of all blockings are multiples of it
    return [
        (range(first, min(first + together, blocking.rows + 1)), vectors)
        for vectors in range(1, blocking.vectors + 1)
        for first in range(1, blocking.rows + 1, together)
    ]


def _segment_kernel(module: Module, blocking: Blocking, rows: int, vectors: int) -> Function:
    """`kernel(a, b, c, segments, count, depth, a_row, a_step, b_step, c_row, accumulate)`.

    `segments` are `count` pairs (a_s, b_s); they and the strides count elements.
    """
    f = module.function(
        f"segments_{rows}x{vectors}",
        [("a", PTR), ("b", PTR), ("c", PTR), ("segments", PTR)]
        + [(name, I64) for name in ("count", "depth", "a_row", "a_step", "b_step", "c_row", "accumulate")],
    )
    a, b, c, segments, count, depth, a_row, a_step, b_step, c_row, accumulate = f.args
    element = blocking.element
    c_rows = [f.at(c, c_row * row, element) for row in range(rows)]
    prefetch_rows(f, c_rows, vectors, blocking)
    sums = zero_sums(f, rows, vectors, blocking)
    with f.loop(0, count) as index:
        segment = f.at(segments, index * SEGMENT_WORDS, I64)
        a_start = f.at(a, f.load(segment, I64), element)
        b_start = f.at(b, f.load(f.at(segment, 1, I64), I64), element)
        multiply(f, sums, a_start, b_start, depth, (a_row, a_step, b_step), blocking)
    write_sums(f, sums, c_rows, accumulate, blocking)
    return f


def micro_kernel(f: Function, blocking: Blocking, table: Value, rows: Value, vectors: Value) -> Value:
    """The address of a micro-kernel, from the table."""
    return f.load(f.at(table, (vectors - 1) * blocking.rows + rows - 1, PTR), PTR)


class PanelWriter:
    """Calls micro-kernels, by way of a tile in scratch where only a part of the last vector's columns exists.

    Args:
        f: the function that calls.
        table: the addresses of the micro-kernels.
        copy_edge: of the module.
        edge_tile: `blocking.rows * blocking.columns` elements of scratch.
    """

    def __init__(self, f: Function, blocking: Blocking, table: Value, copy_edge: Function, edge_tile: Value) -> None:
        self.f, self.blocking, self.table = f, blocking, table
        self.copy_edge, self.edge_tile = copy_edge, edge_tile

    def write(
        self,
        operands: tuple[Value, Value, Value],
        segments: tuple[Value, Value],
        depth: Value,
        strides: tuple[Value, Value, Value, Value],
        size: tuple[Value, Value],
        accumulate: Value,
    ) -> None:
        """Compute `size` (rows, columns) of C, at most one micro-kernel's.

        Args:
            operands: where a, b and c start.
            segments: the first, and how many.
            depth: products of a segment.
            strides: a_row, a_step, b_step, c_row.
            size: rows and columns.
            accumulate: 1 to add to what C holds, else 0.
        """
        f, blocking = self.f, self.blocking
        (a, b, c), (a_row, a_step, b_step, c_row), (rows, columns) = (operands, strides, size)
        vectors = (columns + (blocking.lanes - 1)) // blocking.lanes
        edge = f.compare("slt", columns, vectors * blocking.lanes)
        kernel = micro_kernel(f, blocking, self.table, rows, vectors)
        out, out_row = (f.select(edge, self.edge_tile, c), f.select(edge, blocking.columns, c_row))
        now = f.select(edge, 0, accumulate)
        f.call(kernel, a, b, out, *segments, depth, a_row, a_step, b_step, out_row, now)
        with f.when(edge):
            f.call(self.copy_edge, self.edge_tile, c, rows, columns, c_row, accumulate)
