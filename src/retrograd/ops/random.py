"""Counter-based random bits as primitives: what stands at a position depends on key and position alone.

A stream (`core/stream.py`) enters as two int64 numbers, its seed and its own number, known at run time only. So each
step draws other bits with the same program, and the same bits come out on every backend, in every layout, fused or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import DType, int32, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.signature import Attributes
from retrograd.core.threefry import bits_at, derive_key
from retrograd.core.types import Shape, TensorType, contiguous_strides, tensor_type
from retrograd.ops.constant import POSITIONS, const_offset, positions
from retrograd.ops.elementwise import batched_operands
from retrograd.ops.movement import broadcast_to, reshape, slice_


def _pair(name: str, reference: Callable[..., Any], result: DType) -> Primitive:
    """An elementwise function of two int64 operands of one shape."""

    def infer(types: tuple[TensorType, ...]) -> TensorType:
        a, b = types
        if a.shape != b.shape:
            raise ShapeError(f"{name}: operands have shapes {a.shape} and {b.shape}; they must be equal here")
        if (a.dtype, b.dtype) != (int64, int64):
            raise DTypeError(f"{name}: operands have dtypes {a.dtype.name} and {b.dtype.name}; both must be int64")
        return tensor_type(a.shape, result)

    def batch(operands: tuple[Node, ...], has: tuple[bool, ...], attributes: Attributes, size: int) -> Node:
        return record(primitive, tuple(batched_operands(operands, has)))

    primitive = Primitive(name, infer, reference, None, batch)
    return register(primitive)


RANDOM_KEY = _pair("random_key", derive_key, int64)
RANDOM_BITS = _pair("random_bits", bits_at, int32)


def stream_key(stream: Node) -> Node:
    """The key of a stream, which is the int64 vector (seed, number)."""
    seed, number = (reshape(slice_(stream, (const_offset(i),), (1,), (1,)), ()) for i in range(2))
    return record(RANDOM_KEY, (seed, number))


def random_bits(stream: Node, shape: Shape) -> Node:
    """32 random bits, as int32, for each element of a shape; element i in row-major order has those of position i."""
    return random_bits_at(stream_key(stream), positions(shape))


def random_bits_at(key: Node, places: Node) -> Node:
    """The bits of a key's stream at positions, which are int64 numbers."""
    return record(RANDOM_BITS, (broadcast_to(key, places.type.shape), places))


def row_positions(shape: Shape) -> Node:
    """The position of the first element of each row, (..., 1), in row-major order."""
    return record(POSITIONS, (), ((*shape[:-1], 1), contiguous_strides(shape)))
