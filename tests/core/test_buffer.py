"""Buffers and the arrays over them."""

from __future__ import annotations

import numpy as np
import pytest

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import bfloat16, float32, int32
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
