"""Buffers and the arrays over them."""

from __future__ import annotations

import ctypes
import itertools

import numpy as np
import pytest

from retrograd.core.buffer import ALIGNMENT, Allocator, Buffer
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


def test_zeros_are_zeros_in_new_blocks_and_in_those_that_were_used() -> None:
    type_ = tensor_type((123, 457), float32)
    for _ in range(3):
        buffer = Buffer.zeros(type_)
        assert not buffer.array().any()
        buffer.array()[...] = 7.0
        del buffer


@pytest.mark.parametrize("zeros", [False, True])
def test_blocks_of_a_large_process_do_not_overlap(zeros: bool) -> None:
    allocator = Allocator()
    take = allocator.take_zeros if zeros else allocator.take
    sizes = [64, 4096, 1 << 20, 3 << 20, 5 << 20, 4096, (4 << 20) - 192, 100_032] * 6
    blocks = [(size, *take(size)) for size in sizes]
    assert all(address % ALIGNMENT == 0 for _, address, _ in blocks)
    ends = sorted((address, address + size) for size, address, _ in blocks)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
    assert allocator.held_bytes == sum(sizes)
    for size, address, _ in blocks:
        memory = (ctypes.c_char * size).from_address(address)
        assert not zeros or not any(memory.raw)
        ctypes.memset(address, 1, size)


def test_memory_of_a_slab_stays_as_long_as_a_block_of_it() -> None:
    allocator = Allocator()
    allocator.held_bytes = 1 << 30  # as in a large process
    address, owner = allocator.take(1 << 20)
    ctypes.memset(address, 5, 1 << 20)
    allocator.trim()
    assert ctypes.string_at(address, 1 << 20) == bytes([5]) * (1 << 20)
    assert len(owner) > 1 << 20
