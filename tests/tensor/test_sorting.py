"""Orders, sums along an axis, and counts, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

pytest.importorskip("torch")

import retrograd as rg
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.comparison import check, check_refusal

pytestmark = pytest.mark.parity

_settings = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
_shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
_seeds = st.integers(0, 99)
NAN = float("nan")


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def _numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=shape)


def _with_ties(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 3, shape).astype(np.float64)


DISTINCT: dict[str, Callable[..., Any]] = {
    "sort": lambda lib, x, d: x.sort(dim=d),
    "descending": lambda lib, x, d: x.sort(dim=d, descending=True),
    "argsort": lambda lib, x, d: x.argsort(d),
    "msort": lambda lib, x, d: lib.msort(x),
    "topk": lambda lib, x, d: x.topk(1 + x.shape[d] // 2, d),
    "bottom": lambda lib, x, d: x.topk(1, d, largest=False),
    "kthvalue": lambda lib, x, d: x.kthvalue(x.shape[d], d, keepdim=True),
    "median": lambda lib, x, d: x.median(d),
    "nanmedian": lambda lib, x, d: x.nanmedian(d, keepdim=True),
    "median of all": lambda lib, x, d: x.median(),
    "quantile": lambda lib, x, d: x.quantile(lib.tensor([0.2, 0.9], dtype=lib.float64), d),
    "nanquantile": lambda lib, x, d: lib.nanquantile(x, 0.3, d, keepdim=True),
    "quantile of all": lambda lib, x, d: x.quantile(0.4, interpolation="midpoint", keepdim=True),
}
TIED: dict[str, Callable[..., Any]] = {
    "sort": lambda lib, x, d: x.sort(dim=d, stable=True),
    "descending": lambda lib, x, d: x.sort(dim=d, descending=True, stable=True),
    "mode": lambda lib, x, d: x.mode(d),
    "median of all": lambda lib, x, d: x.median(),
    "cummax": lambda lib, x, d: x.cummax(d),
    "cummin": lambda lib, x, d: x.cummin(d),
    "cumsum": lambda lib, x, d: x.cumsum(d),
    "cumprod": lambda lib, x, d: x.cumprod(d),
    "logcumsumexp": lambda lib, x, d: x.logcumsumexp(d),
    "diff": lambda lib, x, d: x.diff(2, d, prepend=x, append=x),
}


@_settings
@given(shape=_shapes, seed=_seeds, name=st.sampled_from(sorted(DISTINCT)), data=st.data())
def test_orders_of_distinct_elements(shape: tuple[int, ...], seed: int, name: str, data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    check(lambda lib, x: DISTINCT[name](lib, x, axis), _numbers(shape, seed))


@_settings
@given(shape=_shapes, seed=_seeds, name=st.sampled_from(sorted(TIED)), data=st.data())
def test_equal_elements(shape: tuple[int, ...], seed: int, name: str, data: Any) -> None:
    """Zeros among them too, where the gradient of a product divides by nothing."""
    axis = data.draw(st.integers(0, len(shape) - 1))
    check(lambda lib, x: TIED[name](lib, x, axis), _with_ties(shape, seed))


_odd = np.array([[NAN, 1.0, 2.0, NAN], [3.0, -np.inf, np.inf, 0.0], [NAN, NAN, NAN, NAN]])


@pytest.mark.parametrize(
    "form",
    [
        lambda lib, x: x.detach().sort(dim=1, stable=True),
        lambda lib, x: x.detach().sort(dim=1, descending=True, stable=True),
        lambda lib, x: x.detach().median(1).values,
        lambda lib, x: x.detach().nanmedian(1).values,
        lambda lib, x: x.detach().cummax(1),
        lambda lib, x: x.detach().cummin(1),
        lambda lib, x: x.detach().quantile(0.5, 1),
        lambda lib, x: x.detach().nanquantile(0.5, 1),
        lambda lib, x: x.detach().median(),
        lambda lib, x: x.detach().topk(1, 0).values,
    ],
)
def test_nan_comes_after_all_numbers(form: Callable[..., Any]) -> None:
    check(form, _odd)


WHOLE: tuple[Callable[..., Any], ...] = (
    lambda lib, x: x.cumsum(0),
    lambda lib, x: x.to(lib.int8).cumsum(1),
    lambda lib, x: (x > 0).cumsum(1),
    lambda lib, x: x.cumprod(1, dtype=lib.float64),
    lambda lib, x: x.sort(dim=1, stable=True),
    lambda lib, x: (x > 0).sort(dim=0, stable=True).values,
    lambda lib, x: x.to(lib.uint8).sort(dim=1, descending=True, stable=True),
    lambda lib, x: x.median(1).values,
    lambda lib, x: x.kthvalue(2, 0).values,
    lambda lib, x: (x > 0).diff(),
    lambda lib, x: x.diff(n=0),
    lambda lib, x: x.diff(n=9),
    lambda lib, x: lib.unique(x, return_inverse=True, return_counts=True),
    lambda lib, x: lib.unique(x, dim=0, return_inverse=True, return_counts=True),
    lambda lib, x: lib.unique(x, dim=1, return_inverse=True, return_counts=True),
    lambda lib, x: lib.unique_consecutive(x, return_inverse=True, return_counts=True),
    lambda lib, x: lib.unique_consecutive(x, dim=0, return_inverse=True, return_counts=True),
    lambda lib, x: lib.unique(lib.tensor([1.0, NAN, NAN]), return_counts=True),
    lambda lib, x: lib.bincount((x + 4).reshape(-1), minlength=12),
    lambda lib, x: lib.bincount((x + 4).reshape(-1), weights=x.reshape(-1).double()),
    lambda lib, x: lib.bincount(lib.tensor([], dtype=lib.int64)),
    lambda lib, x: lib.isin(x, lib.tensor([-1, 3])),
    lambda lib, x: lib.isin(x, 2, invert=True),
    lambda lib, x: lib.isin(1, x),
    lambda lib, x: x.double().histc(5, -2, 3),
    lambda lib, x: x.double().histc(4),
    lambda lib, x: lib.searchsorted(x.sort(dim=1).values, x),
    lambda lib, x: lib.searchsorted(x[0].sort().values, x, right=True),
    lambda lib, x: lib.searchsorted(x[0], x, sorter=x[0].argsort(), out_int32=True),
    lambda lib, x: lib.searchsorted(x[0].sort().values, 1, side="right"),
    lambda lib, x: lib.bucketize(x.double() + 0.5, lib.tensor([-1.0, 0.5, 2.0]).double()),
    lambda lib, x: lib.bucketize(2, lib.tensor([1, 2, 3]), right=True),
    lambda lib, x: lib.tensor(3).sort(),
    lambda lib, x: lib.tensor(3.0).median(0),
    lambda lib, x: lib.tensor(3.0).cumsum(0),
    lambda lib, x: lib.tensor(3.0).quantile(0.5),
    lambda lib, x: lib.zeros(0, 3).sort(dim=0),
    lambda lib, x: lib.zeros(0, 3).cumsum(1),
)


@pytest.mark.parametrize("form", WHOLE)
def test_integers_and_odd_shapes(form: Callable[..., Any]) -> None:
    check(form, np.random.default_rng(2).integers(-4, 5, (3, 6)))


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (lambda lib, x: x.topk(9), ShapeError, "k is 9, and axis -1 has 4 elements"),
        (lambda lib, x: x.kthvalue(0), ShapeError, "counted from 1"),
        (lambda lib, x: (x > 0).median(1), DTypeError, "no order in the middle"),
        (lambda lib, x: x[:0].median(0), IndexRangeError, "is empty"),
        (lambda lib, x: x.quantile(1.5), OptionError, "range [0, 1]"),
        (lambda lib, x: x.quantile(lib.tensor(2.0, dtype=lib.float64)), OptionError, "range [0, 1]"),
        (lambda lib, x: x.quantile(lib.tensor(0.5)), DTypeError, "they must be the same"),
        (lambda lib, x: x.quantile(0.5, interpolation="cubic"), OptionError, "must be one of linear"),
        (lambda lib, x: lib.tensor(1.0).diff(), ShapeError, "has no neighbours"),
        (lambda lib, x: lib.bincount(x), DTypeError, "takes integers"),
        (lambda lib, x: lib.bincount(lib.tensor([-1])), OptionError, "not negative"),
        (lambda lib, x: x.histc(0), OptionError, "bins must be positive"),
        (lambda lib, x: x.histc(3, 2, 1), OptionError, "must not be below"),
        (lambda lib, x: lib.searchsorted(x, x[:2]), ShapeError, "must agree but in the last axis"),
        (lambda lib, x: lib.bucketize(x, x), ShapeError, "must have one axis"),
    ],
)
def test_refusals(form: Callable[..., Any], error: type[Exception], message: str) -> None:
    check_refusal(form, error, message, _numbers((3, 4)))


def test_sums_are_carried_in_float64() -> None:
    """A million small numbers behind a large one: the rounding of each sum does not add up."""
    x = np.full(1_000_001, 1e-4, np.float32)
    x[0] = 1e4
    expected = np.cumsum(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(rg.tensor(x).cumsum(0).numpy(), expected)


def test_logcumsumexp_of_large_numbers() -> None:
    """Float32 sums of numbers about 10,000 apart from float64 ones by rounding alone, and so their gradients."""
    x = (10_000 * _numbers((5, 4))).astype(np.float32)
    results = []
    for array in (x, x.astype(np.float64)):
        leaf = rg.tensor(array, requires_grad=True)
        leaf.logcumsumexp(0).sum().backward()
        results.append(leaf.grad.numpy())
    np.testing.assert_allclose(results[0], results[1], atol=2e-3)


def test_a_result_that_is_there_meets_a_leaf() -> None:
    """One of several results, computed and without a history, in a graph that has one."""
    values = rg.tensor([2.0, 1.0]).sort().values
    assert values.tolist() == [1.0, 2.0]
    leaf = rg.tensor([3.0, 4.0], requires_grad=True)
    loss = (leaf * values).sum()
    assert loss.item() == 11.0
    loss.backward()
    assert leaf.grad.tolist() == [1.0, 2.0]
