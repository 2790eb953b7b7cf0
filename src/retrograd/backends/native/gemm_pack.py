"""Packing: copying a strip of a matrix to where a micro-kernel reads it one whole vector after another.

Both packers write `dst[k * width + i] = X[i, k]` for `i < count` and all `k < depth`, where the strip X is `count` rows
of A, or `count` columns of B. They differ in which index is contiguous in memory. Elements from `count` to `width` are
padding: the micro-kernel computes with them, and what it computes is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value, vector


def copying_packer(module: Module, name: str, blocking: Blocking, width: int) -> Function:
    """`pack(src, dst, count, depth, stride)` for X[i, k] at src[k * stride + i]."""
    f, (src, dst, count, depth, stride) = _packer(module, name)
    element, register, lanes = blocking.element, blocking.register, blocking.lanes
    starts = range(0, width, lanes)
    with f.when(f.compare("sge", count, width)), f.loop(0, depth) as k:
        for start in starts:
            value = f.load(f.at(src, k * stride + start, element), register)
            f.store(value, f.at(dst, k * width + start, element), align=blocking.target.vector_bits // 8)
    masks = [f.tail_mask(lanes, count - start) for start in starts]
    with f.when(f.compare("slt", count, width)), f.loop(0, depth) as k:
        for start, mask in zip(starts, masks, strict=True):
            value = f.masked_load(f.at(src, k * stride + start, element), mask, register)
            f.store(value, f.at(dst, k * width + start, element), align=blocking.target.vector_bits // 8)
    return f


def transposing_packer(module: Module, name: str, blocking: Blocking, width: int) -> Function:
    """`pack(src, dst, count, depth, stride)` for X[i, k] at src[i * stride + k].

    Works on squares of `lanes` by `lanes`; the last square overlaps the one before to end at `depth`.
    """
    f, (src, dst, count, depth, stride) = _packer(module, name)
    element, lanes = blocking.element, blocking.lanes
    with f.when(f.compare("slt", depth, lanes)), f.loop(0, count) as i, f.loop(0, depth) as k:
        f.store(f.load(f.at(src, i * stride + k, element), element), f.at(dst, k * width + i, element))
    with f.when(f.compare("sge", depth, lanes)), f.loop(0, count, lanes) as start:
        # Padding repeats the last row: its memory exists.
        rows = [f.at(src, f.minimum(count - 1, start + lane) * stride, element) for lane in range(lanes)]
        with f.loop(0, depth, lanes) as position:
            k = f.minimum(position, depth - lanes)
            square = load_transposed(f, [f.at(row, k, element) for row in rows], element)
            for offset, value in enumerate(square):
                target = f.at(dst, (k + offset) * width + start, element)
                f.store(value, target, align=blocking.target.vector_bits // 8)
    return f


def load_transposed(f: Function, rows: Sequence[Value], element: str) -> list[Value]:
    """The columns, as vectors, of the square of n by n elements whose n rows are at `rows`; n is a power of two.

    Write row and column numbers in bits. Loading halves of rows exchanges the first bits: vector (c, r) gets, as its
    half h, half c of row (h, r). Interleaving one half of n/2 such vectors with the other, in both halves of
    registers, rotates the remaining bits (row, column) by one; log2(n/2) rounds exchange row and column.
    """
    n = len(rows)
    halves = [(f.at(row, 0, element), f.at(row, n // 2, element)) for row in rows]
    low = [half * n // 2 + index + side * n for half in (0, 1) for index in range(n // 4) for side in (0, 1)]
    high = [n // 4 + index for index in low]
    columns: list[Value] = []
    for half in (0, 1):
        loaded = [f.load(row[half], vector(n // 2, element)) for row in halves]
        pairs = zip(loaded[: n // 2], loaded[n // 2 :], strict=True)
        vectors = [f.shuffle(upper, lower, range(n)) for upper, lower in pairs]
        for _ in range((n // 2).bit_length() - 1):
            pairs = zip(vectors[: n // 4], vectors[n // 4 :], strict=True)
            vectors = [f.shuffle(a, b, order) for a, b in pairs for order in (low, high)]
        columns += vectors
    return columns


def _packer(module: Module, name: str) -> tuple[Function, list[Value]]:
    params = [("src", PTR), ("dst", PTR), ("count", I64), ("depth", I64), ("stride", I64)]
    f = module.function(name, params, internal=True, noinline=True, noalias=True)
    return f, f.args
