"""Windows that slide along an axis: a movement, like a slice, but elements may stand in several windows.

out[..., w, ..., i] = x[..., w * step + i, ...]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import const, iota, zeros
from retrograd.ops.elementwise import add, mul
from retrograd.ops.gather import along, scatter
from retrograd.ops.movement import permute, reshape


def _infer(types: tuple[TensorType, ...], axis: int, size: int, step: int) -> TensorType:
    shape = types[0].shape
    if not 0 <= size <= shape[axis]:
        raise ShapeError(f"unfold: a window of {size} elements does not fit in axis {axis} of {shape}")
    return tensor_type(_windows(shape, axis, size, step), types[0].dtype)


def _windows(shape: Shape, axis: int, size: int, step: int) -> Shape:
    return (*shape[:axis], (shape[axis] - size) // step + 1, *shape[axis + 1 :], size)


def _reference(x: np.ndarray[Any, Any], axis: int, size: int, step: int) -> np.ndarray[Any, Any]:
    strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :], x.strides[axis])
    return np.lib.stride_tricks.as_strided(x, _windows(x.shape, axis, size, step), strides).copy()


def _gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    axis, size, step = attributes
    return (_written(zeros(x[0].type), g, axis, size, step, "add"),)


def _written(base: Node, value: Node, axis: int, size: int, step: int, kind: str) -> Node:
    """base with windows written, or added, where they came from."""
    shape = base.type.shape
    count, last = value.type.shape[axis], len(shape)
    lines = permute(value, (*range(axis + 1), last, *range(axis + 1, last)))
    lines = reshape(lines, (*shape[:axis], count * size, *shape[axis + 1 :]))
    start = mul(iota((count, size), 0), const(step, int64, (count, size)))
    places = reshape(add(start, iota((count, size), 1)), (count * size,))
    return scatter(base, along(places, shape, axis), lines, axis, kind)


UNFOLD: Primitive = register(
    Primitive(
        "unfold",
        _infer,
        _reference,
        _gradient,
        lambda x, has, attributes, size: record(UNFOLD, (x[0],), (attributes[0] + 1, *attributes[1:])),
    )
)


def unfold(x: Node, axis: int, size: int, step: int) -> Node:
    """Windows of `size` elements along an axis, `step` apart; a new last axis goes through each."""
    return record(UNFOLD, (x,), (axis, size, step))


@composite("unfold.put")
def UNFOLD_PUT(base: Node, value: Node, axis: int, size: int, step: int) -> Node:
    """base with the windows that `unfold` would read replaced by value; they must not overlap."""
    return _written(base, value, axis, size, step, "set")
