"""Shapes and strides of the same memory: views, tensors that change their shape, elements visited in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import GraphError, OptionError, ShapeError


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=3), st.integers(0, 3))
def test_strided_views_read_and_write(axes: list[tuple[int, int]], offset: int) -> None:
    shape, strides = tuple(n for n, _ in axes), tuple(s for _, s in axes)
    with rg.use_backend("reference"):
        _check_strided_view(shape, strides, offset)


def _check_strided_view(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
    memory = np.arange(30.0)
    expected = np.lib.stride_tricks.as_strided(memory[offset:], shape, [8 * s for s in strides])
    x = rg.arange(30.0, dtype=rg.float64)
    view = x.as_strided(shape, strides, offset)
    assert view.tolist() == expected.tolist() and view.storage_offset() == offset
    places = offset + sum((np.indices(shape)[i] * s for i, s in enumerate(strides)), np.zeros(shape, int))
    if len(np.unique(places)) == places.size:
        view.mul_(-1)
        np.multiply(expected, -1, out=np.lib.stride_tricks.as_strided(memory[offset:], shape, [8 * s for s in strides]))
        assert x.tolist() == memory.tolist()


def test_strided_views_of_views_count_from_the_memory() -> None:
    x = rg.arange(12.0).reshape(3, 4)
    assert x[1:].t().as_strided((2, 2), (4, 1)).tolist() == [[4.0, 5.0], [8.0, 9.0]]


def test_gradients_of_elements_that_are_named_twice_add_up() -> None:
    w = rg.ones(4, requires_grad=True)
    (w.as_strided((3, 2), (1, 1)) * rg.tensor([[1.0, 10.0], [100.0, 1e3], [1e4, 1e5]])).sum().backward()
    assert w.grad.tolist() == [1.0, 110.0, 11000.0, 100000.0]


def test_overlapping_elements_are_not_written() -> None:
    with pytest.raises(GraphError, match="one location"):
        rg.ones(4).as_strided((3, 2), (1, 1)).zero_()


def test_strides_of_new_tensors() -> None:
    assert rg.empty_strided((2, 3), (1, 2)).stride() == (1, 2)
    assert rg.empty_permuted((2, 3, 4), (2, 0, 1)).stride() == (3, 1, 6)


@pytest.mark.parametrize("name", ["squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_", "swapdims_"])
def test_a_tensor_takes_the_shape_of_its_view(name: str) -> None:
    arguments = {"unsqueeze_": (0,), "squeeze_": (), "t_": ()}.get(name, (0, 1))
    x = rg.arange(3.0).reshape(1, 3)
    other = x.view(3)
    expected = getattr(x, name[:-1])(*arguments).tolist()
    assert getattr(x, name)(*arguments) is x and x.tolist() == expected
    x.add_(1)
    assert other.tolist() == [1.0, 2.0, 3.0]


def test_a_result_keeps_its_gradient_when_its_shape_changes() -> None:
    w = rg.ones(2, 3, requires_grad=True)
    y = (w * rg.arange(6.0).reshape(2, 3)).t_()
    y[0].sum().backward()
    assert w.grad.tolist() == [[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]
    with pytest.raises(GraphError, match="keeps its shape"):
        w.t_()


def test_resizing() -> None:
    x = rg.arange(6.0)
    assert x.resize_(2, 2).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert x.resize_as_(rg.ones(6)).tolist() == [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]
    with pytest.raises(GraphError, match="requires a gradient"):
        rg.ones(2, requires_grad=True).resize_(3)


def test_the_memory_of_another_tensor() -> None:
    x, y = rg.zeros(2), rg.arange(3.0)
    x.set_(y)
    y.add_(1)
    assert x.tolist() == [1.0, 2.0, 3.0] and x.is_set_to(y) and not x.is_set_to(y[1:])
    assert x.set_().numel() == 0


def test_elements_in_python() -> None:
    x = rg.tensor([[1, 2], [3, 4]])
    assert x.apply_(lambda v: v * v).tolist() == [[1, 4], [9, 16]]
    assert x.map_(rg.tensor([10, 20]), lambda a, b: a + b).tolist() == [[11, 24], [19, 36]]


def test_facts() -> None:
    x = rg.ones(2, 3, dtype=rg.float64)
    assert rg.numel(x) == 6 and x.is_same_size(rg.zeros(2, 3)) and not x.is_same_size(rg.zeros(3, 2))


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("unflatten", (1, (3, -1)), (2, 3, 4)),
        ("ravel", (), (24,)),
        ("flatten", (), (24,)),
        ("reshape", ((4, -1),), (4, 6)),
        ("permute", ((1, 0),), (12, 2)),
        ("transpose", (0, 1), (12, 2)),
        ("squeeze", (), (2, 12)),
        ("unsqueeze", (-1,), (2, 12, 1)),
        ("t", (), (12, 2)),
        ("adjoint", (), (12, 2)),
        ("select", (0, 1), (12,)),
    ],
)
def test_functions_and_methods_agree(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    x = rg.arange(24).reshape(2, 12)
    found = getattr(rg, name)(x, *arguments)
    assert found.shape == shape and rg.equal(found, getattr(x, name)(*arguments))


def test_sum_to_size_undoes_broadcasting() -> None:
    x = rg.ones(4, 2, 3)
    assert x.sum_to_size(2, 1).tolist() == [[12.0], [12.0]] and x.sum_to_size(()).item() == 24.0


def test_transposes_as_attributes() -> None:
    x = rg.ones(2, 3)
    assert x.H.shape == x.mT.shape == x.mH.shape == x.T.shape == (3, 2)
    for bad in (lambda: rg.ones(2).mT, lambda: rg.ones(2, 2, 2).H):
        with pytest.raises(ShapeError, match="takes"):
            bad()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.ones(4).as_strided((3,), (2,)), ShapeError, "reach outside"),
        (lambda: rg.ones(4).as_strided((2, 2), (1,)), ShapeError, "as many entries"),
        (lambda: rg.ones(6).unflatten(0, (4, 2)), ShapeError, "does not make"),
        (lambda: rg.ones(6).unflatten(0, ()), OptionError, "must not be empty"),
        (lambda: rg.ones(2, 3).sum_to_size(2, 2), ShapeError, "does not broadcast"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
