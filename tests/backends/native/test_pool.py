"""Pooling kernels against their definitions, bit by bit: sums are of small integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import retrograd as rg
from retrograd.backends.native.pool import pool_module
from retrograd.backends.native.target import TARGETS, Target
from retrograd.core.errors import ShapeError
from retrograd.ops.max_pool import MAX_POOL, MAX_POOL_GATHER, MAX_POOL_SCATTER
from retrograd.ops.sum_pool import SUM_POOL
from tests.support.native_step import Array, run_step, single_step, type_of

_axis = st.fixed_dictionaries(
    {
        "extent": st.integers(1, 9),
        "kernel": st.integers(1, 3),
        "stride": st.integers(1, 3),
        "low": st.integers(0, 2),
        "high": st.integers(0, 2),
        "dilation": st.integers(1, 3),
        "spread": st.integers(1, 3),
    }
)
_axes = st.lists(_axis, min_size=1, max_size=3)
_images = st.tuples(st.integers(1, 3), st.sampled_from((1, 3, 16, 17, 40, 70)))
_seed = st.integers(0, 99)


def _windows(axes: list[dict[str, int]]) -> tuple[Any, ...]:
    kernel, stride, dilation = (tuple(axis[name] for axis in axes) for name in ("kernel", "stride", "dilation"))
    return kernel, stride, tuple((axis["low"], axis["high"]) for axis in axes), dilation


def _data(shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    """Few different numbers, so that windows hold equal maxima; with NaN and infinity among floats."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0 if dtype == "uint8" else -3, 4, shape).astype(dtype)
    if dtype.startswith("float"):
        x[rng.random(shape) < 0.05] = np.nan
        x[rng.random(shape) < 0.1] = -np.inf
    return x


@settings(deadline=None, max_examples=60)
@given(_axes, _images, st.sampled_from(("float32", "float64", "int64", "uint8")), _seed)
def test_maxima(axes: list[dict[str, int]], images: tuple[int, int], dtype: str, seed: int) -> None:
    x, windows = _data((*images, *(axis["extent"] for axis in axes)), dtype, seed), _windows(axes)
    try:
        shape = single_step(MAX_POOL, (type_of(x),), windows).output_types[0].shape
    except ShapeError:
        assume(False)
    np.testing.assert_array_equal(run_step(MAX_POOL, (x,), windows), MAX_POOL.reference(x, *windows))
    places = np.arange(x.size).reshape(x.shape)
    found = run_step(MAX_POOL_GATHER, (places, x), windows)
    np.testing.assert_array_equal(found, MAX_POOL_GATHER.reference(places, x, *windows))
    g = np.random.default_rng(seed).integers(-5, 6, shape).astype(np.float32)
    spread = run_step(MAX_POOL_SCATTER, (g, x), windows)
    np.testing.assert_array_equal(spread, MAX_POOL_SCATTER.reference(g, x, *windows))


@settings(deadline=None, max_examples=60)
@given(_axes, _images, st.sampled_from(("float32", "float64", "int32")), _seed)
def test_sums(axes: list[dict[str, int]], images: tuple[int, int], dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-5, 6, (*images, *(axis["extent"] for axis in axes))).astype(dtype)
    kernel, stride, padding, dilation = _windows([{**axis, "low": axis["low"] - 1} for axis in axes])
    attributes = (kernel, stride, padding, dilation, tuple(axis["spread"] for axis in axes))
    try:
        single_step(SUM_POOL, (type_of(x),), attributes)
    except ShapeError:
        assume(False)
    np.testing.assert_array_equal(run_step(SUM_POOL, (x,), attributes), SUM_POOL.reference(x, *attributes))


@pytest.mark.parametrize("overlapping", [False, True])
def test_bits_depend_on_no_number_of_threads(overlapping: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, 40, 20, 20), np.float32)
    windows = ((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)) if overlapping else ((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    shape = single_step(MAX_POOL, (type_of(x),), windows).output_types[0].shape
    g = rng.standard_normal(shape, np.float32)
    before, results = rg.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            rg.set_num_threads(threads)
            results.append(run_step(MAX_POOL_SCATTER, (g, x), windows).tobytes())
    finally:
        rg.set_num_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("kind", ["max", "sum", "gather", "scatter", "place"])
def test_every_target_has_kernels(target: Target, kind: str) -> None:
    assert "@pool(" in pool_module(target, kind, "float32", "int64" if kind == "gather" else "float32").text()
