"""Constants: `const`, a number that is part of the structure; `iota`, coordinates along an axis; `positions`, numbers
that count elements."""

from __future__ import annotations

import numpy as np

from retrograd.core.dtype import DTYPES, DType, int64
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, contiguous_strides, tensor_type


def _infer_const(_: tuple[TensorType, ...], value: float, dtype: str, shape: Shape) -> TensorType:
    return tensor_type(shape, DTYPES[dtype])


def _infer_iota(_: tuple[TensorType, ...], shape: Shape, axis: int) -> TensorType:
    return tensor_type(shape, int64)


def _iota_reference(shape: Shape, axis: int) -> np.ndarray:
    line = np.arange(shape[axis], dtype=np.int64).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.broadcast_to(line, shape)


CONST = register(
    Primitive(
        "const",
        _infer_const,
        lambda value, dtype, shape: np.full(shape, value, DTYPES[dtype].numpy),
        None,
        None,
    )
)
IOTA = register(Primitive("iota", _infer_iota, _iota_reference, None, None))


def _infer_positions(_: tuple[TensorType, ...], shape: Shape, strides: Shape) -> TensorType:
    return tensor_type(shape, int64)


def _positions_reference(shape: Shape, strides: Shape) -> np.ndarray:
    out = np.zeros(shape, np.int64)
    for axis, stride in enumerate(strides):
        out += _iota_reference(shape, axis) * stride
    return out


POSITIONS = register(Primitive("positions", _infer_positions, _positions_reference, None, None))


def const(value: bool | int | float, dtype: DType, shape: Shape = ()) -> Node:
    """`value` everywhere. Only for numbers that the library itself fixes: a user's number is a run-time input."""
    return record(CONST, (), (value, dtype.name, shape))


def const_offset(value: int) -> Node:
    """An offset that is part of the structure, as extents are."""
    return const(value, int64)


def iota(shape: Shape, axis: int) -> Node:
    """int64 coordinates: element (i_0, ..., i_n) is i_axis."""
    return record(IOTA, (), (shape, axis))


def positions(shape: Shape) -> Node:
    """int64 numbers that count elements in row-major order: element (i_0, ..., i_n) is the sum of i_k stride_k."""
    return record(POSITIONS, (), (shape, contiguous_strides(shape)))


def zeros(type_: TensorType) -> Node:
    return const(0, type_.dtype, type_.shape)


def like(value: float, x: Node) -> Node:
    """The constant `value` with the type of x."""
    return const(value, x.type.dtype, x.type.shape)
