"""Copies of tensors, and tensors compared with anything: against PyTorch."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch

LIBRARIES = pytest.mark.parametrize("library", [rg, pytest.param(torch, marks=needs_torch)], ids=["retrograd", "torch"])


@LIBRARIES
def test_a_shallow_copy_shares_the_memory(library: Any) -> None:
    for x in (library.zeros(2), library.nn.Parameter(library.zeros(2))):
        x.tag = ["kept"]
        twin = copy.copy(x)
        assert type(twin) is type(x) and twin is not x and twin.tag is x.tag
        assert twin.requires_grad == x.requires_grad and twin.is_leaf
        with library.no_grad():
            twin[0] = 3
        assert x.tolist() == [3, 0]
        if x.requires_grad:
            (twin * 2).sum().backward()
            assert x.grad is None and twin.grad.tolist() == [2, 2]


@LIBRARIES
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_what_a_user_attached_goes_with_a_copy(duplicate: Any, library: Any) -> None:
    x = library.ones(2)
    x.tag = ["kept"]
    twin = duplicate(x)
    assert type(twin) is type(x) and twin.tag == ["kept"] and twin.tag is not x.tag
    twin.zero_()
    assert x.tolist() == [1, 1]


@LIBRARIES
def test_what_is_no_number_is_unequal(library: Any) -> None:
    x = library.tensor([1, 2])
    assert (x == "a") is False and (x != "a") is True
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert (x == [1, 2]) is False


@LIBRARIES
def test_a_tensor_in_a_graph_is_not_handed_to_other_libraries(library: Any) -> None:
    with pytest.raises(BufferError, match=r"use tensor\.detach\(\)"):
        np.from_dlpack(library.ones(2, requires_grad=True))


@needs_torch
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (7, 3), (7, 1), (3, 3, 3), (0, 2)])
@pytest.mark.parametrize("wrap", [False, True])
def test_diagonals_are_filled(shape: tuple[int, ...], wrap: bool) -> None:
    ours, theirs = rg.zeros(*shape), torch.zeros(*shape)
    assert ours.fill_diagonal_(2.5, wrap) is ours
    assert ours.tolist() == theirs.fill_diagonal_(2.5, wrap).tolist()
    if len(shape) == 2:
        ours, theirs = rg.zeros(*shape).t(), torch.zeros(*shape).t()
        assert ours.fill_diagonal_(1.5).tolist() == theirs.fill_diagonal_(1.5).tolist()


@LIBRARIES
def test_diagonals_that_are_not_there(library: Any) -> None:
    for shape in ((3,), (2, 2, 3)):
        with pytest.raises(RuntimeError):
            library.zeros(*shape).fill_diagonal_(1)


class Interface:
    """What a library sees that knows nothing but NumPy's protocol."""

    def __init__(self, tensor: rg.Tensor) -> None:
        self.__array_interface__ = tensor.__array_interface__


@pytest.mark.parametrize("dtype", [rg.float32, rg.float16, rg.int64, rg.bool, rg.uint8])
def test_the_array_interface_is_the_tensors_memory(dtype: Any) -> None:
    x = rg.arange(24).reshape(4, 6).to(dtype)
    for view in (x, x.t(), x[1:3, ::2], x[2], x[1, 1], x[:0]):
        array = np.asarray(Interface(view))
        assert array.dtype == dtype.numpy and array.shape == tuple(view.shape)
        assert array.tolist() == view.tolist()
    array = np.asarray(Interface(x[1:, 2:]))
    array[0, 0] = 0
    assert x[1, 2].item() == 0
    x[1, 3] = 0
    assert array[0, 1] == 0


def test_memory_outlives_the_tensor_that_showed_it() -> None:
    array = np.asarray(Interface(rg.full((1000,), 3.0) * 2.0))
    for _ in range(10):
        (rg.zeros(1000) + 1.0).tolist()
    assert array.tolist() == [6.0] * 1000


def test_a_dtype_that_numpy_has_not_has_no_interface() -> None:
    x = rg.ones(2, dtype=rg.bfloat16)
    assert not hasattr(x, "__array_interface__")
    assert np.asarray(x).tolist() == [1.0, 1.0]


class Series:
    """A column of a table, as other libraries have it."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self._array


@pytest.mark.parametrize("make", [rg.tensor, rg.as_tensor, rg.asarray])
def test_what_numpy_takes_for_an_array_keeps_its_dtype(make: Any) -> None:
    for array in (np.array([1.5, 2.5]), np.array([1, 2], np.int16)):
        for data in (Series(array), Interface(rg.from_numpy(array)), [Series(array), Series(array)]):
            made = make(data)
            assert made.dtype.numpy == array.dtype
            assert made.tolist() == (array.tolist() if not isinstance(data, list) else [array.tolist()] * 2)


@needs_torch
def test_in_a_formatted_string_a_number_is_a_number() -> None:
    def texts(m: Any) -> list[str]:
        x, n = m.tensor(0.1, dtype=m.float64), m.tensor(3)
        return [f"{x}", f"{x:.3f}", f"{n}", f"{n:>4d}", f"{m.tensor(True)}", f"{x!s}"]

    assert texts(rg) == [text.replace("torch", "retrograd") for text in texts(torch)]
    assert f"{rg.tensor([0.5])}" == "tensor([0.5000])"
