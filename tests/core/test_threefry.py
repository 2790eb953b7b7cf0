"""Threefry against the vectors that its authors publish, against Python's integers, and against JAX."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from retrograd.core.threefry import bits_at, derive_key, halves, threefry
from tests.support import rows_random

try:
    import jax
except ImportError:
    jax = None

WORDS = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(key: tuple[int, int], counter: tuple[int, int], expected: tuple[int, int]) -> None:
    assert tuple(int(word) for word in threefry(key, counter)) == expected
    assert rows_random.threefry(key, counter) == expected


@given(WORDS, WORDS)
def test_equals_integer_arithmetic(key: tuple[int, int], counter: tuple[int, int]) -> None:
    assert tuple(int(word) for word in threefry(key, counter)) == rows_random.threefry(key, counter)


def test_halves_of_negative_numbers() -> None:
    high, low = halves(np.array([-1, 1 << 32, -(2**63)]))
    assert high.tolist() == [0xFFFFFFFF, 1, 1 << 31]
    assert low.tolist() == [0xFFFFFFFF, 0, 0]


@pytest.mark.skipif(jax is None, reason="JAX is not installed")
@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (7, 3), (123456, 99), (2**31 - 1, 12345)])
def test_streams_are_those_of_jax(seed: int, stream: int) -> None:
    with jax.threefry_partitionable(True):
        key = jax.random.fold_in(jax.random.PRNGKey(seed), stream)
        expected = np.asarray(jax.random.bits(key, (1000,), "uint32"))
    found = bits_at(derive_key(seed, stream), np.arange(1000))
    np.testing.assert_array_equal(found.view(np.uint32), expected)


def test_bits_look_like_noise() -> None:
    """Every bit is 1 half the time, and neighbours, streams and seeds have nothing in common."""
    count = 1 << 14
    rows = np.stack([bits_at(derive_key(seed, stream), np.arange(count)) for seed in (0, 1) for stream in (0, 1)])
    bits = rows.view(np.uint32)[..., None] >> np.arange(32, dtype=np.uint32) & 1
    spread = 5 / np.sqrt(count)
    assert np.abs(2 * bits.mean(axis=1) - 1).max() < spread
    signs = 2.0 * bits - 1
    assert np.abs((signs[:, 1:] * signs[:, :-1]).mean(axis=1)).max() < spread
    for a in range(4):
        for b in range(a):
            assert np.abs((signs[a] * signs[b]).mean(axis=0)).max() < spread
