"""Factories against PyTorch: dtypes, forms of the call, ranges bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

CALLS: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda m: m.zeros(2, 3),
    "zeros by a sequence": lambda m: m.zeros([2, 3], dtype=m.int32),
    "zeros of no axes": lambda m: m.zeros(()),
    "ones": lambda m: m.ones((2,), dtype=m.bool),
    "full": lambda m: m.full((2, 2), 3),
    "full of floats": lambda m: m.full([2], 0.5),
    "full of booleans": lambda m: m.full((2,), True),
    "full with a dtype": lambda m: m.full((2,), 3, dtype=m.float64),
    "full_like": lambda m: m.full_like(m.ones(2, dtype=m.int64), 7),
    "zeros_like": lambda m: m.zeros_like(m.ones(2, 2), dtype=m.int64),
    "new_full": lambda m: m.ones(2, dtype=m.int32).new_full((3,), 4),
    "new_zeros": lambda m: m.ones(2, dtype=m.float64).new_zeros(2, 3),
    "new_ones": lambda m: m.ones(2).new_ones((2,), dtype=m.int64),
    "new_tensor": lambda m: m.ones(2, dtype=m.float64).new_tensor([1, 2]),
    "arange": lambda m: m.arange(5),
    "arange from": lambda m: m.arange(2, 9, 3),
    "arange down": lambda m: m.arange(9, 2, -3),
    "arange of floats": lambda m: m.arange(0, 1, 0.1),
    "arange with a dtype": lambda m: m.arange(3, dtype=m.float64),
    "arange of nothing": lambda m: m.arange(3, 3),
    "arange far out": lambda m: m.arange(2**60, 2**60 + 3),
    "range": lambda m: m.arange(1.0, 4.5, 0.5),
    "linspace": lambda m: m.linspace(-1, 1, 7),
    "linspace of one": lambda m: m.linspace(3, 9, 1),
    "linspace of none": lambda m: m.linspace(3, 9, 0),
    "linspace of integers": lambda m: m.linspace(0, 10, 4, dtype=m.int64),
    "linspace in float64": lambda m: m.linspace(0, 1, 11, dtype=m.float64),
    "logspace": lambda m: m.logspace(-1, 2, 5),
    "logspace to base 2": lambda m: m.logspace(0, 10, 11, base=2.0, dtype=m.float64),
    "eye": lambda m: m.eye(3),
    "eye of another shape": lambda m: m.eye(2, 4, dtype=m.int64),
    "scalar_tensor": lambda m: m.scalar_tensor(3),
    "as_tensor": lambda m: m.as_tensor([[1, 2], [3, 4]], dtype=m.float32),
}


@pytest.mark.parametrize("name", CALLS)
def test_against_pytorch(name: str) -> None:
    found, expected = CALLS[name](rg), CALLS[name](torch)
    assert str(expected.dtype) == f"torch.{found.dtype.name}"
    # A step times its number may be added in one rounding or in two.
    unit = 1.2e-7 if found.dtype is rg.float32 else 2.3e-16
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=10 * unit, atol=unit)


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 50))
def test_linspace_bit_by_bit(start: float, end: float, steps: int) -> None:
    expected = torch.linspace(start, end, steps, dtype=torch.float64).numpy()
    found = rg.linspace(start, end, steps, dtype=rg.float64).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool))
def test_arange_of_integers(start: int, end: int, step: int) -> None:
    if (end - start) * step < 0:
        with pytest.raises(ShapeError, match="no way"):
            rg.arange(start, end, step)
    else:
        assert rg.arange(start, end, step).tolist() == list(range(start, end, step))


def test_gradients_are_asked_for() -> None:
    assert rg.zeros(2, requires_grad=True).requires_grad and rg.arange(2.0, requires_grad=True).requires_grad


def test_data_is_shared_where_it_can_be() -> None:
    array = np.zeros(3, np.float32)
    shared, copied = rg.as_tensor(array), rg.asarray(array, copy=True)
    array[0] = 5
    assert shared.tolist() == [5.0, 0.0, 0.0] and copied.tolist() == [0.0] * 3
    x = rg.ones(2)
    assert rg.as_tensor(x) is x and rg.as_tensor(x, dtype=rg.int64).dtype is rg.int64


def test_results_are_written_out() -> None:
    out = rg.empty(0)
    assert rg.arange(3, out=out) is out and out.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.zeros(-1), ShapeError, "must not be negative"),
        (lambda: rg.zeros(2, device="cuda"), OptionError, "is not there"),
        (lambda: rg.arange(0, 3, 0), ShapeError, "no way"),
        (lambda: rg.arange(0, float("inf")), ShapeError, "no way"),
        (lambda: rg.linspace(0, 1, -1), ShapeError, "must not be negative"),
        (lambda: rg.linspace(0, 1, 2.5), TypeError, ""),
        (lambda: rg.eye(-1), ShapeError, "must not be negative"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
