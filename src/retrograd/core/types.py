"""The type of a value: its shape and dtype, interned so that a key can hold the object itself."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Final
from weakref import ref

from retrograd.core.dtype import DType
from retrograd.core.fork import ForkSafeLock

Shape = tuple[int, ...]


class TensorType:
    """Shape and dtype of a value. Made by `tensor_type`, one object for each pair.

    Attributes:
        input_key: a negative number that stands for a leaf of this type in the structure of a backward pass.
        block: bytes that a buffer for it takes.
    """

    __slots__ = ("shape", "dtype", "size", "input_key", "block", "__weakref__")

    def __init__(self, shape: Shape, dtype: DType, number: int) -> None:
        self.shape: Final = shape
        self.dtype: Final = dtype
        self.size: Final[int] = math.prod(shape)
        self.input_key: Final = -1 - number
        # What has no size yet has no memory.
        self.block: Final = _block_size(self.size * dtype.itemsize) if isinstance(self.size, int) else 0

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"


def _block_size(nbytes: int) -> int:
    """Sizes are rounded so that blocks of nearly equal size can stand in for one another."""
    step = 64 if nbytes <= 4096 else 4096
    return max(-(-nbytes // step) * step, step)


_interned: dict[tuple[Shape, DType], TensorType] = {}
_next_number = itertools.count().__next__
_making = ForkSafeLock()


class _Limit:
    """How many types are kept before those that nobody holds are let go; programs of ever new lengths make many."""

    types = 1 << 14


def tensor_type(shape: Shape, dtype: DType) -> TensorType:
    """The one TensorType of this shape and dtype."""
    found = _interned.get((shape, dtype))
    return _make(shape, dtype) if found is None else found


def _make(shape: Shape, dtype: DType) -> TensorType:
    with _making.held:
        if len(_interned) >= _Limit.types:
            _forget_unused()
        return _interned.setdefault((shape, dtype), TensorType(shape, dtype, _next_number()))


def _forget_unused() -> None:
    """Types are compared by identity: one goes only when nobody has it."""
    weak = [ref(type_) for type_ in _interned.values()]
    _interned.clear()
    _interned.update(((type_.shape, type_.dtype), type_) for item in weak if (type_ := item()) is not None)
    _Limit.types = max(_Limit.types, 2 * len(_interned))


@lru_cache(maxsize=1 << 12)
def contiguous_strides(shape: Shape) -> Shape:
    """Row-major strides in elements.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= max(extent, 1)
    return tuple(reversed(strides))
