"""From what users write to nodes: operands that are tensors or numbers, and operations applied to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core import mode
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.dtype import DType, bool_, defaults, from_numpy_dtype, int64, scalar_dtype
from retrograd.core.errors import DTypeError, GraphError, OptionError
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Composite, record
from retrograd.core.types import tensor_type
from retrograd.tensor.base import TensorBase, wrap

Number = bool | int | float


def number_node(value: Number, other: DType) -> Node:
    """A Python number meeting a tensor of dtype `other`, as a run-time input.

    Raises:
        OptionError: an integer that the dtype does not hold.
    """
    if value.__class__ is float and other.kind == 2:
        return input_node(tensor_type((), other), Scalar(value))
    dtype = scalar_dtype(value, other, defaults.float_dtype)
    if dtype.kind == 1 and not dtype.lowest <= value <= dtype.highest:
        raise OptionError(
            f"the number {value} does not fit {dtype.name}, which ends at {dtype.lowest} and {dtype.highest}; cast the "
            "tensor to a wider dtype first"
        )
    return input_node(tensor_type((), dtype), Scalar(value))


def array_node(array: np.ndarray[Any, Any], dtype: DType | None = None) -> Node:
    """A copy of an array's elements.

    Raises:
        DTypeError: the array's dtype has no counterpart.
    """
    type_ = tensor_type(array.shape, dtype or _dtype_of(array))
    return input_node(type_, Buffer.copy_of(array, type_))


def own_array_node(array: np.ndarray[Any, Any]) -> Node:
    """An array that nobody else has: its memory, if that is a buffer's, else a copy.

    Raises:
        DTypeError: the array's dtype has no counterpart.
    """
    type_ = tensor_type(array.shape, _dtype_of(array))
    return input_node(type_, Buffer.behind(array, type_))


def _dtype_of(array: np.ndarray[Any, Any]) -> DType:
    found = from_numpy_dtype(array.dtype)
    if found is None:
        raise DTypeError(f"a NumPy array of dtype {array.dtype} has no counterpart; convert it with .astype(...)")
    return found


def node_of(value: Any, other: DType | None = None) -> Node:
    """The node of a tensor, a number, or anything that NumPy turns into an array."""
    if isinstance(value, TensorBase):
        return value._read()
    if isinstance(value, (bool, int, float)):
        if other is not None:
            return number_node(value, other)
        dtype = bool_ if isinstance(value, bool) else int64 if isinstance(value, int) else defaults.float_dtype
        return input_node(tensor_type((), dtype), Scalar(value))
    if isinstance(value, np.generic):
        return node_of(value.item(), other)
    if isinstance(value, np.ndarray):
        return array_node(value)
    raise TypeError(f"expected a tensor or a number, received {type(value).__name__}; use retrograd.tensor(...)")


def operand(name: str, value: Any) -> Node:
    """The node of an argument that must be a tensor.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(value, TensorBase):
        raise TypeError(f"{name}: expected a tensor, received {type(value).__name__}; use retrograd.tensor(...)")
    return value._read()


def require_castable(name: str, source: DType, target: DType) -> None:
    """Refuse to write floats into integers, or numbers into booleans.

    Raises:
        DTypeError: the kind of `source` is above that of `target`.
    """
    if source.kind > target.kind:
        raise DTypeError(
            f"{name}: a result of dtype {source.name} cannot be written to a tensor of dtype {target.name}; "
            "cast the operands, or write to a tensor of another dtype"
        )


def deliver(name: str, result: Any, out: Any) -> Any:
    """The result, written to `out` if that is given.

    Raises:
        DTypeError: `out` has a dtype of a lower kind. GraphError: the result requires a gradient, which would be lost.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        parts = [deliver(name, part, target) for part, target in zip(result, out, strict=True)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    require_castable(name, result.dtype, out.dtype)
    if result.requires_grad or (out.requires_grad and mode.state.grad_enabled):
        raise GraphError(
            f"{name}: a result that requires a gradient cannot be written to out=; assign it, or use no_grad()"
        )
    if out._type_shape() != result._type_shape():
        out.resize_(result._type_shape())
    return out.copy_(result)


def unary(operation: Composite, x: TensorBase, attributes: tuple[Any, ...] = ()) -> Any:
    return wrap(record(operation, (x._read(),), attributes))


def binary(operation: Composite, a: TensorBase, b: Any) -> Any:
    """`operation` of a tensor and a tensor or number."""
    x = a._read()
    y = b._read() if isinstance(b, TensorBase) else node_of(b, x.type.dtype)
    return wrap(record(operation, (x, y)))


def binary_reversed(operation: Composite, a: TensorBase, b: Any) -> Any:
    """`operation` of a number and a tensor."""
    x = a._read()
    return wrap(record(operation, (node_of(b, x.type.dtype), x)))
