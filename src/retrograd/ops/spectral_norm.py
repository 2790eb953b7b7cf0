"""A weight divided by its largest singular value, as composites.

The weight W is a matrix with an axis of the tensor for its rows. The power method finds singular vectors: u <- W v /
|W v| and v <- W^T u / |W^T u|; then sigma = u^T W v. Gradients flow through sigma with u and v taken as constants.
"""

from __future__ import annotations

import math

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, permute, reshape, transpose
from retrograd.ops.spread import spread
from retrograd.ops.vector_norm import vector_norm


def _matrix(weight: Node, axis: int) -> Node:
    shape = weight.type.shape
    order = (axis, *(i for i in range(len(shape)) if i != axis))
    rows = shape[axis]
    return reshape(permute(weight, order), (rows, math.prod(shape[i] for i in order[1:])))


def _times(matrix: Node, vector: Node) -> Node:
    rows, columns = matrix.type.shape
    return reshape(matmul(matrix, reshape(vector, (columns, 1))), (rows,))


def _unit(x: Node, eps: Node) -> Node:
    norm = vector_norm(x, (), "2", (0,), True)
    low = spread(eps, norm)
    return e.div(x, broadcast_to(e.select(e.lt(norm, low), low, norm), x.type.shape))


@composite("power_iteration")
def POWER_ITERATION(
    weight: Node, u: Node, v: Node, eps: Node, axis: int, count: int, v_first: bool
) -> tuple[Node, ...]:
    """u and v after some steps of the power method; `v_first` says which of the two each step begins with."""
    matrix = _matrix(weight, axis)
    across = transpose(matrix)
    for _ in range(count):
        if v_first:
            v = _unit(_times(across, u), eps)
        u = _unit(_times(matrix, v), eps)
        if not v_first:
            v = _unit(_times(across, u), eps)
    return u, v


@composite("spectral_norm")
def SPECTRAL_NORM(weight: Node, u: Node, v: Node, axis: int) -> Node:
    """W / (u^T W v)."""
    columns = v.type.shape[0]
    towards = reshape(matmul(reshape(u, (1, u.type.shape[0])), _matrix(weight, axis)), (columns, 1))
    sigma = matmul(reshape(v, (1, columns)), towards)
    return e.div(weight, broadcast_to(reshape(sigma, (1,) * len(weight.type.shape)), weight.type.shape))
