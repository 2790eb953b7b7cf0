"""How a tensor lies in its storage: extents, strides, offset, dtype."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.core.types import Shape, contiguous_strides
from retrograd.tensor.size import Size
from retrograd.tensor.storage import Storage


class Geometry:
    """The shape and the dtype of a view of a storage, and its axes."""

    _storage: Storage
    # None where the elements are contiguous.
    _strides: Shape | None = None
    _offset = 0

    def _type_shape(self) -> Shape:
        """The extents, as operations have them."""
        raise NotImplementedError

    @property
    def shape(self) -> Any:
        """Extents, as a tuple that also counts its elements (`numel()`)."""
        return Size(self._type_shape())

    @property
    def dtype(self) -> DType:
        return self._storage.node.type.dtype

    @property
    def ndim(self) -> int:
        return len(self._type_shape())

    def dim(self) -> int:
        return len(self._type_shape())

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one extent of it."""
        return self.shape if dim is None else self._type_shape()[self._axis(dim)]

    def numel(self) -> int:
        """How many elements there are."""
        return int(math.prod(self._type_shape()))

    nelement = numel

    def element_size(self) -> int:
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory from one element to the next along each axis, as PyTorch counts them."""
        strides = self._strides if self._strides is not None else contiguous_strides(self._type_shape())
        return strides if dim is None else strides[self._axis(dim)]

    def storage_offset(self) -> int:
        return self._offset

    def is_contiguous(self, memory_format: Any = None) -> bool:
        expected = contiguous_strides(self._type_shape())
        return self.numel() == 0 or all(
            n == 1 or a == b for n, a, b in zip(self._type_shape(), self.stride(), expected, strict=True)
        )

    def _axis(self, dim: int, extra: int = 0) -> int:
        ndim = len(self._type_shape()) + extra
        bound = max(ndim, 1)
        if not -bound <= dim < bound:
            raise IndexError(
                f"axis {dim} is out of range for a tensor with {ndim} axes: expected one of [{-bound}, {bound - 1}]"
            )
        return dim % bound

    def _axes(self, dim: Any) -> Shape:
        """Axes from an int, a sequence, or None for all, each once."""
        ndim = len(self._type_shape())
        if dim is None or (isinstance(dim, (tuple, list)) and not dim):
            return tuple(range(ndim))
        axes = tuple(self._axis(d) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
        if len(set(axes)) != len(axes):
            raise OptionError(f"axis named twice in {dim}")
        return axes if ndim else ()

    def _geometry(self, base: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """This view of the storage's memory."""
        item = base.itemsize
        flat = base.reshape(-1)[self._offset :] if base.size else base.reshape(-1)
        strides = tuple(s * item for s in self.stride())
        return np.lib.stride_tricks.as_strided(flat, self._type_shape(), strides)
