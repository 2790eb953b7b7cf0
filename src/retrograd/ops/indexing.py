"""Reading and writing at positions that are data: `take` rows by index, and `take_add`, which adds rows up again.

Indices out of range are clamped in both (a program cannot raise from inside); the functions users call check first
where the values are known, and count negative indices from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import const, iota, like
from retrograd.ops.elementwise import add, maximum, minimum, mul
from retrograd.ops.movement import broadcast_to, permute, reshape


def _require_index(name: str, type_: TensorType) -> None:
    if type_.dtype is not int64:
        raise DTypeError(f"{name}: the index has dtype {type_.dtype.name}; it must be int64 (use .long())")


def _infer_take(types: tuple[TensorType, ...]) -> TensorType:
    table, index = types
    _require_index("take", index)
    if not table.shape:
        raise ShapeError("take: the table is 0-dimensional and has no rows")
    if table.shape[0] == 0 and index.size:
        raise ShapeError(f"take: the table {table.shape} has no rows to take")
    return tensor_type((*index.shape, *table.shape[1:]), table.dtype)


def _take_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, None]:
    return record(TAKE_ADD, (g, x[1]), (x[0].type.shape,)), None


def _batch_take(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    table, index = x
    if not has[0]:
        return record(TAKE, (table, index))
    # The batch axis of the table becomes the last one, rides along as part of a row, and comes back.
    ndim = len(table.type.shape)
    rows = permute(table, (*range(1, ndim), 0))
    if not has[1]:
        out = record(TAKE, (rows, index))
        last = len(out.type.shape) - 1
        return permute(out, (last, *range(last)))
    flat = reshape(table, (table.type.shape[0] * table.type.shape[1], *table.type.shape[2:]))
    return record(TAKE, (flat, _flat_index(index, table.type.shape[0], table.type.shape[1])))


def _flat_index(index: Node, size: int, rows: int) -> Node:
    """Rows of many tables of `rows` rows as rows of one; clamped first, lest they reach into another's table."""
    index = minimum(maximum(index, like(0, index)), like(max(rows - 1, 0), index))
    batch = iota((size, *[1] * (len(index.type.shape) - 1)), 0)
    base = mul(batch, const(rows, int64, batch.type.shape))
    return add(index, broadcast_to(base, index.type.shape))


def _infer_take_add(types: tuple[TensorType, ...], shape: Shape) -> TensorType:
    values, index = types
    _require_index("take_add", index)
    if values.shape != (*index.shape, *shape[1:]):
        raise ShapeError(f"take_add: values {values.shape} must have shape {(*index.shape, *shape[1:])}")
    return tensor_type(shape, values.dtype)


def _take_add_reference(values: np.ndarray, index: np.ndarray, shape: Shape) -> np.ndarray:
    out = np.zeros(shape, values.dtype)
    np.add.at(out, np.clip(index, 0, shape[0] - 1), values)
    return out


def _take_add_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, None]:
    return take(g, x[1]), None


def _batch_take_add(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    (shape,) = attributes
    values, index = (
        v if h else broadcast_to(reshape(v, (1, *v.type.shape)), (size, *v.type.shape))
        for v, h in zip(x, has, strict=True)
    )
    flat = record(TAKE_ADD, (values, _flat_index(index, size, shape[0])), ((size * shape[0], *shape[1:]),))
    return reshape(flat, (size, *shape))


TAKE = register(
    Primitive(
        "take",
        _infer_take,
        lambda table, index: np.take(table, index, axis=0, mode="clip"),
        _take_gradient,
        _batch_take,
    )
)
TAKE_ADD = register(Primitive("take_add", _infer_take_add, _take_add_reference, _take_add_gradient, _batch_take_add))


def take(table: Node, index: Node) -> Node:
    """Rows of a table: out[i..., j...] = table[index[i...], j...]."""
    return record(TAKE, (table, index))
