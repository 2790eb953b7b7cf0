"""Elements chosen and written by position or mask, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

pytest.importorskip("torch")

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, IndexRangeError, OptionError, ShapeError
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.comparison import check, check_refusal

pytestmark = pytest.mark.parity

_settings = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
_seeds = st.integers(0, 99)


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def _numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=shape)


def _smaller(data: Any, shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A shape that is not larger beside an axis."""
    return tuple(data.draw(st.integers(0 if i == axis else 1, 5 if i == axis else n)) for i, n in enumerate(shape))


@_settings
@given(shape=_shapes, seed=_seeds, data=st.data())
def test_gather(shape: tuple[int, ...], seed: int, data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    index = np.random.default_rng(seed).integers(0, shape[axis], _smaller(data, shape, axis % len(shape)))
    check(lambda lib, x, i: x.gather(axis, i), _numbers(shape), index)


@_settings
@given(
    shape=_shapes,
    seed=_seeds,
    reduce=st.sampled_from(["set", "sum", "prod", "mean", "amax", "amin"]),
    include=st.booleans(),
    data=st.data(),
)
def test_scatter(shape: tuple[int, ...], seed: int, reduce: str, include: bool, data: Any) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    places = _smaller(data, shape, axis)
    index = np.random.default_rng(seed).integers(0, shape[axis], places)
    # Of a source that is larger than the index PyTorch knows no gradient.
    wider = reduce == "set" and data.draw(st.booleans())
    source = _numbers(tuple(n + wider for n in places), 1)

    def function(lib: Any, x: Any, i: Any, s: Any) -> Any:
        if reduce == "set":
            return x.scatter(axis, i, s.detach() if wider else s)
        return x.scatter_reduce(axis, i, s, reduce, include_self=include)

    check(function, _numbers(shape), index, source)


@_settings
@given(
    shape=_shapes,
    seed=_seeds,
    name=st.sampled_from(["index_select", "index_add", "index_copy", "index_fill", "index_reduce"]),
    data=st.data(),
)
def test_slices_by_index(shape: tuple[int, ...], seed: int, name: str, data: Any) -> None:
    axis, count = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.integers(1, 5))
    index = np.random.default_rng(seed).integers(0, shape[axis], count)
    source = _numbers((*shape[:axis], count, *shape[axis + 1 :]), 1)
    forms: dict[str, Callable[..., Any]] = {
        "index_select": lambda lib, x, i, s: x.index_select(axis, i) * s,
        "index_add": lambda lib, x, i, s: x.index_add(axis, i, s, alpha=0.5),
        "index_copy": lambda lib, x, i, s: x.index_copy(axis, i, s),
        "index_fill": lambda lib, x, i, s: x.index_fill(axis, i, s.sum().detach()),
        "index_reduce": lambda lib, x, i, s: x.index_reduce(axis, i, s, "mean"),
    }
    check(forms[name], _numbers(shape), index, source)


FORMS: tuple[Callable[..., Any], ...] = (
    lambda lib, x, i, m: x.take(i - 3),
    lambda lib, x, i, m: x.take_along_dim(i.reshape(2, 1), 1),
    lambda lib, x, i, m: x.take_along_dim(i[:1].reshape(1, 1) - 2, 0),
    lambda lib, x, i, m: x.take_along_dim(i),
    lambda lib, x, i, m: x.masked_select(m),
    lambda lib, x, i, m: x.masked_select(m[0]),
    lambda lib, x, i, m: x.masked_fill(m[:1], 2),
    lambda lib, x, i, m: x.masked_fill(m, x.sum()),
    lambda lib, x, i, m: x.masked_scatter(m, x.flip(0) * 2),
    lambda lib, x, i, m: x.put(i, x[0, :2]),
    lambda lib, x, i, m: x.put(i - 3, x[0, :2], accumulate=True),
    lambda lib, x, i, m: x.scatter(1, i.reshape(2, 1), 7.0),
    lambda lib, x, i, m: x.scatter(1, i.reshape(2, 1), 7.0, reduce="multiply").detach(),
    lambda lib, x, i, m: x.scatter_add(0, i.reshape(1, 2) - 1, x[:1, :2]),
    lambda lib, x, i, m: lib.nonzero(m),
    lambda lib, x, i, m: lib.nonzero(m, as_tuple=True),
    lambda lib, x, i, m: lib.where(m),
    lambda lib, x, i, m: lib.argwhere(x > 0),
    lambda lib, x, i, m: lib.nonzero(lib.tensor(3)),
    lambda lib, x, i, m: x.select_scatter(x[0] * 2, 0, 1),
    lambda lib, x, i, m: x.slice_scatter(x[:, :1] * 2, 1, 1, 3, 2),
    lambda lib, x, i, m: x.index_put((i - 1, i), x[0, 0] * 3),
    lambda lib, x, i, m: x.index_put((m,), lib.tensor(0.5, dtype=lib.float64)),
    lambda lib, x, i, m: lib.tensor(3.0).gather(0, lib.tensor(0)),
    lambda lib, x, i, m: lib.tensor(3.0).index_select(0, lib.tensor([0])),
    lambda lib, x, i, m: lib.tensor(3.0).scatter(0, lib.tensor(0), 5.0),
    lambda lib, x, i, m: x.gather(1, lib.tensor([], dtype=lib.int64).reshape(2, 0)),
)


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: Callable[..., Any]) -> None:
    x = _numbers((2, 3), 4)
    check(form, x, np.array([1, 2]), x > 0)


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (lambda lib, x, i: x.gather(0, i.double()), DTypeError, "must be int64"),
        (lambda lib, x, i: x.gather(0, i), ShapeError, "as many axes"),
        (lambda lib, x, i: x.gather(1, lib.tensor([[4], [0]])), IndexRangeError, "index 4 is out of bounds for axis 1"),
        (lambda lib, x, i: x.gather(1, lib.tensor([[-1], [0]])), IndexRangeError, "index -1 is out of bounds"),
        (lambda lib, x, i: x.scatter_add(1, i.reshape(2, 1), x.float()), DTypeError, "cast one"),
        (lambda lib, x, i: x.scatter_reduce(1, i.reshape(2, 1), x, "median"), OptionError, "must be one of"),
        (lambda lib, x, i: x.scatter(1, i.reshape(2, 1), x[:, :0]), ShapeError, "larger than the source"),
        (lambda lib, x, i: x.index_select(1, lib.tensor([6])), IndexRangeError, "out of bounds for axis 1 with size 3"),
        (lambda lib, x, i: x.index_add(0, i - 1, x[0]), ShapeError, "as many axes"),
        (lambda lib, x, i: x.index_copy(0, i - 1, x[:1]), ShapeError, "must have the shape"),
        (lambda lib, x, i: x.index_fill(0, i - 1, x[0]), ShapeError, "must be a number"),
        (lambda lib, x, i: x.take(lib.tensor([9])), IndexRangeError, "out of bounds for a tensor with size 6"),
        (lambda lib, x, i: x.put(i, x), ShapeError, "as many of both"),
        (lambda lib, x, i: x.masked_fill(i, 0.0), DTypeError, "must be bool"),
        (lambda lib, x, i: x.masked_select(x), DTypeError, "must be bool"),
        (lambda lib, x, i: x.masked_scatter(x > -9, x[0]), ShapeError, "selects 6 elements, and the source has 3"),
        (lambda lib, x, i: x.select_scatter(x, 0, 0), ShapeError, "must have the shape"),
    ],
)
def test_refusals(form: Callable[..., Any], error: type[Exception], message: str) -> None:
    check_refusal(form, error, message, _numbers((2, 3), 4), np.array([1, 1]))


def test_in_place_forms_write_and_return_the_tensor() -> None:
    x = rg.zeros(3)
    same = x.scatter_(0, rg.tensor([1]), 2.0).index_add_(0, rg.tensor([0, 0]), rg.ones(2)).masked_fill_(x == 0, 9.0)
    assert same is x
    assert x.tolist() == [2.0, 2.0, 9.0]
    with pytest.raises(GraphError, match="no_grad"):
        rg.ones(2, requires_grad=True).index_fill_(0, rg.tensor([0]), 1.0)


def test_pending_positions_compute_nothing() -> None:
    """What is out of range when it runs is clamped."""
    x, index = rg.arange(4).float(), rg.tensor([2, 9]) - 1
    with runtime.observed() as seen:
        found = x.gather(0, index) + x.index_select(0, index)
    assert not seen
    assert found.tolist() == [2.0, 6.0]
