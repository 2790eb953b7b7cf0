"""Reductions against PyTorch: axes, dtypes, forms of the call, what is empty, ties."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch
from tests.support.table import flags, numbers, whole

ARRAYS = {
    "float64": numbers((3, 4, 2), 1),
    "int64": whole((3, 4, 2), 2),
    "int32": whole((3, 4, 2), 3).astype(np.int32),
    "uint8": whole((3, 4, 2), 4, 0, 9).astype(np.uint8),
    "bool": flags((3, 4, 2), 5),
    "ties": whole((3, 4, 2), 6, 0, 3).astype(np.float64),
    "holes": np.where(flags((3, 4, 2), 7), np.nan, numbers((3, 4, 2), 8)),
}
# name -> a call of a module (retrograd or torch) on a tensor
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda m, x: m.sum(x),
    "sum axes": lambda m, x: m.sum(x, (0, -1)),
    "sum keep": lambda m, x: x.sum(1, True),
    "sum of none": lambda m, x: m.sum(x, ()),
    "sum dtype": lambda m, x: m.sum(x, 0, dtype=m.float32),
    "sum axis": lambda m, x: x.sum(axis=1, keepdims=True),
    "prod": lambda m, x: m.prod(x),
    "prod axis": lambda m, x: x.prod(1, keepdim=True),
    "mean": lambda m, x: m.mean(x),
    "mean axes": lambda m, x: x.mean((0, 2), keepdim=True),
    "mean dtype": lambda m, x: m.mean(x, 1, dtype=m.float64),
    "nansum": lambda m, x: m.nansum(x, 1),
    "nanmean": lambda m, x: m.nanmean(x, (0, 1)),
    "var": lambda m, x: m.var(x),
    "var biased": lambda m, x: x.var(False),
    "var axis": lambda m, x: x.var(1, unbiased=False, keepdim=True),
    "var correction": lambda m, x: m.var(x, (0, 1), correction=2),
    "std": lambda m, x: m.std(x, dim=0),
    "std of one": lambda m, x: m.std(x[:1], 0),
    "amax": lambda m, x: m.amax(x, (0, 2)),
    "amin": lambda m, x: x.amin(1, keepdim=True),
    "max": lambda m, x: m.max(x),
    "max values": lambda m, x: m.max(x, 1).values,
    "max indices": lambda m, x: x.max(1, keepdim=True).indices,
    "min values": lambda m, x: m.min(x, -1)[0],
    "max pairwise": lambda m, x: m.max(x, x.flip(0)),
    "aminmax": lambda m, x: m.aminmax(x, dim=1).min,
    "argmax": lambda m, x: m.argmax(x),
    "argmax keep": lambda m, x: m.argmax(x, keepdim=True),
    "argmin": lambda m, x: x.argmin(2),
    "any": lambda m, x: m.any(x, 1),
    "all": lambda m, x: x.all((0, 1)),
    "all of none": lambda m, x: m.all(x, ()),
    "count_nonzero": lambda m, x: m.count_nonzero(x, (0, 2)),
    "logsumexp": lambda m, x: m.logsumexp(x, (0, 1)),
    "norm": lambda m, x: m.norm(x, dim=(0, 1)),
    "norm 1": lambda m, x: x.norm(1, 1, True),
    "dist": lambda m, x: m.dist(x, x.flip(0), 3),
    "trace": lambda m, x: m.trace(x[0]),
}


@needs_torch
@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", CALLS)
def test_against_pytorch(name: str, array: str) -> None:
    import torch  # noqa: PLC0415 - may be missing

    call, x = CALLS[name], ARRAYS[array]
    warnings.simplefilter("ignore")
    try:
        expected = call(torch, torch.tensor(x))
    except (RuntimeError, TypeError):
        pytest.skip("PyTorch refuses this dtype")
    if array == "ties" and "indices" in name:
        pytest.skip("PyTorch names any of the positions")
    found = call(rg, rg.tensor(x))
    assert str(expected.dtype) == f"torch.{found.dtype.name}"
    rtol = 1e-6 if found.dtype is rg.float32 else 1e-12
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=rtol, atol=1e-14)


DIFFERENTIABLE = [
    name
    for name in CALLS
    if name.split()[0] not in ("any", "all", "argmax", "argmin", "count_nonzero", "nansum", "nanmean")
    and "dtype" not in name and "indices" not in name and "of one" not in name
]  # fmt: skip


@needs_torch
@pytest.mark.parametrize("array", ["float64", "ties"])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_against_pytorch(name: str, array: str) -> None:
    import torch  # noqa: PLC0415 - may be missing

    if array == "ties" and name in ("max values", "min values"):
        pytest.skip("PyTorch sends the gradient to any of the positions")
    assert_same(lambda x: CALLS[name](rg, x), lambda x: CALLS[name](torch, x), [ARRAYS[array]])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=0, max_size=4),
    st.sets(st.integers(0, 3)),
    st.booleans(),
    st.sampled_from(["sum", "prod", "mean", "var", "any", "all"]),
)
def test_any_axes_of_any_shape(shape: list[int], axes: set[int], keep: bool, name: str) -> None:
    axes = {axis for axis in axes if axis < len(shape)}
    x = numbers(tuple(shape), 1)
    over = tuple(axes) or tuple(range(len(shape)))
    options = {"ddof": 1} if name == "var" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = getattr(np, name)(x, axis=over, keepdims=keep, **options)
    with rg.use_backend("reference"):
        found = getattr(rg, name)(rg.tensor(x), tuple(axes) or None, keepdim=keep).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_moments_of_equal_elements_have_a_gradient() -> None:
    x = rg.ones(4, dtype=rg.float64, requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0.0] * 4


def test_norms_at_zero_have_the_gradient_zero() -> None:
    for p in (1, 2, 3.0, 0.5, float("inf"), 0):
        x = rg.zeros(3, dtype=rg.float64, requires_grad=True)
        x.norm(p).backward()
        assert x.grad.tolist() == [0.0] * 3, p


def test_distances() -> None:
    a, b = numbers((2, 1, 4, 3)), numbers((5, 3), 1)
    for p in (0.0, 0.5, 1.0, 2.0, 3.0, np.inf):
        difference = a[..., :, None, :] - b[None, :, :]
        expected = np.apply_along_axis(lambda v, p=p: np.linalg.norm(v, p), -1, difference) if p >= 1 or p == 0 else (
            (np.abs(difference) ** p).sum(-1) ** (1 / p)
        )  # fmt: skip
        np.testing.assert_allclose(rg.cdist(rg.tensor(a), rg.tensor(b), p).numpy(), expected, rtol=1e-12)
    assert rg.cdist(rg.ones(2, 0), rg.ones(3, 0)).tolist() == [[0.0] * 3] * 2


def test_two_results_at_once() -> None:
    x = rg.tensor(ARRAYS["float64"])
    for pair, first in ((rg.var_mean, rg.var), (rg.std_mean, rg.std)):
        spread, mean = pair(x, (0, 1), correction=0, keepdim=True)
        assert rg.equal(spread, first(x, (0, 1), correction=0, keepdim=True)) and rg.equal(mean, x.mean((0, 1), True))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.mean(rg.tensor([1])), DTypeError, "floating-point"),
        (lambda: rg.var(rg.tensor([1])), DTypeError, "floating-point"),
        (lambda: rg.amax(rg.ones(0, 3), 0), ShapeError, "empty"),
        (lambda: rg.sum(rg.ones(2), 1), IndexError, "out of range"),
        (lambda: rg.sum(rg.ones(2, 2), (0, 0)), OptionError, "twice"),
        (lambda: rg.cdist(rg.ones(2, 3), rg.ones(2, 4)), ShapeError, "do not fit"),
        (lambda: rg.cdist(rg.ones(2, 3), rg.ones(2, 3), -1), OptionError, "must not be negative"),
        (lambda: rg.norm(rg.ones(2), "max"), OptionError, "must be a number"),
        (lambda: rg.sum([1, 2]), TypeError, "expected a tensor"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
