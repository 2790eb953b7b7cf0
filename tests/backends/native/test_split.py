"""Long reductions, cut into passes and chunks: at lengths around every limit, and where little is left over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

import retrograd as rg

# 65537 and 2049 have no divisor that makes a chunk, and leave one element over.
INNER_LENGTHS = [32767, 32768, 32769, 49153, 65537, 65538, 81919]
OUTER_LENGTHS = [1023, 1024, 1025, 2047, 2049, 2053, 3073]


def numbers(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def assert_reduces(x: NDArray[np.float32], axis: int) -> None:
    given_x = rg.from_numpy(x)
    np.testing.assert_array_equal(given_x.amax(axis).numpy(), x.max(axis))
    np.testing.assert_array_equal(given_x.amin(axis).numpy(), x.min(axis))
    exact = x.astype(np.float64).sum(axis)
    bound = 4 * np.finfo(np.float32).eps * np.abs(x).sum(axis, dtype=np.float64)
    assert np.all(np.abs(given_x.sum(axis).numpy() - exact) <= bound)


@pytest.mark.parametrize("length", INNER_LENGTHS)
def test_last_axis(length: int) -> None:
    assert_reduces(numbers(2, length), 1)


@pytest.mark.parametrize("length", OUTER_LENGTHS)
def test_first_axis(length: int) -> None:
    assert_reduces(numbers(length, 3), 0)


@pytest.mark.parametrize("length", [2049, 65537])
def test_products(length: int) -> None:
    x = 1 + numbers(length) / np.float32(length)
    # Each of the products but the first rounds by half a unit at most.
    bound = length * np.finfo(np.float32).eps / 2
    np.testing.assert_allclose(rg.from_numpy(x).prod().numpy(), np.prod(x, dtype=np.float64), rtol=bound)


@pytest.mark.parametrize("length", [2049, 2305])
def test_gradients_of_bias(length: int) -> None:
    x = rg.from_numpy(numbers(length, 4))
    layer = rg.nn.Linear(4, 3)
    layer(x).pow(2).sum().backward()
    y = (x @ layer.weight.T + layer.bias).detach().numpy().astype(np.float64)
    assert layer.bias.grad is not None
    np.testing.assert_allclose(layer.bias.grad.numpy(), 2 * y.sum(0), rtol=1e-4, atol=1e-2)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 3000), columns=st.integers(1, 5), axis=st.integers(0, 1))
def test_any_length(rows: int, columns: int, axis: int) -> None:
    assert_reduces(numbers(rows, columns), axis)
    assert_reduces(numbers(columns, rows), axis)
