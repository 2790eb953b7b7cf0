"""Buffers and the arrays over them."""

from __future__ import annotations

import numpy as np
import pytest

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DTYPES, DType, bfloat16, float32, int32
from retrograd.core.types import tensor_type

SQUARE = tensor_type((3, 3), float32)


def filled() -> tuple[Buffer, np.ndarray]:
    buffer = Buffer(SQUARE)
    buffer.array()[...] = np.arange(9).reshape(3, 3)
    return buffer, buffer.array()


def test_an_array_over_a_buffer_leads_back_to_it() -> None:
    buffer, array = filled()
    assert Buffer.behind(array, SQUARE) is buffer
    assert Buffer.behind(np.asarray(array, order="C"), SQUARE) is buffer


@pytest.mark.parametrize("view", ["T", "flipped", "rows", "same", "copy"])
def test_any_other_array_is_copied(view: str) -> None:
    buffer, array = filled()
    others = {"T": array.T, "flipped": array[::-1], "rows": array[[2, 0, 1]], "same": array[...], "copy": array.copy()}
    found = Buffer.behind(others[view], SQUARE)
    assert found is not buffer
    np.testing.assert_array_equal(found.array(), others[view])


@pytest.mark.parametrize("type_", [tensor_type((9,), float32), tensor_type((3, 3), int32)])
def test_another_type_is_no_view_of_the_memory(type_: object) -> None:
    _, array = filled()
    found = Buffer.behind(array.reshape(type_.shape), type_)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(found.array(), np.arange(9).reshape(type_.shape))  # type: ignore[attr-defined]


def test_numbers_that_numpy_has_no_name_for_are_copied() -> None:
    type_ = tensor_type((4,), bfloat16)
    buffer = Buffer(type_)
    buffer.array()[...] = [1, 2, 3, 4]
    np.testing.assert_array_equal(Buffer.behind(buffer.array(), type_).array(), [1, 2, 3, 4])


@pytest.mark.parametrize("dtype", list(DTYPES.values()), ids=str)
def test_an_element_is_what_the_array_has_there(dtype: DType) -> None:
    buffer = Buffer(tensor_type((2, 3), dtype))
    buffer.array()[...] = np.array([[0, 1, 2], [1, 1, 0]])
    for place, expected in enumerate(buffer.array().reshape(-1)):
        found = buffer.element(place)
        assert found == expected.item() and type(found) is type(expected.item())


def test_a_copy_has_memory_of_its_own() -> None:
    buffer, array = filled()
    copied = buffer.copy()
    array[...] = 0.0
    np.testing.assert_array_equal(copied.array(), np.arange(9).reshape(3, 3))


@pytest.mark.parametrize("dtype", [float32, bfloat16], ids=str)
def test_a_buffer_over_an_array_is_where_the_array_is(dtype: DType) -> None:
    array = np.arange(8).astype(dtype.numpy)[2:]
    assert Buffer.over(array, tensor_type((6,), dtype)).address == array.__array_interface__["data"][0]
