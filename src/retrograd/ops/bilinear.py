"""The bilinear map as a composite."""

from __future__ import annotations

import math

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, permute, reshape
from retrograd.ops.reduce import sum_keepdim


@composite("bilinear")
def BILINEAR(x1: Node, x2: Node, weight: Node, *bias: Node) -> Node:
    """y_k = x1^T W_k x2 + b_k; x1 is (..., in1), x2 (..., in2), W (out, in1, in2), b (out,)."""
    first, second, shape = x1.type.shape, x2.type.shape, weight.type.shape
    if len(shape) != 3 or not first or not second or (first[-1], second[-1]) != shape[1:] or first[:-1] != second[:-1]:
        raise ShapeError(
            f"bilinear: the inputs have shapes {first} and {second} and the weight {shape}; with a weight "
            "(out, in1, in2) they must be (..., in1) and (..., in2), with equal leading axes"
        )
    out, in1, in2 = shape
    rows = math.prod(first[:-1])
    # x1 meets all W_k in one product; what remains is a row-wise product with x2.
    left = matmul(reshape(x1, (rows, in1)), reshape(permute(weight, (1, 0, 2)), (in1, out * in2)))
    right = broadcast_to(reshape(x2, (rows, 1, in2)), (rows, out, in2))
    y = reshape(sum_keepdim(e.mul(reshape(left, (rows, out, in2)), right), (2,)), (rows, out))
    if bias:
        y = e.add(y, broadcast_to(bias[0], y.type.shape))
    return reshape(y, (*first[:-1], out))
