"""Host memory: aligned blocks that go back to a free list when nobody holds them."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from retrograd.core.types import TensorType

ALIGNMENT = 64
# Kernels may read, never write, up to one vector past the last element of a block.
_SLACK = 128
_FREE_LIMIT = 512 << 20
# Blocks are cut out of slabs of huge pages, which the system gives in a tenth of the time. One takes 2 MB at once, so
# that is for processes that have many times as much: of a small network it would be a tenth.
_SLAB_BYTES = 16 << 20
_ENOUGH_FOR_SLABS = 64 << 20
_PRIVATE: dict[str, Any] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
# Buffers that come and go together are kept as they are, if they take no more than this; so many sets at most.
_SET_BYTES = 16 << 20
_SETS = 8


class Allocator:
    """Blocks by size. A step that runs again gets the blocks of the step before: nothing is allocated anew.

    Attributes:
        held_bytes: of all blocks, those in use and those that are free.
    """

    def __init__(self) -> None:
        self.held_bytes = 0
        self._free: dict[int, list[tuple[int, Any]]] = {}
        self._free_bytes = 0
        self._slabs: list[Any] = []
        self._sets: dict[tuple[TensorType, ...], Sequence[Buffer | None]] = {}
        # Of its own: buffers are still given back when the interpreter has cleared this module.
        self._free_limit = _FREE_LIMIT

    def take(self, size: int) -> tuple[int, Any]:
        """A block of `size` bytes: its address and the object that keeps it."""
        try:
            block = self._free[size].pop()
        except (KeyError, IndexError):
            return self._allocate(size, np.empty)
        self._free_bytes -= size
        return block

    def take_zeros(self, size: int) -> tuple[int, Any]:
        """A block of zeros; a new one takes no memory before it is touched."""
        if not self._free.get(size):
            return self._allocate(size, np.zeros)
        block = self.take(size)
        ctypes.memset(block[0], 0, size)
        return block

    def give(self, size: int, block: tuple[int, Any]) -> None:
        if self._free_bytes + size > self._free_limit:
            self.held_bytes -= size
            return
        self._free_bytes += size
        try:
            self._free[size].append(block)
        except KeyError:
            self._free.setdefault(size, []).append(block)

    def trim(self) -> None:
        """Return all free blocks to the system."""
        self._slabs.clear()
        self._sets.clear()
        self._free.clear()
        self.held_bytes -= self._free_bytes
        self._free_bytes = 0

    def take_set(self, types: tuple[TensorType, ...]) -> list[Buffer]:
        """A buffer of each type: those of a set that was given back, or new ones."""
        kept = self._sets.pop(types, None)
        if kept is None:
            return [Buffer(type_) for type_ in types]
        return [buffer or Buffer(type_) for buffer, type_ in zip(kept, types, strict=True)]

    def give_set(self, types: tuple[TensorType, ...], buffers: Sequence[Buffer | None]) -> None:
        """Keep buffers that nobody else has, one of each type or None, for the next `take_set`."""
        if len(self._sets) < _SETS and _bytes_of(types) <= _SET_BYTES:
            self._sets[types] = buffers

    def _allocate(self, size: int, make: Callable[[int, type], Any]) -> tuple[int, Any]:
        room = size + ALIGNMENT + _SLACK
        is_cut = room <= _SLAB_BYTES // 4 and self.held_bytes >= _ENOUGH_FOR_SLABS
        owner = self._cut(room) if is_cut else make(room, np.uint8)
        self.held_bytes += size
        start = owner.__array_interface__["data"][0]
        return -(-start // ALIGNMENT) * ALIGNMENT, owner

    def _cut(self, room: int) -> Any:
        """Zeros in a slab. Threads may come at once: none finds a slab that another is cutting."""
        try:
            slab = self._slabs.pop()
        except IndexError:
            slab = _new_slab()
        if len(slab) < room:
            slab = _new_slab()
        self._slabs.append(slab[room:])
        return slab[:room]


def _new_slab() -> Any:
    pages = mmap.mmap(-1, _SLAB_BYTES, **_PRIVATE)
    with suppress(AttributeError, OSError):  # not every system has them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


@lru_cache(maxsize=1 << 8)
def _bytes_of(types: tuple[TensorType, ...]) -> int:
    return sum(type_.block for type_ in types)


allocator = Allocator()


# What reads a number without making an array of it; those of 16 bits have no such type.
_PYTHON_NUMBERS: dict[str, Any] = {
    "bool": ctypes.c_bool,
    "uint8": ctypes.c_uint8,
    "int8": ctypes.c_int8,
    "int16": ctypes.c_int16,
    "int32": ctypes.c_int32,
    "int64": ctypes.c_int64,
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
}


class Buffer:
    """Memory that holds the elements of one value, row-major and dense.

    Attributes:
        address: of the first element.
        type: shape and dtype of the value.
    """

    __slots__ = ("address", "type", "_size", "_block", "__weakref__")

    # Of the class: buffers are still given back when the interpreter has cleared this module.
    _allocator = allocator

    def __init__(self, type_: TensorType) -> None:
        self.type = type_
        self._size = size = type_.block
        self._block = block = allocator.take(size)
        self.address = block[0]

    @classmethod
    def zeros(cls, type_: TensorType) -> Buffer:
        """A new buffer whose elements are zeros, which takes no memory before it is used."""
        buffer = cls.__new__(cls)
        buffer.type = type_
        buffer._size = size = type_.block
        buffer._block = block = allocator.take_zeros(size)
        buffer.address = block[0]
        return buffer

    @classmethod
    def over(cls, array: np.ndarray[Any, Any], type_: TensorType) -> Buffer:
        """A buffer over foreign memory, kept alive.

        Raises:
            TypeError, ValueError: the array is not C-contiguous, or must not be written to.
        """
        buffer = cls.__new__(cls)
        buffer.type = type_
        buffer._size = 0
        if type_.dtype.is_half:
            if not (array.flags.c_contiguous and array.flags.writeable):
                raise ValueError("an array that is not C-contiguous, or must not be written to")
            buffer.address = array.__array_interface__["data"][0]
        else:
            # Several times as fast, where Python knows the elements.
            buffer.address = ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
        buffer._block = buffer.address, array
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
    def sharing(cls, other: Buffer, type_: TensorType) -> Buffer:
        """The elements of another buffer, which it keeps, as a value of another shape."""
        buffer = cls.__new__(cls)
        buffer.type, buffer._size, buffer.address, buffer._block = type_, 0, other.address, (other.address, other)
        return buffer

    def copy(self) -> Buffer:
        """A new buffer with the same elements."""
        copied = Buffer(self.type)
        copied.write_from(self)
        return copied

    def write_from(self, other: Buffer) -> None:
        """Take over the elements of a buffer of the same type."""
        ctypes.memmove(self.address, other.address, self.type.nbytes)

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

    def element(self, place: int) -> bool | int | float:
        """One element as a Python number."""
        dtype = self.type.dtype
        kind = _PYTHON_NUMBERS.get(dtype.name)
        if kind is None:
            return self.array().reshape(-1)[place].item()  # type: ignore[no-any-return]
        value: bool | int | float = kind.from_address(self.address + place * dtype.itemsize).value
        return value

    def __del__(self) -> None:
        if self._size:
            self._allocator.give(self._size, self._block)


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
