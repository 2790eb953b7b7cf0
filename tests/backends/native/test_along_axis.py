"""Kernels along an axis against their definitions: any shape, layout and dtype, the same bits for all thread counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import retrograd as rg
from retrograd.backends.native.ordering import SHORT_LINE, fits_scratch
from retrograd.backends.native.segments import native_steps
from retrograd.core.operation import PRIMITIVES, record
from retrograd.ops.movement import inverse_order, permute
from retrograd.runtime import evaluate as runtime
from retrograd.tensor.base import wrap
from tests.support.backends import needs_native

pytestmark = needs_native
Array = np.ndarray[Any, Any]

_settings = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_dtypes = st.sampled_from(["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"])
_shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = rg.get_num_threads()
    yield
    rg.set_num_threads(before)


def _values(shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    """Numbers with ties, zeros of both signs, infinities and NaN."""
    rng = np.random.default_rng(seed)
    if not dtype.startswith("float"):
        info = (0, 2) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        small = rng.integers(0, 4, shape)
        return np.where(rng.random(shape) < 0.8, small, rng.integers(*info, shape)).astype(dtype)
    special = rng.choice(np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0]), shape)
    return np.where(rng.random(shape) < 0.8, rng.normal(size=shape).round(1), special).astype(dtype)


def _node(array: Array, transposed: bool) -> Any:
    """An input, in row-major order or with its axes reversed in memory."""
    if not transposed:
        return rg.tensor(array)._read()
    order = tuple(reversed(range(array.ndim)))
    return permute(rg.tensor(np.array(array.T, order="C"))._read(), inverse_order(order))


def _check(name: str, arrays: list[Array], attributes: tuple[Any, ...], transposed: bool) -> None:
    primitive = PRIMITIVES[name]
    with np.errstate(all="ignore"):
        expected = np.asarray(primitive.reference(*arrays, *attributes))
    for threads, tier in ((1, 0), (2, 1), (3, 1)):
        rg.set_num_threads(threads)
        with rg.use_backend("native", tier), runtime.observed() as seen:
            found = wrap(record(primitive, tuple(_node(x, transposed) for x in arrays), attributes)).numpy()
        assert all(all(native_steps(evaluation.graph)) for evaluation in seen)
        np.testing.assert_array_equal(found, expected, strict=True)
        if found.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))


@_settings
@given(shape=_shapes, dtype=_dtypes, data=st.data())
def test_gather(shape: tuple[int, ...], dtype: str, data: Any) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    count, seed = data.draw(st.integers(1, 7)), data.draw(st.integers(0, 99))
    index = np.random.default_rng(seed).integers(-1, shape[axis] + 1, (*shape[:axis], count, *shape[axis + 1 :]))
    _check("gather", [_values(shape, dtype, seed), index], (axis,), data.draw(st.booleans()))


@_settings
@given(shape=_shapes, dtype=_dtypes, kind=st.sampled_from(["set", "add", "mul", "max", "min"]), data=st.data())
def test_scatter(shape: tuple[int, ...], dtype: str, kind: str, data: Any) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    count, seed = data.draw(st.integers(1, 7)), data.draw(st.integers(0, 99))
    places = (*shape[:axis], count, *shape[axis + 1 :])
    index = np.random.default_rng(seed).integers(-1, shape[axis] + 1, places)
    arrays = [_values(shape, dtype, seed), index, _values(places, dtype, seed + 1)]
    _check("scatter", arrays, (axis, kind), data.draw(st.booleans()))


@_settings
@given(
    shape=_shapes,
    dtype=_dtypes,
    name=st.sampled_from(["cumsum", "recurrence", "cumarg"]),
    option=st.booleans(),
    data=st.data(),
)
def test_running(shape: tuple[int, ...], dtype: str, name: str, option: bool, data: Any) -> None:
    axis, seed = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.integers(0, 99))
    arrays = [_values(shape, dtype, seed + i) for i in range(2 if name == "recurrence" else 1)]
    attribute: Any = ("max" if option else "min") if name == "cumarg" else option
    _check(name, arrays, (axis, attribute), data.draw(st.booleans()))


@_settings
@given(shape=_shapes, extent=st.sampled_from([1, 2, SHORT_LINE, SHORT_LINE + 1, 300]), dtype=_dtypes, data=st.data())
def test_argsort(shape: tuple[int, ...], extent: int, dtype: str, data: Any) -> None:
    axis, seed = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.integers(0, 99))
    shape = (*shape[:axis], extent, *shape[axis + 1 :])
    count = data.draw(st.integers(1, extent))
    _check("argsort", [_values(shape, dtype, seed)], (axis, data.draw(st.booleans()), count), data.draw(st.booleans()))


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("descending", [False, True])
def test_lines_beyond_the_scratch_memory(dtype: str, descending: bool) -> None:
    extent = 300_000
    assert not fits_scratch(dtype, extent)
    x = np.random.default_rng(0).integers(-(10**6), 10**6, (3, extent)).astype(dtype)
    _check("argsort", [x], (1, descending, extent), transposed=False)


@_settings
@given(dtype=_dtypes, right=st.booleans(), length=st.integers(1, 20), data=st.data())
def test_search(dtype: str, right: bool, length: int, data: Any) -> None:
    seed = data.draw(st.integers(0, 99))
    sequence = np.sort(_values((2, length), dtype, seed), 1)  # NaN last
    _check("searchsorted", [sequence, _values((2, 9), dtype, seed + 1)], (right,), data.draw(st.booleans()))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, i: x[i].sum() + x.cumsum(0).square().sum(),
        lambda x, i: x.index_add(0, i, x[i]).tanh().sum(),
        lambda x, i: x.gather(0, i[:, None].expand(-1, 70)).square().sum(),
        lambda x, i: x.scatter_add(1, (i % 70)[None].expand(900, -1), x[:, : len(i)]).square().sum(),
        lambda x, i: x.sort(0).values.cumprod(1).sum() + x.topk(3).values.square().sum(),
        lambda x, i: x.logcumsumexp(0).sum() + x.cummax(1).values.square().sum(),
    ],
)
def test_threads_change_no_bit_of_a_gradient(function: Callable[[Any, Any], Any]) -> None:
    x = np.random.default_rng(1).normal(size=(900, 70)).astype(np.float32)
    index = rg.tensor(np.random.default_rng(2).integers(0, 900, 50))
    results = []
    for threads in (1, 2, 4):
        rg.set_num_threads(threads)
        leaf = rg.tensor(x, requires_grad=True)
        function(leaf, index).backward()
        results.append(leaf.grad.numpy().tobytes())
    assert results[0] == results[1] == results[2]
