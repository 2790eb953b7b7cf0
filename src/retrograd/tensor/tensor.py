"""The Tensor."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.device import CPU, device as Device, require_cpu
from retrograd.core.dtype import DType, bool_, defaults, from_numpy_dtype, int64, uint8
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.memory_format import layout, strided
from retrograd.core.node import input_node
from retrograd.core.types import tensor_type
from retrograd.tensor.arithmetic import Arithmetic
from retrograd.tensor.base import TensorBase, set_tensor_class, wrap
from retrograd.tensor.differentiation import Differentiation
from retrograd.tensor.dispatch import array_node, own_array_node
from retrograd.tensor.indexing import Indexing
from retrograd.tensor.printing import represent
from retrograd.tensor.reading import Reading
from retrograd.tensor.size import Size


class Tensor(Arithmetic, Indexing, Differentiation, Reading):
    """An array of numbers whose operations are recorded, and computed when somebody looks.

    Made by `retrograd.tensor`, `zeros`, `randn` and the like. Source: torch.Tensor.

    >>> import retrograd as rg
    >>> rg.tensor([[1.0, 2.0], [3.0, 4.0]]) @ rg.ones(2)
    tensor([3., 7.])
    """

    if TYPE_CHECKING:
        # Most methods are functions too and are entered by `tensor/methods.py`.
        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, *data: Any, device: Any = None) -> None:
        require_cpu(device)
        self._adopt(constructed(type(self).__name__, defaults.float_dtype, data))

    __hash__ = TensorBase.__hash__
    # NumPy leaves operators between an array and a tensor to the tensor.
    __array_priority__ = 1000

    @property
    def device(self) -> Device:
        return CPU

    @property
    def is_cuda(self) -> bool:
        return False

    is_mps = is_xpu = is_meta = is_sparse = is_quantized = is_cuda
    is_cpu = property(lambda self: True)

    @property
    def layout(self) -> layout:
        return strided

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    @property
    def _version(self) -> int:
        return self._storage.version

    def data_ptr(self) -> int:
        """The address of the first element."""
        buffer = self._storage.value()
        assert isinstance(buffer, Buffer)
        return buffer.address + self._offset * self.element_size()

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-dimensional tensor")
        return iter(self.unbind(0))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __repr__(self) -> str:
        return represent(self)

    def __format__(self, spec: str) -> str:
        """In a formatted string, a 0-dimensional tensor is its number."""
        is_number = not self.ndim or (spec and self.numel() == 1)
        return format(self.item(), spec) if is_number else repr(self)

    def __array_wrap__(self, array: np.ndarray[Any, Any], context: Any = None, return_scalar: bool = False) -> Any:
        """What NumPy's own functions make of tensors is a tensor."""
        return from_array(array)

    def __copy__(self) -> Tensor:
        """A tensor of its own over the same memory."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.detach().__dict__, **self._attributes())
        return copy.requires_grad_(self.requires_grad)

    def _attributes(self) -> dict[str, Any]:
        """What the user has attached."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise DTypeError("deepcopy: only leaves can be copied; use clone() or detach() on a result")
        copy = type(self).__new__(type(self))
        copy.__dict__.update(from_array(self._value()).__dict__)
        memo[id(self)] = copy
        if self.grad is not None:
            copy.grad = from_array(self.grad._value())
        copy.__dict__.update(deepcopy(self._attributes(), memo))
        return copy.requires_grad_(self.requires_grad)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), np.array(self._value()), self.requires_grad), self._attributes() or None


set_tensor_class(Tensor)


def _rebuild(cls: type[Tensor], array: np.ndarray[Any, Any], requires_grad: bool) -> Tensor:
    tensor = cls.__new__(cls)
    tensor.__dict__.update(from_array(array).__dict__)
    return tensor.requires_grad_(requires_grad)


def from_array(array: np.ndarray[Any, Any], dtype: DType | None = None) -> Any:
    """A tensor with a copy of an array's elements.

    Raises:
        DTypeError: the array's dtype has no counterpart.
    """
    return wrap(array_node(array, dtype))


def over_array(array: np.ndarray[Any, Any]) -> Any:
    """A tensor with the elements of an array that nobody else has: it keeps the memory, if that is a buffer's.

    Raises:
        DTypeError: the array's dtype has no counterpart.
    """
    return wrap(own_array_node(array))


def constructed(name: str, dtype: DType, args: tuple[Any, ...]) -> Any:
    """What `name(*args)` makes: from extents a tensor to be filled (with zeros), from data a copy, from a tensor
    itself.

    Raises:
        DTypeError: a tensor of another dtype. TypeError: a float.
    """
    first = args[0] if args else 0
    if isinstance(first, TensorBase):
        if first.dtype is not dtype:
            raise DTypeError(f"{name}: expected a tensor of dtype {dtype.name}, received {first.dtype.name}; use .to()")
        return first.detach()
    if isinstance(first, (float, bool)):
        raise TypeError(f"{name}: expected extents or a sequence, received {first!r}; use retrograd.tensor({first!r})")
    # Every array has the method; it works for a single integer.
    if isinstance(first, Size) or (hasattr(first, "__index__") and not np.ndim(first)):
        shape = first if isinstance(first, Size) else args or (0,)
        return from_array(np.zeros(shape, dtype.numpy))
    return tensor(first, dtype=dtype)


def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor with a copy of the data.

    Args:
        data: a number, a nested sequence, an array or what NumPy takes for one, or a tensor. Python floats become the
            default dtype (float32); arrays keep theirs.
        dtype: of the elements; found from the data if left out.
        device: "cpu" or None.
        requires_grad: whether gradients are wanted.
        pin_memory: accepted for PyTorch's sake.

    Raises:
        DTypeError: the data are no numbers. ShapeError: the rows are of unequal length. OptionError: an integer that
            the dtype does not hold.

    Source: torch.tensor.

    >>> import retrograd as rg
    >>> rg.tensor([1, 2, 3]).dtype, rg.tensor([1.5]).dtype
    (retrograd.int64, retrograd.float32)
    """
    require_cpu(device)
    if isinstance(data, TensorBase):
        array = data._value()
        return from_array(array, dtype).requires_grad_(requires_grad)
    if isinstance(data, (list, tuple)) and any(isinstance(x, TensorBase) for x in data):
        data = [x._value() if isinstance(x, TensorBase) else x for x in data]
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError("tensor: the rows of nested data must all have the same length") from error
    if array.dtype.kind == "O" and isinstance(_first(data), int):
        raise OptionError("tensor: an integer does not fit int64; give a dtype of floating-point numbers")
    if array.dtype.kind not in "biuf" and from_numpy_dtype(array.dtype) is None:
        raise DTypeError(f"tensor: cannot make numbers of {type(data).__name__} data (NumPy sees {array.dtype})")
    first = _first(data)
    if not hasattr(first, "__array__") and not hasattr(first, "__array_interface__"):
        dtype = _python_dtype(array) if dtype is None else dtype
        _require_range(array, dtype)
    return from_array(array, dtype).requires_grad_(requires_grad)


def _first(data: Any) -> Any:
    """The first of the numbers in nested data."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _require_range(array: np.ndarray[Any, Any], dtype: DType) -> None:
    """Refuse Python numbers that an integer dtype does not hold; small negative ones wrap around, as in PyTorch."""
    if dtype.kind != 1 or not array.size or array.dtype.kind == "b":
        return
    lowest = -dtype.highest if dtype is uint8 and array.dtype.kind == "i" else dtype.lowest
    inside = (array >= lowest) & (array <= dtype.highest)
    if not inside.all():
        raise OptionError(
            f"tensor: the number {array[~inside].flat[0]} does not fit {dtype.name}, which ends at {dtype.lowest} and "
            f"{dtype.highest}"
        )


def _python_dtype(array: np.ndarray[Any, Any]) -> DType:
    if array.dtype == np.float32:
        return defaults.float_dtype
    return {"b": bool_, "i": int64, "u": int64}.get(array.dtype.kind, defaults.float_dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Any:
    """A tensor over an array's own memory: changes of either are seen by the other.

    Operations read the memory when they are recorded, so an array that is filled again later corrupts nothing.

    Raises:
        DTypeError: the dtype has no counterpart; TypeError: not an array.

    Source: torch.from_numpy. Deviation: an array that is not C-contiguous, or must not be written to, is copied.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, received {type(array).__name__}")
    dtype = array.dtype
    found = from_numpy_dtype(dtype)
    if found is None or not dtype.isnative or array.size == 0:
        return from_array(array)
    type_ = tensor_type(array.shape, found)
    try:
        buffer = Buffer.over(array, type_)
    except (TypeError, ValueError):
        return from_array(array)
    result = wrap(input_node(type_, buffer))
    result._storage.share(array)
    return result
