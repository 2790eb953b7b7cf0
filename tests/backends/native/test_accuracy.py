"""Sums, products and convolutions against extended precision: |error| <= c eps sum |terms|.

The bound that holds for any order of n additions has c = n / 2. Here c does not grow with n: long sums are cut into
chains that the shape fixes. Equal terms are the hard case, as every addition in a chain rounds the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from tests.support.backends import needs_native
from tests.support.bounded import EXACT, needs_extended_precision
from tests.support.exact_convolution import convolution_and_gradients

pytestmark = [needs_native, needs_extended_precision]

Array = np.ndarray[Any, Any]
# For terms of both signs, and for equal ones; 1.5 and 120 were seen.
C = {"normal": 4, "equal": 256}
DTYPES = ("float32", "float64")
PRIMES = ((1009, 16), (10007, 16), (1_000_003, 4), (100_003,), (3, 10007), (4, 1009, 1009, 2))


def _filled(kind: str, dtype: str, shape: tuple[int, ...], seed: int = 0) -> Array:
    normal = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return normal if kind == "normal" else np.full(shape, 0.1, dtype)


def _check(kind: str, found: Any, exact: Array, terms: Array) -> None:
    error = np.abs(found.numpy() - exact)
    assert np.all(error <= C[kind] * np.finfo(found.numpy().dtype).eps * terms), float((error / terms).max())


def _check_sum(kind: str, dtype: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = _filled(kind, dtype, shape)
    wide = x.astype(EXACT)
    with rg.use_backend("native"):
        _check(kind, rg.tensor(x).sum(axes), wide.sum(axes), np.abs(wide).sum(axes))


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", PRIMES)
def test_sums_of_lengths_that_nothing_divides(kind: str, dtype: str, shape: tuple[int, ...]) -> None:
    _check_sum(kind, dtype, shape, (1, 2) if len(shape) == 4 else (0,))
    _check_sum(kind, dtype, shape, (len(shape) - 1,))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(list(C)), st.sampled_from(DTYPES))
def test_sums_over_any_axes(data: st.DataObject, kind: str, dtype: str) -> None:
    extent = st.one_of(st.integers(1, 9), st.integers(1, 3000))
    shape = data.draw(st.lists(extent, min_size=1, max_size=4).filter(lambda s: np.prod(s) < 3_000_000).map(tuple))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True).map(tuple))
    _check_sum(kind, dtype, shape, axes)


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [1, 16, 301, 1009, 20_000, 100_003])
def test_products_of_matrices(kind: str, dtype: str, depth: int) -> None:
    a, b = _filled(kind, dtype, (7, depth)), _filled(kind, dtype, (depth, 33), seed=1)
    exact, terms = a.astype(EXACT) @ b.astype(EXACT), np.abs(a).astype(EXACT) @ np.abs(b).astype(EXACT)
    with rg.use_backend("native"):
        _check(kind, rg.tensor(a) @ rg.tensor(b), exact, terms)


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("channels", "side", "groups"), [(3, 9, 1), (64, 7, 1), (512, 5, 1), (40, 8, 40), (17, 8, 17)])
def test_convolutions_and_their_gradients(kind: str, dtype: str, channels: int, side: int, groups: int) -> None:
    shapes = (5, channels, side, side), (groups * 2, channels // groups, 3, 3), (5, groups * 2, side, side)
    arrays = [_filled(kind, dtype, shape, seed) for seed, shape in enumerate(shapes)]
    wide = [v.astype(EXACT) for v in arrays]
    exact = convolution_and_gradients(*wide, padding=1, groups=groups)
    terms = convolution_and_gradients(*map(np.abs, wide), padding=1, groups=groups)
    with rg.use_backend("native"):
        x, w = (rg.tensor(v).requires_grad_() for v in arrays[:2])
        y = rg.nn.functional.conv2d(x, w, padding=1, groups=groups)
        found = [y.detach(), *rg.autograd.grad(y, (x, w), rg.tensor(arrays[2]))]
    for got, expected, total in zip(found, exact, terms, strict=True):
        _check(kind, got, expected, total)


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_added_one_by_one(kind: str, dtype: str) -> None:
    """By index, and along an axis, with the bound for any order of n additions: c = n / 2."""
    count, rows = 3001, 20
    x, places = _filled(kind, dtype, (count, 5)), np.random.default_rng(1).integers(0, rows, count)
    wide = x.astype(EXACT)
    added, terms = np.zeros((rows, 5), EXACT), np.zeros((rows, 5), EXACT)
    np.add.at(added, places, wide)
    np.add.at(terms, places, np.abs(wide))
    most = np.bincount(places).max() / 2
    index = rg.tensor(places)
    with rg.use_backend("native"):
        ours, zero = rg.tensor(x), rg.zeros(rows, 5, dtype=getattr(rg, dtype))
        by_rows, by_elements = (
            zero.index_add(0, index, ours),
            zero.scatter_add(0, index[:, None].expand(-1, 5), ours),
        )
        running = ours.cumsum(0)
    eps = np.finfo(dtype).eps
    for found in (by_rows, by_elements):
        assert np.all(np.abs(found.numpy() - added) <= most * eps * terms)
    along = np.arange(1, count + 1)[:, None] / 2
    assert np.all(np.abs(running.numpy() - wide.cumsum(0)) <= along * eps * np.abs(wide).cumsum(0))
