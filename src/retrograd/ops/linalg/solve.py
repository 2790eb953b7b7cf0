"""Linear equations as a primitive, and what is composed of it: inverses, triangular systems, least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import TensorType
from retrograd.ops import elementwise as e
from retrograd.ops.linalg.factors import batched_fully, one_by_one, require_matrices
from retrograd.ops.linalg.matrices import identity, lower, product, transposed, upper
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape


def _infer(types: tuple[TensorType, ...]) -> TensorType:
    a, b = types
    require_matrices("solve", a, square=True)
    require_matrices("solve", b)
    if a.dtype is not b.dtype:
        raise DTypeError(f"solve: operands have dtypes {a.dtype.name} and {b.dtype.name}; cast one with .to(dtype)")
    if a.shape[:-1] != b.shape[:-1]:
        raise ShapeError(f"solve: {a.shape} and {b.shape} do not fit: they must have the same batches and rows")
    return b


def _reference(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if b.size == 0:
        return np.zeros_like(b)
    return one_by_one(np.linalg.solve, [a, b], b.shape[-2:])


def _gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
    to_b = solve(transposed(x[0]), g)
    return e.neg(product(to_b, transposed(y))), to_b


SOLVE: Primitive = register(Primitive("solve", _infer, _reference, _gradient, batched_fully(lambda: SOLVE)))


def solve(a: Node, b: Node) -> Node:
    """x with a x = b, for square matrices a and matrices b; NaN where a is singular."""
    return record(SOLVE, (a, b))


def inverse(a: Node) -> Node:
    return solve(a, identity(a))


@composite("inv")
def INV(a: Node) -> Node:
    """The inverse of square matrices."""
    require_matrices("inv", a.type, square=True)
    return inverse(a)


def _met(name: str, a: Node, b: Node) -> tuple[Node, Node]:
    """Matrices whose batches broadcast."""
    require_matrices(name, a.type)
    require_matrices(name, b.type)
    batch = broadcast_shapes(name, a.type.shape[:-2], b.type.shape[:-2])
    return broadcast_to(a, (*batch, *a.type.shape[-2:])), broadcast_to(b, (*batch, *b.type.shape[-2:]))


@composite("linalg_solve")
def LINALG_SOLVE(a: Node, b: Node, is_vector: bool, left: bool) -> Node:
    """x with a x = b, or x a = b; batches broadcast, and b may be vectors."""
    require_matrices("solve", a.type, square=True)
    b = reshape(b, (*b.type.shape, 1)) if is_vector else b
    a, b = _met("solve", a, b)
    x = solve(a, b) if left else transposed(solve(transposed(a), transposed(b)))
    return reshape(x, x.type.shape[:-1]) if is_vector else x


@composite("solve_triangular")
def SOLVE_TRIANGULAR(a: Node, b: Node, is_upper: bool, left: bool, unitriangular: bool, transpose: bool) -> Node:
    """x with a x = b, or x a = b, of which one triangle of a is looked at."""
    require_matrices("solve_triangular", a.type, square=True)
    a, b = _met("solve_triangular", a, b)
    a = (upper if is_upper else lower)(a, strictly=unitriangular)
    a = e.add(a, identity(a)) if unitriangular else a
    a = transposed(a) if transpose else a
    return solve(a, b) if left else transposed(solve(transposed(a), transposed(b)))


@composite("cholesky_solve")
def CHOLESKY_SOLVE(b: Node, factor: Node, is_upper: bool) -> Node:
    """x with (l l^T) x = b, of which the triangle l is given, or l^T."""
    factor, b = _met("cholesky_solve", factor, b)
    low = transposed(upper(factor)) if is_upper else lower(factor)
    return solve(transposed(low), solve(low, b))


@composite("cholesky_inverse")
def CHOLESKY_INVERSE(factor: Node, is_upper: bool) -> Node:
    """The inverse of l l^T, of which the triangle l is given, or l^T."""
    require_matrices("cholesky_inverse", factor.type, square=True)
    low = transposed(upper(factor)) if is_upper else lower(factor)
    half = solve(low, identity(low))
    return product(transposed(half), half)
