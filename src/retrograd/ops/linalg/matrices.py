"""Small tools for matrices in gradient rules: transposes, triangles, diagonals, blocks. Leading axes are batches."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const_offset, iota, like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, permute, reshape, slice_


def transposed(x: Node) -> Node:
    last = len(x.type.shape) - 1
    return permute(x, (*range(last - 1), last, last - 1))


def product(*factors: Node) -> Node:
    """Matrices multiplied from left to right."""
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


def _coordinates(x: Node) -> tuple[Node, Node]:
    """Row and column of every element."""
    last = len(x.type.shape) - 1
    return iota(x.type.shape, last - 1), iota(x.type.shape, last)


def lower(x: Node, strictly: bool = False) -> Node:
    """The triangle on and below the diagonal, or below it."""
    row, column = _coordinates(x)
    return e.select((e.gt if strictly else e.ge)(row, column), x, like(0, x))


def upper(x: Node, strictly: bool = False) -> Node:
    """The triangle on and above the diagonal, or above it."""
    row, column = _coordinates(x)
    return e.select((e.lt if strictly else e.le)(row, column), x, like(0, x))


def diagonal_scaled(x: Node, factor: float) -> Node:
    """x with its diagonal times a factor."""
    row, column = _coordinates(x)
    return e.select(e.eq(row, column), e.mul(x, like(factor, x)), x)


def symmetric(x: Node) -> Node:
    """(x + x^T) / 2."""
    return e.mul(e.add(x, transposed(x)), like(0.5, x))


def identity(x: Node) -> Node:
    """The identity in the shape and dtype of x."""
    row, column = _coordinates(x)
    return e.select(e.eq(row, column), like(1, x), like(0, x))


def diagonal_matrix(values: Node) -> Node:
    """Matrices with these diagonals."""
    shape = (*values.type.shape, values.type.shape[-1])
    spread = broadcast_to(reshape(values, (*values.type.shape, 1)), shape)
    return e.mul(spread, identity(spread))


def columns_scaled(x: Node, scales: Node) -> Node:
    """Column j times scales[j]."""
    return e.mul(x, broadcast_to(reshape(scales, (*scales.type.shape[:-1], 1, scales.type.shape[-1])), x.type.shape))


def rows_scaled(x: Node, scales: Node) -> Node:
    """Row i times scales[i]."""
    return e.mul(x, broadcast_to(reshape(scales, (*scales.type.shape, 1)), x.type.shape))


def differences(values: Node) -> Node:
    """Element (i, j) is values[j] - values[i]."""
    shape = (*values.type.shape, values.type.shape[-1])
    across = broadcast_to(reshape(values, (*values.type.shape[:-1], 1, values.type.shape[-1])), shape)
    down = broadcast_to(reshape(values, (*values.type.shape, 1)), shape)
    return e.sub(across, down)


def inverse_or_zero(x: Node) -> Node:
    """1 / x, and 0 where x is 0: there a function that has a gradient at all does not depend on the quotient."""
    is_zero = e.eq(x, like(0, x))
    return e.select(is_zero, like(0, x), e.div(like(1, x), e.select(is_zero, like(1, x), x)))


def block(x: Node, rows: tuple[int, int], columns: tuple[int, int]) -> Node:
    """Rows and columns from .. to, of each matrix."""
    batch = x.type.shape[:-2]
    starts = (*(const_offset(0) for _ in batch), const_offset(rows[0]), const_offset(columns[0]))
    sizes = (*batch, rows[1] - rows[0], columns[1] - columns[0])
    return slice_(x, starts, sizes, (1,) * len(sizes))
