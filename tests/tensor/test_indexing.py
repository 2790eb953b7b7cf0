"""Reading and writing by index, against PyTorch: every kind of item in every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, IndexRangeError, OptionError, ShapeError
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

Array = np.ndarray[Any, Any]
_settings = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


@st.composite
def _indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index of a tensor of this shape; arrays in it broadcast together."""
    picked = draw(st.sampled_from([(1,), (2,), (2, 1), (2, 2)]))
    first, last = sorted((draw(st.integers(0, len(shape))), draw(st.integers(0, len(shape)))))
    items: list[Any] = []
    for axis, extent in enumerate(shape):
        if axis == first and last > first:
            items.append(Ellipsis)
        if first <= axis < last:
            continue
        if draw(st.integers(0, 4)) == 0:
            items.append(None)
        items.append(_item(draw, extent, picked))
    return tuple(items)


def _item(draw: Any, extent: int, picked: tuple[int, ...]) -> Any:
    positions = st.integers(-extent, extent - 1)
    kind = draw(st.sampled_from(["slice", "int", "array", "array", "mask", "zero-d"]))
    if kind == "slice":
        return slice(draw(st.integers(-2, 2)), draw(st.none() | st.integers(-2, 4)), draw(st.integers(1, 2)))
    if kind == "int":
        return draw(positions)
    if kind == "zero-d":
        return np.array(draw(positions))
    if kind == "mask":
        # One element of the mask, so that it broadcasts with the other arrays.
        return np.arange(extent) == draw(st.integers(0, extent - 1))
    count = int(np.prod(picked))
    return np.array(draw(st.lists(positions, min_size=count, max_size=count))).reshape(picked)


def _for(library: Any, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arrays of an index as tensors."""
    return tuple(library.tensor(x) if isinstance(x, np.ndarray) else x for x in index)


_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def _values(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def _weighted(x: Any, library: Any) -> Any:
    return (x * library.tensor(np.cos(np.arange(x.numel())).reshape(tuple(x.shape)))).sum()


@_settings
@given(shape=_shapes, data=st.data())
def test_reading(shape: tuple[int, ...], data: Any) -> None:
    index = data.draw(_indices(shape))
    ours, theirs = rg.tensor(_values(shape), requires_grad=True), torch.tensor(_values(shape), requires_grad=True)
    found, expected = ours[_for(rg, index)], theirs[_for(torch, index)]
    np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy(), strict=True)
    _weighted(found, rg).backward()
    _weighted(expected, torch).backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-14)


@_settings
@given(shape=_shapes, data=st.data(), kind=st.sampled_from(["number", "tensor", "row"]))
def test_writing(shape: tuple[int, ...], data: Any, kind: str) -> None:
    """What is written has a gradient; where places repeat the last value stays, which PyTorch's CPU does too."""
    index = data.draw(_indices(shape))
    results = []
    for library in (rg, torch):
        leaf = library.tensor(_values(shape), requires_grad=True)
        x = leaf * 1.0
        selected = x[_for(library, index)]
        picked = () if kind == "number" else tuple(selected.shape)[-1:] if kind == "row" else tuple(selected.shape)
        value = library.tensor(_values(picked, 1), requires_grad=True)
        x[_for(library, index)] = value
        _weighted(x, library).backward()
        results.append([x.detach().numpy(), leaf.grad.numpy(), value.grad.numpy()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


@_settings
@given(shape=_shapes, data=st.data())
def test_accumulating(shape: tuple[int, ...], data: Any) -> None:
    """Places are named several times, by one array or by one for each axis."""
    count = data.draw(st.integers(1, 5))
    given = data.draw(st.integers(1, len(shape)))
    places = [
        np.array(data.draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count))) for n in shape[:given]
    ]
    results = []
    for library in (rg, torch):
        leaf = library.tensor(_values(shape), requires_grad=True)
        value = library.tensor(_values((count, *shape[given:]), 1), requires_grad=True)
        y = leaf.index_put(tuple(map(library.tensor, places)), value, accumulate=True)
        _weighted(y, library).backward()
        results.append([y.detach().numpy(), leaf.grad.numpy(), value.grad.numpy()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


READS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda lib, x: x[[0, 1], [1, 2]],
    lambda lib, x: x[[[0, 1], [1, 2]]],
    lambda lib, x: x[[slice(None), [0, 1]]],
    lambda lib, x: x[[lib.tensor(0), lib.tensor(1)]],
    lambda lib, x: x[[]],
    lambda lib, x: x[()],
    lambda lib, x: x[True],
    lambda lib, x: x[False],
    lambda lib, x: x[:, True],
    lambda lib, x: x[lib.tensor(True)],
    lambda lib, x: x[lib.tensor(1, dtype=lib.uint8)],
    lambda lib, x: x[lib.tensor([1, 0], dtype=lib.uint8)],
    lambda lib, x: x[0, :, lib.tensor([0, 1])],
    lambda lib, x: x[lib.tensor([0, 1]), :, 0],
    lambda lib, x: x[lib.tensor([0, 1]), None, lib.tensor([0])],
    lambda lib, x: x[np.array([1, 0])],
    lambda lib, x: x[np.int64(1)],
    lambda lib, x: x[range(2)],
    lambda lib, x: x[(0, [1, 2])],
    lambda lib, x: x[[True, False]],
    lambda lib, x: x[..., ...],
    lambda lib, x: x[lib.tensor([0, 1], dtype=lib.int32)],
    lambda lib, x: x[x > 5],
    lambda lib, x: x[(x > 5).any(-1)],
    lambda lib, x: x[lib.tensor([[True, False, True], [False, False, True]]), 1:3],
    lambda lib, x: lib.tensor(3)[None],
    lambda lib, x: lib.tensor(3)[True],
    lambda lib, x: x[lib.tensor(1) : lib.tensor(2)],
)


@pytest.mark.parametrize("read", READS)
def test_what_counts_as_an_index(read: Callable[[Any, Any], Any]) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    found, expected = read(rg, rg.tensor(array)), read(torch, torch.tensor(array))
    np.testing.assert_array_equal(found.numpy(), expected.numpy(), strict=True)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (lambda: rg.tensor([0.5]), IndexRangeError, "must be of int64"),
        (lambda: 0.5, IndexError, "not by float"),
        (lambda: "a", TypeError, "not by str"),
        (lambda: rg.tensor([5]), IndexRangeError, "index 5 is out of bounds for axis 0 with size 2"),
        (lambda: rg.tensor([-3]), IndexRangeError, "index -3 is out of bounds"),
        (lambda: (0, 0, 0, 0), IndexRangeError, "too many indices: 4"),
        (lambda: rg.tensor([True, False, True]), IndexRangeError, r"mask of shape \(3,\) does not fit axis 0"),
        (lambda: slice(None, None, -1), OptionError, "step must be positive"),
        (lambda: (rg.tensor([0, 1, 1]), rg.tensor([0, 1])), IndexRangeError, "do not broadcast together"),
        (lambda: 7, IndexRangeError, "index 7 is out of range for axis 0"),
    ],
)
def test_refused_indices(index: Callable[[], Any], error: type[Exception], message: str) -> None:
    x = rg.zeros(2, 3, 4)
    with pytest.raises(error, match=message):
        x[index()]
    with pytest.raises(error, match=message):
        x[index()] = 1.0


def test_refused_values() -> None:
    x = rg.zeros(2, 3)
    with pytest.raises(DTypeError, match="float32 and the value float64"):
        x[rg.tensor([0])] = rg.ones(3, dtype=rg.float64)
    with pytest.raises(ShapeError, match="does not broadcast"):
        x[rg.tensor([0])] = rg.ones(5)
    with pytest.raises(GraphError, match="no_grad"):
        rg.ones(3, requires_grad=True)[rg.tensor([0])] = 1.0


def test_a_number_written_by_a_mask_computes_nothing() -> None:
    x = rg.tensor([1.0, -2.0, 3.0]) * 1.0
    with runtime.observed() as seen:
        x[x < 0] = 0.0
        x[rg.tensor([0, 1]) * 1] += 1.0
    assert not seen
    assert x.tolist() == [2.0, 1.0, 3.0]


def test_positions_are_no_structure() -> None:
    x = rg.tensor(_values((6, 4)))

    def use(i: int) -> None:
        y = x.clone()
        y[rg.tensor([i, (i + 2) % 6]), i % 4] = float(i)
        (y[rg.tensor([i])] + y.roll(i, 0)[:1] + y.tril(i - 3)[:1] + y.kthvalue(1 + i, 0).values).sum().item()

    use(0)
    before = set(runtime._programs.young)
    for i in range(1, 6):
        use(i)
    assert set(runtime._programs.young) == before


@pytest.mark.parametrize("function", [lambda x: x.diagonal(1), lambda x: x.unfold(1, 2, 2), lambda x: x.T.diagonal(-1)])
def test_views_share_memory(function: Callable[[Any], Any]) -> None:
    results = []
    for library in (rg, torch):
        base = library.tensor(_values((3, 5)))
        view = function(base)
        view += 1.0
        base[1] = 9.0
        view[0] = 7.0
        results.append((base.numpy(), view.numpy(), view.stride(), view.storage_offset()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_overlapping_windows_cannot_be_written() -> None:
    windows = rg.zeros(4).unfold(0, 2, 1)
    with pytest.raises(GraphError, match="one location in memory"):
        windows += 1.0
