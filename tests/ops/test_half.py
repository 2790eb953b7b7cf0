"""float16 and bfloat16: every number there and back, arithmetic that rounds once an operation, native and in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
import retrograd.nn.functional as F
from retrograd.core.dtype import DType
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.parity import needs_torch, torch

HALVES = (rg.float16, rg.bfloat16)
EVERY = np.arange(1 << 16, dtype=np.uint16)


@pytest.fixture(params=[(name, tier) for name in BACKENDS for tier in (0, 1)], ids=str)
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_backend(*request.param):
        yield


@pytest.fixture(params=HALVES, ids=repr)
def half(request: pytest.FixtureRequest) -> DType:
    return request.param  # type: ignore[no-any-return]


def numbers() -> np.ndarray[Any, Any]:
    """Any bits, numbers of all sizes, and those where rounding changes its mind."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 50_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    sizes = rng.standard_normal(50_000) * 10.0 ** rng.integers(-9, 6, 50_000)
    small = [0, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0001, 6.1e-5]
    edges = [65504, 65519.9, 65520, 65536, 1e30, np.inf, np.nan, *small]
    with np.errstate(invalid="ignore"):
        halfway = EVERY.view(np.float16).astype(np.float32) * np.float32(1 + 2.0**-11)
    return np.concatenate(
        [bits, sizes.astype(np.float32), np.array([*edges, *np.negative(edges)], np.float32), halfway]
    )


def test_to_float32_is_exact(half: DType, backend: None) -> None:
    found = rg.tensor(EVERY.view(half.numpy)).float().numpy()
    expected = EVERY.view(half.numpy).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_from_float32_rounds_to_even(half: DType, backend: None) -> None:
    found = rg.tensor(numbers()).to(half)._value()
    with np.errstate(over="ignore", invalid="ignore"):
        expected = numbers().astype(half.numpy)
    np.testing.assert_array_equal(found.astype(np.float32), expected.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("other", ["float64", "int64", "int32", "int8", "uint8", "bool", "float16", "bfloat16"])
def test_other_dtypes(half: DType, other: str, backend: None) -> None:
    """The way is over float32."""
    values = np.array([0, 1, 1.5, 3, 77, 100])
    given = values.astype(rg.core.dtype.DTYPES[other].numpy)
    assert rg.tensor(given).to(half).tolist() == given.astype(np.float32).astype(half.numpy).tolist()
    back = rg.tensor(values.astype(half.numpy)).to(getattr(rg, other))
    assert back.tolist() == values.astype(half.numpy).astype(np.float32).astype(given.dtype).tolist()


def _softmax(x: Any) -> Any:
    return x.softmax(-1)


def _normalised(x: Any) -> Any:
    return F.layer_norm(x, (8,))


def _product(x: Any) -> Any:
    return x @ x.transpose(-1, -2)


OPERATIONS: list[Callable[[Any], Any]] = [
    lambda x: x + x, lambda x: x * x, lambda x: x / 3, lambda x: x.exp(), lambda x: x.sum(-1), lambda x: x.mean(),
    lambda x: x.relu(), lambda x: x.max(-1).values, lambda x: x.cumsum(0), lambda x: x[1:, ::2], lambda x: x.var(0),
    _softmax, _normalised, _product,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_rounds_once(operation: Callable[[Any], Any], half: DType, backend: None) -> None:
    values = np.linspace(-2, 2, 64, dtype=np.float32).reshape(8, 8).astype(half.numpy)
    x = rg.tensor(values, requires_grad=True)
    wide = rg.tensor(values.astype(np.float32), requires_grad=True)
    found, exact = operation(x), operation(wide)
    assert found.dtype is half
    np.testing.assert_array_equal(found.detach()._value(), exact.detach()._value().astype(half.numpy))
    found.float().sum().backward()
    exact.sum().backward()
    assert x.grad.dtype is half
    step = rg.finfo(half).eps
    np.testing.assert_allclose(x.grad.float().numpy(), wide.grad.numpy(), rtol=4 * step, atol=4 * step)


@needs_torch
def test_a_training_step_equals_pytorch(half: DType, backend: None) -> None:
    """A network in 16 bits, its gradients within a few roundings of PyTorch's."""
    values = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)

    def train(lib: Any) -> list[Any]:
        lib.manual_seed(0)
        dtype = getattr(lib, half.name)
        model = lib.nn.Sequential(lib.nn.Linear(5, 8), lib.nn.Tanh(), lib.nn.Linear(8, 3)).to(dtype)
        optimizer = lib.optim.SGD(model.parameters(), lr=0.25)
        for _ in range(3):
            optimizer.zero_grad()
            lib.nn.functional.cross_entropy(model(lib.tensor(values).to(dtype)), lib.arange(6) % 3).backward()
            optimizer.step()
        return [x.detach().float().numpy() for p in model.parameters() for x in (p, p.grad)]

    step = rg.finfo(half).eps
    for ours, theirs in zip(train(rg), train(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=8 * step, atol=4 * step)


def test_numbers_as_runtime_inputs(half: DType, backend: None) -> None:
    x = rg.ones(3, dtype=half)
    for number in (2, 0.5, 1e6, -3):
        expected = np.float32(1) * np.float32(number)
        with np.errstate(over="ignore"):
            assert (x * number).tolist() == [float(expected.astype(half.numpy))] * 3


def test_in_place_and_views(half: DType, backend: None) -> None:
    x = rg.zeros(4, 4, dtype=half)
    x[1:3, ::2] += 1.5
    x.t()[0].fill_(-2)
    assert x.tolist() == [[-2, 0, 0, 0], [-2, 0, 1.5, 0], [-2, 0, 1.5, 0], [-2, 0, 0, 0]]
