"""Host memory: aligned blocks that go back to a free list when nobody holds them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from retrograd.core.types import TensorType

ALIGNMENT = 64
# Kernels may read, never write, up to one vector past the last element of a block.
_SLACK = 128
_FREE_LIMIT = 512 << 20


class Allocator:
    """Blocks by size. A step that runs again gets the blocks of the step before: nothing is allocated anew."""

    def __init__(self) -> None:
        self._free: dict[int, list[tuple[int, Any]]] = {}
        self._free_bytes = 0
        # Of its own: buffers are still given back when the interpreter has cleared this module.
        self._free_limit = _FREE_LIMIT

    def take(self, size: int) -> tuple[int, Any]:
        """A block of `size` bytes: its address and the object that keeps it."""
        blocks = self._free.get(size)
        if blocks:
            try:
                block = blocks.pop()
            except IndexError:  # another thread took the last one
                return self._allocate(size)
            self._free_bytes -= size
            return block
        return self._allocate(size)

    def give(self, size: int, address: int, owner: Any) -> None:
        if self._free_bytes + size > self._free_limit:
            return
        self._free_bytes += size
        self._free.setdefault(size, []).append((address, owner))

    def trim(self) -> None:
        """Return all free blocks to the system."""
        self._free.clear()
        self._free_bytes = 0

    def _allocate(self, size: int) -> tuple[int, Any]:
        owner = np.empty(size + ALIGNMENT + _SLACK, np.uint8)
        start = owner.__array_interface__["data"][0]
        return -(-start // ALIGNMENT) * ALIGNMENT, owner


allocator = Allocator()


class Buffer:
    """Memory that holds the elements of one value, row-major and dense.

    Attributes:
        address: of the first element.
        type: shape and dtype of the value.
    """

    __slots__ = ("address", "type", "_size", "_owner", "_allocator", "__weakref__")

    def __init__(self, type_: TensorType) -> None:
        self.type = type_
        self._size = size = type_.block
        self._allocator = allocator
        self.address, self._owner = allocator.take(size)

    @classmethod
    def over(cls, array: np.ndarray[Any, Any], type_: TensorType) -> Buffer:
        """A buffer over foreign memory: a C-contiguous NumPy array, kept alive."""
        buffer = cls.__new__(cls)
        buffer.type = type_
        buffer._size = 0
        buffer._owner = array
        buffer.address = array.__array_interface__["data"][0]
        return buffer

    @classmethod
    def copy_of(cls, array: np.ndarray[Any, Any], type_: TensorType) -> Buffer:
        """A new buffer with the elements of `array`, which has the shape of `type_` and is cast if need be."""
        buffer = cls(type_)
        if type_.dtype.is_half and array.dtype.itemsize > 4:
            # PyTorch's way to 16 bits is over float32.
            array = array.astype(np.float32)
        np.copyto(buffer.array(), array, casting="unsafe")
        return buffer

    @classmethod
    def behind(cls, array: np.ndarray[Any, Any], type_: TensorType) -> Buffer:
        """The buffer whose `array()` an array is; a copy of any other array."""
        owner = array.base
        if isinstance(owner, _Exporter) and owner.buffer.type is type_:
            return owner.buffer
        return cls.copy_of(array, type_)

    def write(self, content: bytes) -> None:
        """Fill the memory from its start."""
        ctypes.memmove(self.address, content, len(content))

    def array(self) -> np.ndarray[Any, Any]:
        """The memory as a NumPy array that keeps this buffer alive."""
        type_ = self.type
        if type_.size == 0:
            return np.empty(type_.shape, type_.dtype.numpy)
        array = np.asarray(_Exporter(self))
        # NumPy's interface has no name for bfloat16.
        return array if array.dtype == type_.dtype.numpy else array.view(type_.dtype.numpy)

    def __del__(self) -> None:
        if self._size:
            self._allocator.give(self._size, self.address, self._owner)


class _Exporter:
    """What NumPy holds on to while an array over a buffer lives."""

    __slots__ = ("buffer", "__array_interface__")

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.__array_interface__ = {
            "shape": buffer.type.shape,
            "typestr": buffer.type.dtype.numpy.str,
            "data": (buffer.address, False),
            "version": 3,
        }


class Scalar:
    """A Python number that enters programs as a run-time input: values are never structure."""

    __slots__ = ("value",)

    def __init__(self, value: bool | int | float) -> None:
        self.value = value
