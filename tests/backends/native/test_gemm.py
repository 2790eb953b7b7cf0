"""Matrix multiplication kernels: exact order of arithmetic, error bounds, layouts, edges and batches."""

from __future__ import annotations

import ctypes
import functools
import itertools
import mmap
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from retrograd.backends.native.compiler import Library, compile_object, host
from retrograd.backends.native.contract import SCRATCH_BYTES
from retrograd.backends.native.gemm import Arg, Layout, gemm_module
from retrograd.backends.native.gemm_micro import Blocking, micro_module
from retrograd.backends.native.gemm_tile import tile_count, tile_shape
from retrograd.backends.native.target import TARGETS, Target

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
PROLOGUE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4, ctypes.c_void_p)
DTYPES = ("float32", "float64")
LAYOUTS: tuple[Layout, ...] = ("row", "col")
SIZES = (1, 2, 3, 5, 8, 11, 12, 13, 16, 17, 23, 31, 32, 33, 48, 65, 100, 128)

every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_layout = pytest.mark.parametrize(("a_layout", "b_layout"), list(itertools.product(LAYOUTS, LAYOUTS)))


@functools.cache
def library(dtype: str, a_layout: Layout, b_layout: Layout) -> Library:
    return Library(compile_object(gemm_module(host().target, dtype, a_layout, b_layout).text()))


@functools.cache
def micro_kernels(dtype: str) -> Library:
    return Library(compile_object(micro_module(host().target, dtype).text()))


@functools.cache
def scratch() -> tuple[np.ndarray, int]:
    memory = np.zeros(SCRATCH_BYTES + 64, np.uint8)
    return memory, -(-memory.ctypes.data // 64) * 64


def stored(matrix: np.ndarray, layout: Layout, padding: int = 0) -> np.ndarray:
    """A copy of (..., rows, columns) that lies in memory as `layout` says, with gaps of `padding` elements."""
    major = matrix if layout == "row" else matrix.swapaxes(-1, -2)
    memory = np.full((*major.shape[:-1], major.shape[-1] + padding), np.nan, matrix.dtype)
    view = memory[..., : major.shape[-1]]
    view[...] = major
    return view if layout == "row" else view.swapaxes(-1, -2)


def strides(view: np.ndarray, layout: Layout) -> tuple[int, int, int]:
    """Stride of the matrix and of two batch dimensions, in elements."""
    batch0, batch1, row, column = (stride // view.itemsize for stride in view.strides)
    return (row if layout == "row" else column), batch0, batch1


def gemm(
    a: np.ndarray,
    b: np.ndarray,
    a_layout: Layout = "row",
    b_layout: Layout = "row",
    *,
    tile: tuple[int, int] | None = None,
    out: np.ndarray | None = None,
    prologue: Callable[..., None] | None = None,
    shuffle: bool = False,
) -> np.ndarray:
    """a @ b of four-dimensional views, in scratch that holds nothing but NaN to begin with."""
    batch0, batch1, m, k = a.shape
    n = b.shape[-1]
    c = np.full((batch0, batch1, m, n), np.nan, a.dtype) if out is None else out
    tile_m, tile_n = tile or tile_shape(host().target, a.dtype.name, m, n, k, batch0 * batch1)
    words = np.zeros(len(Arg), np.int64)
    values = {"A": a.ctypes.data, "B": b.ctypes.data, "C": c.ctypes.data, "M": m, "N": n, "K": k}
    values |= {"BATCH0": batch0, "BATCH1": batch1, "TILE_M": tile_m, "TILE_N": tile_n}
    values["MICRO_KERNELS"] = micro_kernels(a.dtype.name).address("micro_kernels")
    matrices: list[tuple[str, np.ndarray, Layout]] = [("A", a, a_layout), ("B", b, b_layout), ("C", c, "row")]
    for name, view, layout in matrices:
        values |= dict(zip((f"{name}_STRIDE", f"{name}_BATCH0", f"{name}_BATCH1"), strides(view, layout), strict=True))
    if prologue is not None:
        callback = PROLOGUE(prologue)
        values |= {"A": 0, "PROLOGUE": ctypes.cast(callback, ctypes.c_void_p).value}
    for name, value in values.items():
        words[Arg[name]] = value
    tiles = list(range(tile_count(m, n, batch0 * batch1, tile_m, tile_n)))
    if shuffle:
        np.random.default_rng(1).shuffle(tiles)
    memory, address = scratch()
    memory.fill(0xFF)
    kernel = KERNEL(library(a.dtype.name, a_layout, b_layout).address("gemm"))
    for index in tiles:
        kernel(words.ctypes.data, index, address)
    return c


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def error_in_units(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The largest error in units of eps * sum |a| |b|; at most the roundings that an element can take part in."""
    wide = np.float64 if c.dtype == np.float32 else np.longdouble
    exact = a.astype(wide) @ b.astype(wide)
    scale = np.abs(a).astype(wide) @ np.abs(b).astype(wide) * np.finfo(c.dtype).eps
    return float(np.max(np.abs(c - exact) / np.maximum(scale, np.finfo(c.dtype).tiny), initial=0.0))


def roundings(k: int, dtype: str) -> int:
    """How many roundings a term of a sum over k goes through at most: its chain's, and the blocks' sum."""
    depth = Blocking.of(host().target, dtype).depth
    return min(k, depth) + -(-k // depth)


def same_bits(x: np.ndarray, y: np.ndarray) -> bool:
    return x.tobytes() == y.tobytes()


@every_dtype
@every_layout
def test_sizes(dtype: str, a_layout: Layout, b_layout: Layout) -> None:
    triples = np.random.default_rng(3).permutation(list(itertools.product(SIZES, SIZES, SIZES)))[:150]
    for m, k, n in [*map(tuple, triples.tolist()), (13, 1100, 40), (200, 700, 70), (1, 1, 1)]:
        a = stored(random((1, 1, m, k), dtype), a_layout, padding=3)
        b = stored(random((1, 1, k, n), dtype, seed=1), b_layout, padding=5)
        c = gemm(a, b, a_layout, b_layout)
        assert error_in_units(c, a, b) <= roundings(k, dtype), (m, k, n)


@every_dtype
@pytest.mark.parametrize("shape", [(1, 700, 40), (3, 60, 70), (12, 64, 64), (50, 1030, 75), (220, 130, 100)])
def test_bits_depend_on_neither_tiles_nor_layouts(dtype: str, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    a, b = random((1, 1, m, k), dtype), random((1, 1, k, n), dtype, seed=1)
    first = gemm(a, b)
    tiles = [(m, n), (1, 1), (5, 7), (12, 32), (13, 16), (200, 64), (24, 4096), (4096, 33)]
    for a_layout, b_layout in itertools.product(LAYOUTS, LAYOUTS):
        # Gaps change alignment, and whether rows are packed for lying a critical distance apart.
        for tile, padding in zip(tiles, (0, 1, 2, 1024 - k % 512, 0, 4, 1024 - k % 512, 7), strict=True):
            views = stored(a, a_layout, padding), stored(b, b_layout, padding)
            assert same_bits(gemm(*views, a_layout, b_layout, tile=tile, shuffle=True), first), (tile, padding)


@every_dtype
def test_bits_follow_the_stated_order(dtype: str) -> None:
    """One product whose every partial sum rounds, against the definition worked in plain NumPy."""
    depth = Blocking.of(host().target, dtype).depth
    k = 2 * depth + 10
    # Small integers times powers of two: products are exact, so a fused multiply-add rounds as an addition does.
    rng = np.random.default_rng(5)
    a = (rng.integers(-9, 9, (1, 1, 1, k)) * 2.0 ** rng.integers(-20, 20, k)).astype(dtype)
    b = np.ldexp(1.0, rng.integers(-20, 20, (1, 1, k, 3))).astype(dtype)
    bounds = [len(part) for part in np.array_split(np.empty(k), -(-k // depth))]
    total = np.zeros(3, dtype)
    start = 0
    for index, size in enumerate(bounds):
        chain = np.zeros(3, dtype)
        for position in range(start, start + size):
            chain = a[0, 0, 0, position] * b[0, 0, position] + chain
        total = chain if index == 0 else total + chain
        start += size
    assert same_bits(gemm(a, b)[0, 0, 0], total)


@every_dtype
@every_layout
def test_batches_and_broadcasting(dtype: str, a_layout: Layout, b_layout: Layout) -> None:
    a = stored(random((3, 1, 14, 20), dtype), a_layout)
    b = stored(random((1, 2, 20, 37), dtype, seed=1), b_layout)
    views = np.broadcast_to(a, (3, 2, 14, 20)), np.broadcast_to(b, (3, 2, 20, 37))
    c = gemm(*views, a_layout, b_layout, tile=(12, 32), shuffle=True)
    for i, j in np.ndindex(3, 2):
        assert same_bits(c[i, j], gemm(a[i : i + 1], b[:, j : j + 1], a_layout, b_layout)[0, 0])
    assert error_in_units(c, *views) <= roundings(20, dtype)


@every_dtype
@every_layout
def test_no_products(dtype: str, a_layout: Layout, b_layout: Layout) -> None:
    a, b = stored(random((1, 1, 14, 0), dtype), a_layout, 1), stored(random((1, 1, 0, 37), dtype), b_layout, 1)
    assert same_bits(gemm(a, b, a_layout, b_layout), np.zeros((1, 1, 14, 37), dtype))


@every_dtype
def test_only_the_result_is_written(dtype: str) -> None:
    memory = np.full((1, 1, 30, 90), 7.0, dtype)
    a, b = random((1, 1, 25, 40), dtype), random((1, 1, 40, 75), dtype, seed=1)
    gemm(a, b, out=memory[:, :, 2:27, 5:80], tile=(11, 20))
    assert same_bits(memory[:, :, 2:27, 5:80], gemm(a, b))
    memory[:, :, 2:27, 5:80] = 7.0
    assert np.all(memory == 7.0)


@every_dtype
@every_layout
def test_nan_and_infinity_propagate(dtype: str, a_layout: Layout, b_layout: Layout) -> None:
    a, b = np.ones((1, 1, 30, 40), dtype), np.ones((1, 1, 40, 50), dtype)
    a[0, 0, 3, 7], a[0, 0, 29, 39] = np.nan, np.inf
    b[0, 0, 20, 49], b[0, 0, 39, 0] = -np.inf, 0.0
    with np.errstate(invalid="ignore"):
        expected = a @ b
    c = gemm(stored(a, a_layout), stored(b, b_layout), a_layout, b_layout)
    np.testing.assert_array_equal(c, expected)


@every_dtype
@pytest.mark.parametrize("k", [30, 1024])
def test_prologue_makes_a(dtype: str, k: int) -> None:
    a, b = random((2, 3, 25, k), dtype), random((2, 3, k, 70), dtype, seed=1)
    rows = a.reshape(-1, k)

    def prologue(_: int | None, row0: int, row1: int, col0: int, col1: int, target: int) -> None:
        block = np.ascontiguousarray(rows[row0:row1, col0:col1])
        ctypes.memmove(target, block.ctypes.data, block.nbytes)

    assert same_bits(gemm(a, b, prologue=prologue, tile=(13, 70)), gemm(a, b))


@pytest.fixture
def guarded() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Copies arrays to memory that ends at a page nobody may read."""
    libc = ctypes.CDLL(None, use_errno=True)
    kept: list[tuple[mmap.mmap, int]] = []

    def place(array: np.ndarray) -> np.ndarray:
        pages = -(-array.nbytes // mmap.PAGESIZE)
        memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
        whole = np.frombuffer(memory, np.uint8)
        guard = whole.ctypes.data + pages * mmap.PAGESIZE
        assert libc.mprotect(ctypes.c_void_p(guard), mmap.PAGESIZE, 0) == 0
        kept.append((memory, guard))
        start = pages * mmap.PAGESIZE - array.nbytes
        view = whole[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        return view

    yield place
    for _, guard in kept:
        libc.mprotect(ctypes.c_void_p(guard), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)


@pytest.mark.skipif(sys.platform == "win32", reason="needs mprotect")
@every_dtype
@every_layout
def test_reads_nothing_beyond_its_operands(
    dtype: str, a_layout: Layout, b_layout: Layout, guarded: Callable[[np.ndarray], np.ndarray]
) -> None:
    for m, k, n in [(1, 1, 1), (1, 40, 32), (7, 3, 37), (13, 17, 33), (12, 16, 50), (30, 512, 100)]:
        a, b = random((1, 1, m, k), dtype), random((1, 1, k, n), dtype, seed=1)
        a_view = guarded(a) if a_layout == "row" else guarded(a.swapaxes(-1, -2).copy()).swapaxes(-1, -2)
        b_view = guarded(b) if b_layout == "row" else guarded(b.swapaxes(-1, -2).copy()).swapaxes(-1, -2)
        out = guarded(np.zeros((1, 1, m, n), dtype))
        assert same_bits(gemm(a_view, b_view, a_layout, b_layout, out=out), gemm(a, b))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@every_dtype
def test_every_target_fits_in_scratch(target: Target, dtype: str) -> None:
    assert "@gemm(" in gemm_module(target, dtype, "row", "col").text()
