"""A tensor read as Python's numbers and as NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.dtype import bfloat16
from retrograd.core.errors import GraphError, ShapeError
from retrograd.tensor.base import TensorBase


class Reading(TensorBase):
    """What computes a pending value for whoever looks at it."""

    def item(self) -> Any:
        """The one element as a Python number.

        Raises:
            ShapeError: there is not exactly one element.
        """
        if self.numel() != 1:
            raise ShapeError(
                f"item(): only a tensor of one element has a value of its own, and this has shape "
                f"{tuple(self.shape)}; use tolist() or reduce it first"
            )
        buffer = self._storage.value()
        if isinstance(buffer, Scalar):
            return self._value().item()
        return buffer.element(self._offset if self._view else 0)

    def tolist(self) -> Any:
        return self._value().tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The elements as an array that shares memory: changes of either are seen by the other.

        Raises:
            GraphError: the tensor requires a gradient (call detach() first), unless `force`.
        """
        if self.requires_grad and not force:
            raise GraphError("numpy(): the tensor requires a gradient; call tensor.detach().numpy() instead")
        array = self._storage.export()
        if not self._view:
            return array
        return self._geometry(array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """What NumPy sees: the tensor's own memory, unless another dtype or a copy is asked for."""
        array: np.ndarray[Any, Any] = self.detach().numpy()
        if dtype is None or array.dtype == dtype:
            return array.copy() if copy else array
        if copy is False:
            raise ValueError(f"an array of dtype {np.dtype(dtype)} over a tensor of dtype {self.dtype.name} is a copy")
        return array.astype(dtype)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Where the elements are, for libraries that ask NumPy's way: in an array, which they keep, and from an offset.

        Raises:
            AttributeError: the protocol has no name for bfloat16.
        """
        if self.dtype is bfloat16:
            raise AttributeError("__array_interface__: the protocol has no bfloat16; use tensor.float()")
        memory, shown = self._storage.export(), self.detach().numpy()
        offset = shown.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
        return {**shown.__array_interface__, "data": memory, "offset": offset}

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise ShapeError(f"the truth of a tensor of shape {tuple(self.shape)} is ambiguous; use .any() or .all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.is_floating_point:
            raise TypeError(f"only integer tensors can be an index, and this is {self.dtype.name}")
        return int(self.item())

    def __len__(self) -> int:
        shape = self._type_shape()
        if not shape:
            raise TypeError("len() of a 0-dimensional tensor")
        return shape[0]
