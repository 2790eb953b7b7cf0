"""Linear maps as composites: `linear`, and `matmul` as users know it."""

from __future__ import annotations

import math

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape, transpose


@composite("linear")
def LINEAR(x: Node, weight: Node, *bias: Node) -> Node:
    """y = x W^T + b; x is (..., in), W (out, in), b (out,)."""
    if not x.type.shape or len(weight.type.shape) != 2 or x.type.shape[-1] != weight.type.shape[1]:
        wanted = weight.type.shape[1] if len(weight.type.shape) == 2 else "in_features"
        raise ShapeError(
            f"linear: the input has shape {x.type.shape} and the weight {weight.type.shape}; "
            f"the last axis of the input must have extent {wanted}"
        )
    leading = x.type.shape[:-1]
    flat = reshape(x, (math.prod(leading), x.type.shape[-1]))
    y = matmul(flat, transpose(weight))
    if bias:
        y = e.add(y, broadcast_to(bias[0], y.type.shape))
    return reshape(y, (*leading, weight.type.shape[0]))


@composite("matmul")
def MATMUL(a: Node, b: Node) -> Node:
    """PyTorch's matmul: vectors are rows or columns, batch axes broadcast."""
    if not a.type.shape or not b.type.shape:
        raise ShapeError(f"matmul: {a.type.shape} and {b.type.shape}: both operands need at least one axis; use *")
    dtype = common_dtype(a, b)
    a, b = e.cast(a, dtype), e.cast(b, dtype)
    row, column = len(a.type.shape) == 1, len(b.type.shape) == 1
    a = reshape(a, (1, *a.type.shape)) if row else a
    b = reshape(b, (*b.type.shape, 1)) if column else b
    if a.type.shape[-1] != b.type.shape[-2]:
        raise ShapeError(
            f"matmul: {a.type.shape} and {b.type.shape} do not fit: the last axis of the first has extent "
            f"{a.type.shape[-1]}, the last axis but one of the second {b.type.shape[-2]}"
        )
    y = _batched(a, b)
    shape = y.type.shape
    shape = shape[:-2] + (() if row else shape[-2:-1]) + (() if column else shape[-1:])
    return reshape(y, shape)


def _batched(a: Node, b: Node) -> Node:
    if len(b.type.shape) == 2 and len(a.type.shape) > 2:
        # One large product in place of many small ones.
        leading = a.type.shape[:-1]
        y = matmul(reshape(a, (math.prod(leading), a.type.shape[-1])), b)
        return reshape(y, (*leading, b.type.shape[-1]))
    batch = broadcast_shapes("matmul", a.type.shape[:-2], b.type.shape[:-2])
    return matmul(broadcast_to(a, (*batch, *a.type.shape[-2:])), broadcast_to(b, (*batch, *b.type.shape[-2:])))
