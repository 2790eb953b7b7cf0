"""Products of vectors and matrices as users know them, as composites."""

from __future__ import annotations

import math
from itertools import pairwise

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, meet
from retrograd.ops.constant import const_offset, iota, like
from retrograd.ops.linear import MATMUL
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, concat, permute, reshape, slice_
from retrograd.ops.reduce import drop_axes, sum_keepdim
from retrograd.ops.spread import spread


def _require_dtype(name: str, *operands: Node) -> None:
    """Products of matrices promote nothing, as in PyTorch."""
    first = operands[0].type.dtype
    for x in operands[1:]:
        if x.type.dtype is not first:
            raise DTypeError(
                f"{name}: operands have dtypes {first.name} and {x.type.dtype.name}; cast one with .to(dtype)"
            )


def _require_axes(name: str, *wanted: tuple[Node, int]) -> None:
    for x, ndim in wanted:
        if len(x.type.shape) != ndim:
            shapes = " and ".join(str(y.type.shape) for y, _ in wanted)
            raise ShapeError(f"{name}: takes operands of {' and '.join(str(n) for _, n in wanted)} axes; got {shapes}")


def _checked(name: str, a: Node, b: Node, axes: tuple[int, int]) -> Node:
    _require_dtype(name, a, b)
    _require_axes(name, (a, axes[0]), (b, axes[1]))
    if name == "bmm" and a.type.shape[0] != b.type.shape[0]:
        raise ShapeError(f"bmm: {a.type.shape} and {b.type.shape} are batches of different lengths")
    if axes == (1, 1) and a.type.shape != b.type.shape:
        raise ShapeError(f"{name}: vectors of {a.type.shape[0]} and {b.type.shape[0]} elements have no product")
    return record(MATMUL, (a, b))


@composite("mm")
def MM(a: Node, b: Node) -> Node:
    """The product of two matrices."""
    return _checked("mm", a, b, (2, 2))


@composite("bmm")
def BMM(a: Node, b: Node) -> Node:
    """The products of matrices of two batches."""
    return _checked("bmm", a, b, (3, 3))


@composite("mv")
def MV(a: Node, b: Node) -> Node:
    """The product of a matrix and a vector."""
    return _checked("mv", a, b, (2, 1))


@composite("dot")
def DOT(a: Node, b: Node) -> Node:
    """The inner product of two vectors."""
    return _checked("dot", a, b, (1, 1))


@composite("outer")
def OUTER(a: Node, b: Node) -> Node:
    """All products of an element of one vector and an element of another."""
    _require_axes("outer", (a, 1), (b, 1))
    return e.mul(*meet("outer", reshape(a, (*a.type.shape, 1)), b))


@composite("inner")
def INNER(a: Node, b: Node) -> Node:
    """Sums of products over the last axes of both; with a single number, plain products."""
    if not a.type.shape or not b.type.shape:
        return e.mul(*meet("inner", a, b))
    _require_dtype("inner", a, b)
    if a.type.shape[-1] != b.type.shape[-1]:
        raise ShapeError(f"inner: the last axes of {a.type.shape} and {b.type.shape} must be equal")
    return contract(a, b, (len(a.type.shape) - 1,), (len(b.type.shape) - 1,))


def contract(a: Node, b: Node, over_a: Shape, over_b: Shape) -> Node:
    """The sum over pairs of axes; the other axes of a, then those of b, remain. One product of matrices."""
    kept_a = tuple(i for i in range(len(a.type.shape)) if i not in over_a)
    kept_b = tuple(i for i in range(len(b.type.shape)) if i not in over_b)
    rows, columns = ([x.type.shape[i] for i in kept] for x, kept in ((a, kept_a), (b, kept_b)))
    inner = math.prod(a.type.shape[i] for i in over_a)
    left = reshape(permute(a, (*kept_a, *over_a)), (math.prod(rows), inner))
    right = reshape(permute(b, (*over_b, *kept_b)), (inner, math.prod(columns)))
    return reshape(matmul(left, right), (*rows, *columns))


@composite("tensordot")
def TENSORDOT(a: Node, b: Node, over_a: Shape, over_b: Shape) -> Node:
    """The sum of products over pairs of axes; one of extent 1 broadcasts."""
    _require_dtype("tensordot", a, b)
    for i, j in zip(over_a, over_b, strict=True):
        if a.type.shape[i] == 1:
            b = sum_keepdim(b, (j,))
        elif b.type.shape[j] == 1:
            a = sum_keepdim(a, (i,))
        if a.type.shape[i] != b.type.shape[j]:
            raise ShapeError(
                f"tensordot: axis {i} of {a.type.shape} and axis {j} of {b.type.shape} are summed over together, and "
                "must be equal"
            )
    return contract(a, b, over_a, over_b)


@composite("kron")
def KRON(a: Node, b: Node) -> Node:
    """Every element of a times the whole of b, as one tensor."""
    ndim = max(len(a.type.shape), len(b.type.shape))
    first = (1,) * (ndim - len(a.type.shape)) + a.type.shape
    second = (1,) * (ndim - len(b.type.shape)) + b.type.shape
    a = reshape(a, tuple(n for extent in first for n in (extent, 1)))
    b = reshape(b, tuple(n for extent in second for n in (1, extent)))
    return reshape(e.mul(*meet("kron", a, b)), tuple(n * m for n, m in zip(first, second, strict=True)))


@composite("cross")
def CROSS(a: Node, b: Node, axis: int) -> Node:
    """The cross product of vectors of three elements along an axis."""
    a, b = meet("cross", a, b)
    if a.type.shape[axis] != 3:
        raise ShapeError(f"cross: axis {axis} of {a.type.shape} must have extent 3")
    return e.sub(e.mul(_turned(a, axis, 1), _turned(b, axis, 2)), e.mul(_turned(a, axis, 2), _turned(b, axis, 1)))


def _turned(x: Node, axis: int, by: int) -> Node:
    """Three elements along an axis, in a circle: element i is x[i + by]."""
    return concat((_cut(x, axis, by, 3), _cut(x, axis, 0, by)), axis)


def _cut(x: Node, axis: int, start: int, stop: int) -> Node:
    shape = x.type.shape
    starts = tuple(const_offset(start if i == axis else 0) for i in range(len(shape)))
    return slice_(x, starts, (*shape[:axis], stop - start, *shape[axis + 1 :]), (1,) * len(shape))


@composite("vecdot")
def VECDOT(a: Node, b: Node, axis: int) -> Node:
    """Sums of products along an axis."""
    a, b = meet("vecdot", a, b)
    return drop_axes(sum_keepdim(e.mul(a, b), (axis % len(a.type.shape),)), (axis % len(a.type.shape),))


# -- scaled sums ------------------------------------------------------------------------------------------------------


def _added(name: str, x: Node, product: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha product; where beta is 0, x may be NaN or infinite."""
    scaled = e.mul(spread(alpha, product), product)
    if skips_input:
        return scaled
    if len(x.type.shape) > len(product.type.shape):
        raise ShapeError(f"{name}: an input of shape {x.type.shape} does not broadcast to {product.type.shape}")
    x = broadcast_to(x, product.type.shape)
    return e.add(e.mul(spread(beta, x), x), scaled)


@composite("addmm")
def ADDMM(x: Node, a: Node, b: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha a b."""
    _require_dtype("addmm", x, a, b)
    return _added("addmm", x, _checked("addmm", a, b, (2, 2)), beta, alpha, skips_input)


@composite("addmv")
def ADDMV(x: Node, a: Node, b: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha a b, b a vector."""
    _require_dtype("addmv", x, a, b)
    return _added("addmv", x, _checked("addmv", a, b, (2, 1)), beta, alpha, skips_input)


@composite("addr")
def ADDR(x: Node, a: Node, b: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha a b^T of vectors a and b."""
    product = record(OUTER, (a, b))
    dtype = common_dtype(x, product)
    return _added("addr", e.cast(x, dtype), e.cast(product, dtype), beta, alpha, skips_input)


@composite("baddbmm")
def BADDBMM(x: Node, a: Node, b: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha a b, of batches of matrices."""
    _require_dtype("baddbmm", x, a, b)
    return _added("baddbmm", x, _checked("bmm", a, b, (3, 3)), beta, alpha, skips_input)


@composite("addbmm")
def ADDBMM(x: Node, a: Node, b: Node, beta: Node, alpha: Node, skips_input: bool) -> Node:
    """beta x + alpha (the sum of the products of two batches of matrices)."""
    _require_dtype("addbmm", x, a, b)
    product = sum_keepdim(_checked("bmm", a, b, (3, 3)), (0,))
    return _added("addbmm", x, drop_axes(product, (0,)), beta, alpha, skips_input)


@composite("matrix_power")
def MATRIX_POWER(x: Node, exponent: int) -> Node:
    """x multiplied by itself so many times, by repeated squaring; `exponent` is not negative."""
    if exponent == 0:
        return identity(x)
    result: Node | None = None
    square = x
    while exponent > 1:
        if exponent & 1:
            result = square if result is None else matmul(result, square)
        square = matmul(square, square)
        exponent >>= 1
    return square if result is None else matmul(result, square)


@composite("chain_matmul")
def CHAIN_MATMUL(*matrices: Node) -> Node:
    """The product of matrices in the cheapest order; the first and the last may be vectors."""
    _require_dtype("multi_dot", *matrices)
    factors = list(matrices)
    row, column = len(factors[0].type.shape) == 1, len(factors[-1].type.shape) == 1
    if row:
        factors[0] = reshape(factors[0], (1, *factors[0].type.shape))
    if column:
        factors[-1] = reshape(factors[-1], (*factors[-1].type.shape, 1))
    _require_axes("multi_dot", *((x, 2) for x in factors))
    for a, b in pairwise(factors):
        if a.type.shape[1] != b.type.shape[0]:
            raise ShapeError(f"multi_dot: {a.type.shape} and {b.type.shape} do not fit")
    y = _multiplied(factors, _cuts([factors[0].type.shape[0], *(x.type.shape[1] for x in factors)]), 0, len(factors))
    kept = (() if row else y.type.shape[:1]) + (() if column else y.type.shape[1:])
    return reshape(y, kept)


def _cuts(extents: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut each run of factors for the fewest multiplications; factor i is extents[i] x extents[i+1]."""
    count = len(extents) - 1
    cost = {(i, i + 1): 0 for i in range(count)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length
            options = {k: cost[i, k] + cost[k, j] + extents[i] * extents[k] * extents[j] for k in range(i + 1, j)}
            cuts[i, j] = min(options, key=options.__getitem__)
            cost[i, j] = options[cuts[i, j]]
    return cuts


def _multiplied(factors: list[Node], cuts: dict[tuple[int, int], int], start: int, stop: int) -> Node:
    if stop - start == 1:
        return factors[start]
    cut = cuts[start, stop]
    return matmul(_multiplied(factors, cuts, start, cut), _multiplied(factors, cuts, cut, stop))


def identity(x: Node) -> Node:
    """The identity matrix in the dtype and the last two extents of x, once for each matrix of x."""
    one = like(1, x)
    on_diagonal = e.eq(iota(x.type.shape, len(x.type.shape) - 2), iota(x.type.shape, len(x.type.shape) - 1))
    return e.select(on_diagonal, one, like(0, x))
