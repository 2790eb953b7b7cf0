"""Sums, products and convolutions against double precision: |error| <= c eps sum |terms|.

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

pytestmark = needs_native

Array = np.ndarray[Any, Any]
# For terms of both signs, and for equal ones; 1.5 and 120 were seen.
C = {"normal": 4, "equal": 256}
PRIMES = ((1009, 16), (10007, 16), (1_000_003, 4), (100_003,), (3, 10007), (4, 1009, 1009, 2))


def _filled(kind: str, shape: tuple[int, ...], seed: int = 0) -> Array:
    normal = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return normal if kind == "normal" else np.full(shape, 0.1, np.float32)


def _check(kind: str, found: Any, exact: Array, terms: Array) -> None:
    error = np.abs(found.numpy() - exact)
    assert np.all(error <= C[kind] * float(np.finfo(np.float32).eps) * terms), float((error / terms).max())


def _check_sum(kind: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = _filled(kind, shape)
    wide = x.astype(np.float64)
    with rg.use_backend("native"):
        _check(kind, rg.tensor(x).sum(axes), wide.sum(axes), np.abs(wide).sum(axes))


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("shape", PRIMES)
def test_sums_of_lengths_that_nothing_divides(kind: str, shape: tuple[int, ...]) -> None:
    _check_sum(kind, shape, (1, 2) if len(shape) == 4 else (0,))
    _check_sum(kind, shape, (len(shape) - 1,))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(list(C)))
def test_sums_over_any_axes(data: st.DataObject, kind: str) -> None:
    extent = st.one_of(st.integers(1, 9), st.integers(1, 3000))
    shape = data.draw(st.lists(extent, min_size=1, max_size=4).filter(lambda s: np.prod(s) < 3_000_000).map(tuple))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True).map(tuple))
    _check_sum(kind, shape, axes)


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize("depth", [1, 16, 301, 1009, 20_000, 100_003])
def test_products_of_matrices(kind: str, depth: int) -> None:
    a, b = _filled(kind, (7, depth)), _filled(kind, (depth, 33), seed=1)
    exact, terms = a.astype(float) @ b.astype(float), np.abs(a).astype(float) @ np.abs(b).astype(float)
    with rg.use_backend("native"):
        _check(kind, rg.tensor(a) @ rg.tensor(b), exact, terms)


@pytest.mark.parametrize("kind", list(C))
@pytest.mark.parametrize(("channels", "side", "groups"), [(3, 9, 1), (64, 7, 1), (512, 5, 1), (40, 8, 40), (17, 8, 17)])
def test_convolutions_and_their_gradients(kind: str, channels: int, side: int, groups: int) -> None:
    x, w = _filled(kind, (5, channels, side, side)), _filled(kind, (groups * 2, channels // groups, 3, 3), seed=1)

    def all_three(x: Any, w: Any, weight: Any) -> list[Any]:
        x, w = (rg.tensor(v).requires_grad_() for v in (x, w))
        y = rg.nn.functional.conv2d(x, w, padding=1, groups=groups)
        return [y.detach(), *rg.autograd.grad(y, (x, w), rg.tensor(weight))]

    weight = _filled(kind, (5, groups * 2, side, side), seed=2)
    with rg.use_backend("reference"):
        exact = all_three(x.astype(float), w.astype(float), weight.astype(float))
        terms = all_three(*(np.abs(v).astype(float) for v in (x, w, weight)))
    with rg.use_backend("native"):
        found = all_three(x, w, weight)
    for got, expected, total in zip(found, exact, terms, strict=True):
        _check(kind, got, expected.numpy(), total.numpy())
