"""Convolution kernels: every combination of attributes against the definition, bounds of errors, and the same bits."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import retrograd as rg
from retrograd.backends.native.conv_depthwise import depthwise_module, depthwise_weight_module
from retrograd.backends.native.conv_direct import CHAIN, direct_module
from retrograd.backends.native.conv_micro import conv_blocking, micro_groups, micro_module
from retrograd.backends.native.conv_pack import pack_module, winograd_pack_module
from retrograd.backends.native.conv_weight import weight_module
from retrograd.backends.native.conv_winograd import winograd_module
from retrograd.backends.native.conv_winograd_weight import winograd_weight_module
from retrograd.backends.native.target import TARGETS, Target
from retrograd.core.buffer import Buffer
from retrograd.core.errors import ShapeError
from retrograd.ops.conv import CONVOLUTION
from tests.support.native_step import Array, compiled, kernels_of, run_step, single_step, type_of

Attributes = tuple[Any, ...]
PLAIN: Attributes = ((1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 1)
# The matrices of Winograd's transforms, by absolute value.
B = np.abs([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]])
A = np.abs([[1, 0], [1, 1], [1, -1], [0, -1]])


def normal(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def exact(x: Array, w: Array, attributes: Attributes) -> Array:
    return np.asarray(CONVOLUTION.reference(x.astype(np.longdouble), w.astype(np.longdouble), *attributes))


def check(x: Array, w: Array, attributes: Attributes) -> None:
    """The error is at most that of any order of adding up rounded products."""
    y = run_step(CONVOLUTION, (x, w), attributes)
    terms = exact(np.abs(x), np.abs(w), attributes)
    limit = np.finfo(x.dtype).eps * (w[0].size + 1) * terms
    assert np.all(np.abs(y - exact(x, w, attributes)) <= limit)


# -- every attribute --------------------------------------------------------------------------------------------------

_axis = st.fixed_dictionaries(
    {
        "extent": st.integers(1, 11),
        "kernel": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "low": st.integers(-2, 3),
        "high": st.integers(-2, 3),
        "spread": st.integers(1, 3),
        "dilation": st.integers(1, 3),
    }
)
_channels = st.tuples(st.integers(1, 4), st.integers(1, 5), st.sampled_from((1, 2, 5, 16, 17, 33)))


def _attributes(axes: list[dict[str, int]], groups: int) -> Attributes:
    def of(name: str) -> tuple[int, ...]:
        return tuple(axis[name] for axis in axes)

    return (of("stride"), tuple(zip(of("low"), of("high"), strict=True)), of("spread"), of("dilation"), groups)


def _allowed(x: Array, w: Array, attributes: Attributes) -> bool:
    try:
        single_step(CONVOLUTION, (type_of(x), type_of(w)), attributes)
    except ShapeError:
        return False
    return True


@settings(deadline=None, max_examples=80)
@given(st.lists(_axis, min_size=1, max_size=3), _channels, st.integers(1, 3), st.sampled_from(("float32", "float64")))
def test_every_attribute(axes: list[dict[str, int]], channels: tuple[int, int, int], batch: int, dtype: str) -> None:
    groups, per_group, out = channels
    x = normal((batch, groups * per_group, *(axis["extent"] for axis in axes)), dtype)
    w = normal((groups * out, per_group, *(axis["kernel"] for axis in axes)), dtype, seed=1)
    attributes = _attributes(axes, groups)
    assume(_allowed(x, w, attributes))
    check(x, w, attributes)


@settings(deadline=None, max_examples=60)
@given(st.lists(_axis, min_size=1, max_size=3), _channels, st.integers(1, 5), st.sampled_from(("float32", "float64")))
def test_kernels_larger_than_the_result(
    axes: list[dict[str, int]], channels: tuple[int, int, int], batch: int, dtype: str
) -> None:
    """As gradients of weights are; here `kernel` is the extent of the result."""
    groups, per_group, out = channels
    extents = []
    for axis in axes:
        span = (axis["kernel"] - 1) * axis["stride"] + (axis["extent"] - 1) * axis["dilation"]
        extents.append(max((span - axis["low"] - axis["high"]) // axis["spread"] + 1, 1))
    x = normal((batch, groups * per_group, *extents), dtype)
    w = normal((groups * out, per_group, *(axis["extent"] for axis in axes)), dtype, seed=1)
    attributes = _attributes(axes, groups)
    assume(_allowed(x, w, attributes))
    check(x, w, attributes)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(_axis, min_size=1, max_size=3),
    st.sampled_from((2, 5, 16, 40, 70)),
    st.integers(1, 3),
    st.sampled_from(("float32", "float64")),
    st.booleans(),
)
def test_a_kernel_for_each_channel(
    axes: list[dict[str, int]], channels: int, batch: int, dtype: str, of_weights: bool
) -> None:
    extents, kernel = (tuple(axis[name] for axis in axes) for name in ("extent", "kernel"))
    x = normal((1, channels * batch, *extents) if of_weights else (batch, channels, *extents), dtype)
    w = normal((channels, batch, *extents) if of_weights else (channels, 1, *kernel), dtype, seed=1)
    attributes = _attributes(axes, channels)
    assume(_allowed(x, w, attributes))
    check(x, w, attributes)


def test_empty_convolutions_are_zero() -> None:
    for x, w in [((0, 2, 5, 5), (3, 2, 3, 3)), ((2, 0, 5, 5), (3, 0, 3, 3)), ((2, 2, 5, 5), (0, 2, 3, 3))]:
        y = run_step(CONVOLUTION, (np.ones(x, np.float32), np.ones(w, np.float32)), PLAIN)
        assert not y.any()


@pytest.mark.parametrize("spread", [1, 2])
def test_rows_too_long_for_scratch(spread: int) -> None:
    x, w = normal((1, 24, 60_000)), normal((2, 24, 3), seed=1)
    check(x, w, ((1,), ((2, 2),), (spread,), (1,), 1))
    data, kernel = normal((20, 1, 60_000)), normal((20, 1, 60_000 * spread), seed=1)
    check(data, kernel, ((1,), ((1, 1 + (spread - 1)),), (spread,), (1,), 1))


# -- Winograd's transforms --------------------------------------------------------------------------------------------

_shape = st.tuples(
    st.integers(1, 5), st.sampled_from((16, 17, 24, 33, 64)), st.sampled_from((16, 31, 32, 48, 70)),
    st.sampled_from((6, 7, 8, 9, 11, 16)), st.sampled_from((6, 7, 8, 9, 13, 22)),
    st.integers(-1, 2), st.integers(-1, 2),
)  # fmt: skip


def _patches(x: Array, side: int, low: tuple[int, int], grid: tuple[int, int]) -> Array:
    """(batch, channels, grid, side, side) from the absolute values of x: the tiles that transforms see."""
    height, width = (2 * (n - 1) + side for n in grid)
    room = np.zeros((*x.shape[:2], max(height, x.shape[2] + low[0] + 2), max(width, x.shape[3] + low[1] + 2)))
    rows, columns = (
        slice(max(pad, 0), max(pad, 0) + n - max(-pad, 0)) for pad, n in zip(low, x.shape[2:], strict=True)
    )
    room[:, :, rows, columns] = np.abs(x)[:, :, max(-low[0], 0) :, max(-low[1], 0) :]
    windows = np.lib.stride_tricks.sliding_window_view(room[:, :, :height, :width], (side, side), (2, 3))
    return windows[:, :, ::2, ::2]


def _grid(out: tuple[int, int]) -> tuple[int, int]:
    return -(-out[0] // 2), -(-out[1] // 2)


@settings(deadline=None, max_examples=25)
@given(_shape)
def test_transformed_convolution(shape: tuple[int, ...]) -> None:
    batch, channels, out, height, width, low_h, low_w = shape
    x, w = normal((batch, channels, height, width)), normal((out, channels, 3, 3), seed=1)
    attributes: Attributes = ((1, 1), ((low_h, 1), (low_w, 1)), (1, 1), (1, 1), 1)
    graph = single_step(CONVOLUTION, (type_of(x), type_of(w)), attributes)
    rows, columns = graph.output_types[0].shape[2:]
    assume(4 * np.prod(_grid((rows, columns))) <= 1.35 * rows * columns)
    assert "conv.winograd" in kernels_of(compiled(graph))
    y = run_step(CONVOLUTION, (x, w), attributes)
    d = np.einsum("pi,qj,ncghij->ncghpq", B, B, _patches(x, 4, (low_h, low_w), _grid((rows, columns))))
    u = np.einsum("pi,qj,ocij->ocpq", G, G, np.abs(w.astype(float)))
    bound = np.einsum("pa,qb,ncghpq,ocpq->nogahb", A, A, d, u, optimize=True)
    bound = bound.reshape(batch, out, 2 * d.shape[2], 2 * d.shape[3])[:, :, :rows, :columns]
    limit = np.finfo(np.float32).eps * (channels + 12) * bound
    assert np.all(np.abs(y - exact(x, w, attributes)) <= limit)


@settings(deadline=None, max_examples=25)
@given(_shape)
def test_transformed_gradient_of_weights(shape: tuple[int, ...]) -> None:
    batch, channels, out, rows, columns, low_h, low_w = shape
    x = normal((channels, batch, rows, columns))
    extents = rows + low_h, columns + low_w
    assume(min(extents) >= 4 and 4 * np.prod(_grid(extents)) <= 1.35 * extents[0] * extents[1])
    g = normal((out, batch, *extents), seed=1)
    attributes: Attributes = ((1, 1), ((low_h, 2), (low_w, 2)), (1, 1), (1, 1), 1)
    graph = single_step(CONVOLUTION, (type_of(x), type_of(g)), attributes)
    assert graph.output_types[0].shape[2:] == (3, 3)
    assert "conv.winograd_weight" in kernels_of(compiled(graph))
    y = run_step(CONVOLUTION, (x, g), attributes)
    v = np.einsum("pi,qj,cnghij->cnghpq", B, B, _patches(x, 4, (low_h, low_w), _grid(extents)))
    u = np.einsum("pa,qb,onghab->onghpq", A, A, _patches(g, 2, (0, 0), _grid(extents)))
    bound = np.einsum("pi,qj,cnghpq,onghpq->coij", G, G, v, u, optimize=True)
    limit = np.finfo(np.float32).eps * (batch * np.prod(_grid(extents)) + 12) * bound
    assert np.all(np.abs(y - exact(x, g, attributes)) <= limit)


def test_transforms_are_for_float32_alone() -> None:
    for dtype, kernel in (("float32", "conv.winograd"), ("float64", "conv.direct")):
        x, w = normal((2, 32, 8, 8), dtype), normal((32, 32, 3, 3), dtype)
        assert kernel in kernels_of(compiled(single_step(CONVOLUTION, (type_of(x), type_of(w)), PLAIN)))


# -- bits -------------------------------------------------------------------------------------------------------------

_CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], Attributes]] = {
    "direct": ((5, 20, 19, 23), (40, 20, 3, 3), ((2, 2), ((1, 1), (1, 1)), (1, 1), (1, 1), 1)),
    "long chains": ((3, 150, 9, 9), (33, 150, 3, 3), ((2, 2), ((1, 1), (1, 1)), (1, 1), (1, 1), 1)),
    "spread": ((4, 24, 9, 8), (12, 24, 3, 3), ((1, 1), ((1, 2), (1, 2)), (2, 2), (1, 1), 1)),
    "depthwise": ((9, 40, 16, 15), (40, 1, 3, 3), ((1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 40)),
    "depthwise weights": ((1, 160, 16, 15), (40, 4, 16, 15), ((1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 40)),
    "winograd": ((9, 32, 16, 15), (40, 32, 3, 3), PLAIN),
    "weights": ((20, 7, 30, 31), (24, 7, 15, 15), ((1, 1), ((1, 1), (1, 1)), (1, 1), (2, 2), 1)),
    "winograd weights": ((20, 12, 30, 30), (24, 12, 30, 30), PLAIN),
}


@pytest.mark.parametrize("name", list(_CASES))
def test_bits_depend_on_no_number_of_threads(name: str) -> None:
    x_shape, w_shape, attributes = _CASES[name]
    x, w = normal(x_shape), normal(w_shape, seed=1)
    before, results = rg.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            rg.set_num_threads(threads)
            results += [run_step(CONVOLUTION, (x, w), attributes, tier).tobytes() for tier in (0, 1)]
    finally:
        rg.set_num_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("channels", [20, 300])
def test_bits_follow_the_stated_order(channels: int) -> None:
    """Taps of rows in turn, each a run of columns' taps and channels; cut into chains that the shape fixes."""
    # Small integers times powers of two: products are exact, so a fused multiply-add rounds as an addition does.
    rng = np.random.default_rng(5)
    x = (rng.integers(-9, 9, (1, channels, 6, 7)) * 2.0 ** rng.integers(-20, 20, (1, channels, 6, 7))).astype(
        np.float32
    )
    w = np.ldexp(1.0, rng.integers(-20, 20, (2, channels, 3, 2))).astype(np.float32)
    y = run_step(CONVOLUTION, (x, w), ((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1))
    blocks = min(-(-6 * channels // CHAIN), 3)
    bounds = [3 * block // blocks for block in range(blocks + 1)]
    for o, p, q in itertools.product(range(2), range(4), range(6)):
        total = np.float32(0)
        for first, last in itertools.pairwise(bounds):
            chain = np.float32(0)
            for r, s, c in itertools.product(range(first, last), range(2), range(channels)):
                chain = x[0, c, p + r, q + s] * w[o, c, r, s] + chain
            total = chain if first == 0 else total + chain
        assert y[0, o, p, q].tobytes() == total.tobytes()


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded() -> Iterator[Callable[[Array], Buffer]]:
    """Buffers over memory that ends at a page nobody may read."""
    libc = ctypes.CDLL(None, use_errno=True)
    kept: list[tuple[mmap.mmap, int]] = []

    def place(array: Array) -> Buffer:
        pages = -(-array.nbytes // mmap.PAGESIZE)
        memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
        whole = np.frombuffer(memory, np.uint8)
        guard = whole.ctypes.data + pages * mmap.PAGESIZE
        assert libc.mprotect(ctypes.c_void_p(guard), mmap.PAGESIZE, 0) == 0
        kept.append((memory, guard))
        start = pages * mmap.PAGESIZE - array.nbytes
        view = whole[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        return Buffer.over(view, type_of(array))

    yield place
    for _, guard in kept:
        libc.mprotect(ctypes.c_void_p(guard), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)


_POINTS: Attributes = ((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs mprotect")
@pytest.mark.parametrize(
    ("x", "w", "attributes"),
    [
        ((2, 1, 9, 9), (5, 1, 3, 3), _POINTS),
        ((1, 7, 1, 40), (17, 7, 1, 1), _POINTS),
        ((2, 1, 20, 20), (1, 1, 3, 3), PLAIN),
        ((1, 17, 8, 8), (17, 17, 3, 3), PLAIN),
        ((1, 1, 30, 30), (5, 1, 28, 28), _POINTS),
        ((17, 1, 8, 8), (17, 1, 8, 8), PLAIN),
    ],
)
def test_reads_nothing_beyond_its_operands(
    x: tuple[int, ...], w: tuple[int, ...], attributes: Attributes, guarded: Callable[[Array], Buffer]
) -> None:
    data, kernel = normal(x), normal(w, seed=1)
    graph = single_step(CONVOLUTION, (type_of(data), type_of(kernel)), attributes)
    output = guarded(np.zeros(graph.output_types[0].shape, np.float32))
    compiled(graph).run([guarded(data), guarded(kernel)], [output])
    assert output.array().tobytes() == run_step(CONVOLUTION, (data, kernel), attributes).tobytes()


# -- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("columns", "rows"), [(1, 9), (100, 9), (100, 2)])
def test_every_target_has_kernels(target: Target, dtype: str, columns: int, rows: int) -> None:
    blocking = conv_blocking(target, dtype, columns, rows)
    assert blocking.rows * blocking.vectors + blocking.vectors + 1 <= target.registers
    for module in (
        depthwise_module, depthwise_weight_module, direct_module,
        weight_module, winograd_module, winograd_weight_module,
    ):  # fmt: skip
        assert "@conv(" in module(target, blocking).text()
    table = [(vectors, count) for rows, vectors in micro_groups(blocking) for count in rows]
    assert table == [(v, r) for v in range(1, blocking.vectors + 1) for r in range(1, blocking.rows + 1)]
    for rows, vectors in micro_groups(blocking):
        micro = micro_module(target, blocking, rows, vectors).text()
        assert all(f"@segments_{count}x{vectors}(" in micro for count in rows)
    for module in (pack_module, winograd_pack_module):
        assert "@pack(" in module(target, blocking).text()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolutions_of_all_widths_share_micro_kernels(target: Target, dtype: str) -> None:
    texts: dict[tuple[range, int], set[str]] = {}
    for columns, count in ((1, 9), (100, 9), (100, 2)):
        blocking = conv_blocking(target, dtype, columns, count)
        for rows, vectors in micro_groups(blocking):
            texts.setdefault((rows, vectors), set()).add(micro_module(target, blocking, rows, vectors).text())
    assert all(len(different) == 1 for different in texts.values())
    assert len({(count, vectors) for rows, vectors in texts for count in rows}) == sum(len(rows) for rows, _ in texts)


_ON_TARGET = """
import numpy as np
from tests.backends.native.test_conv import _CASES, exact, normal, run_step, CONVOLUTION
for x_shape, w_shape, attributes in _CASES.values():
    x, w = normal(x_shape), normal(w_shape, seed=1)
    y, expected = run_step(CONVOLUTION, (x, w), attributes), exact(x, w, attributes)
    np.testing.assert_allclose(y, expected.astype(float), rtol=0, atol=1e-5 * np.abs(expected).max().astype(float))
"""


@pytest.mark.parametrize("target", ["avx2", "plain"])
def test_kernels_of_lesser_targets(target: str) -> None:
    if target == "avx2" and TARGETS[1].name not in _suitable():
        pytest.skip("the CPU is of another kind")
    environment = {**os.environ, "RETROGRAD_TARGET": target, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", _ON_TARGET], check=True, env=environment, timeout=300)


def _suitable() -> list[str]:
    from retrograd.backends.native.compiler import llvm  # noqa: PLC0415 -- only here

    features = dict(llvm().get_host_cpu_features())
    return [target.name for target in TARGETS if all(features.get(name) for name in target.features)]
