"""From what users write to nodes: operands that are tensors or numbers, and operations applied to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.dtype import DType, bool_, float32, int64, scalar_dtype
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Composite, record
from retrograd.core.types import tensor_type
from retrograd.tensor.base import TensorBase, wrap

Number = bool | int | float


class _Defaults:
    """The floating-point dtype of numbers and factories."""

    float_dtype: DType = float32


defaults = _Defaults()


def number_node(value: Number, other: DType) -> Node:
    """A Python number meeting a tensor of dtype `other`, as a run-time input."""
    return input_node(tensor_type((), scalar_dtype(value, other, defaults.float_dtype)), Scalar(value))


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
    raise TypeError(f"expected a tensor or a number, received {type(value).__name__}; use retrograd.tensor(...)")


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
