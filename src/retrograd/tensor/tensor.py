"""The Tensor."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DType, bool_, from_numpy_dtype, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import input_node
from retrograd.core.types import tensor_type
from retrograd.tensor.arithmetic import Arithmetic
from retrograd.tensor.autograd import Differentiation
from retrograd.tensor.base import TensorBase, set_tensor_class, wrap
from retrograd.tensor.dispatch import defaults
from retrograd.tensor.indexing import Indexing
from retrograd.tensor.reduction import Reductions


class Tensor(Arithmetic, Reductions, Indexing, Differentiation):
    """An array of numbers whose operations are recorded, and computed when somebody looks.

    Made by `retrograd.tensor`, `zeros`, `randn` and the like. Source: torch.Tensor.

    >>> import retrograd as rg
    >>> rg.tensor([[1.0, 2.0], [3.0, 4.0]]) @ rg.ones(2)
    tensor([3., 7.])
    """

    __hash__ = TensorBase.__hash__
    # NumPy leaves operators between an array and a tensor to the tensor.
    __array_priority__ = 1000

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def is_cuda(self) -> bool:
        return False

    def cpu(self) -> Tensor:
        return self

    @property
    def grad_fn(self) -> str | None:
        """The name of the operation whose gradient comes first in a backward pass; None on leaves."""
        if self.is_leaf:
            return None
        signature = self._read().signature
        return f"<{signature.operation.name}.backward>" if signature is not None else None

    @property
    def _version(self) -> int:
        return self._storage.version

    def data_ptr(self) -> int:
        """The address of the first element."""
        buffer = self._storage.value()
        assert isinstance(buffer, Buffer)
        return buffer.address + self._offset * self.element_size()

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def new_zeros(self, *size: Any) -> Any:
        shape = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
        return from_array(np.zeros(shape, self.dtype.numpy))

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-dimensional tensor")
        return iter(self.unbind(0))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __repr__(self) -> str:
        return _represent(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.numel() == 1 else repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise DTypeError("deepcopy: only leaves can be copied; use clone() or detach() on a result")
        copy = type(self).__new__(type(self))
        copy.__dict__.update(from_array(self._value()).__dict__)
        memo[id(self)] = copy
        if self.grad is not None:
            copy.grad = from_array(self.grad._value())
        return copy.requires_grad_(self.requires_grad)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), np.array(self._value()), self.requires_grad)


set_tensor_class(Tensor)


def _rebuild(cls: type[Tensor], array: np.ndarray[Any, Any], requires_grad: bool) -> Tensor:
    tensor = cls.__new__(cls)
    tensor.__dict__.update(from_array(array).__dict__)
    return tensor.requires_grad_(requires_grad)


def from_array(array: np.ndarray[Any, Any], dtype: DType | None = None) -> Any:
    """A tensor with a copy of an array's elements."""
    found = dtype or from_numpy_dtype(array.dtype)
    if found is None:
        raise DTypeError(f"a NumPy array of dtype {array.dtype} has no counterpart; convert it with .astype(...)")
    type_ = tensor_type(array.shape, found)
    return wrap(input_node(type_, Buffer.copy_of(array, type_)))


def tensor(data: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A tensor with a copy of the data.

    Args:
        data: a number, a nested sequence, an array, or a tensor. Python floats become the default dtype (float32).
        dtype: of the elements; found from the data if left out.
        device: "cpu" or None.
        requires_grad: whether gradients are wanted.

    Raises:
        DTypeError: the data are no numbers; ShapeError: the rows are of unequal length.

    Source: torch.tensor.

    >>> import retrograd as rg
    >>> rg.tensor([1, 2, 3]).dtype, rg.tensor([1.5]).dtype
    (retrograd.int64, retrograd.float32)
    """
    if isinstance(data, TensorBase):
        array = data._value()
        return from_array(array, dtype).requires_grad_(requires_grad)
    if isinstance(data, (list, tuple)) and any(isinstance(x, TensorBase) for x in data):
        data = [x._value() if isinstance(x, TensorBase) else x for x in data]
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError("tensor: the rows of nested data must all have the same length") from error
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"tensor: cannot make numbers of {type(data).__name__} data (NumPy sees {array.dtype})")
    if dtype is None and not isinstance(data, (np.ndarray, np.generic)):
        dtype = _python_dtype(array)
    return from_array(array, dtype).requires_grad_(requires_grad)


def _python_dtype(array: np.ndarray[Any, Any]) -> DType:
    if array.dtype == np.float32:
        return defaults.float_dtype
    return {"b": bool_, "i": int64, "u": int64}.get(array.dtype.kind, defaults.float_dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Any:
    """A tensor over an array's own memory: changes of either are seen by the other.

    Operations read the memory when they are recorded, so an array that is filled again later corrupts nothing.

    Raises:
        DTypeError: the dtype has no counterpart; TypeError: not an array.

    Source: torch.from_numpy. Deviation: an array that is not C-contiguous is copied.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, received {type(array).__name__}")
    found = from_numpy_dtype(array.dtype)
    if found is None or not array.dtype.isnative or not array.flags.c_contiguous or array.size == 0:
        return from_array(array)
    result = wrap(input_node(tensor_type(array.shape, found), Buffer.over(array, tensor_type(array.shape, found))))
    result._storage.share(array)
    return result


def _represent(x: Tensor) -> str:
    """As PyTorch prints: values, then dtype where it is not the default, then how gradients stand."""
    values = np.array(x._value())
    prefix = "tensor("
    floatmode: Literal["fixed", "maxprec"] = "maxprec" if values.dtype.kind != "f" or _whole(values) else "fixed"
    body = np.array2string(values, separator=", ", prefix=prefix, precision=4, threshold=1000, floatmode=floatmode)
    notes = []
    if values.size == 0 and x.ndim != 1:
        notes.append(f"size={tuple(x.shape)}")
    if x.dtype not in (defaults.float_dtype, int64, bool_):
        notes.append(f"dtype={x.dtype!r}")
    if x._is_leaf_variable:
        notes.append("requires_grad=True")
    elif x.requires_grad:
        notes.append(f"grad_fn={x.grad_fn}")
    return f"{prefix}{', '.join([body, *notes])})"


def _whole(values: np.ndarray[Any, Any]) -> bool:
    finite = values[np.isfinite(values)]
    return bool(np.all(finite == np.trunc(finite)))
