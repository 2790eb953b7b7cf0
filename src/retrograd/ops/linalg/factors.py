"""Primitives that take matrices apart into several factors.

A primitive has one value, so the elements of all factors stand behind one another in the last axis of it, once for each
matrix; `Decomposition` puts them in and takes them out again. Leading axes are batches. A matrix that cannot be taken
apart gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import const_offset
from retrograd.ops.movement import broadcast_to, reshape, slice_

Array = np.ndarray[Any, Any]
# The factors of one matrix, or of a stack of them.
Reference = Callable[..., Sequence[Array]]
# gradients of the factors, the matrix, the factors, attributes -> the gradient of the matrix
FactorGradient = Callable[[list[Node], Node, list[Node], tuple[Any, ...]], Node]


def require_matrices(name: str, type_: TensorType, square: bool = False) -> None:
    """Refuse what is not a matrix of floating-point numbers, or a batch of them.

    Raises:
        ShapeError, DTypeError.
    """
    if len(type_.shape) < 2:
        raise ShapeError(f"{name}: takes matrices, and received a tensor of shape {type_.shape}")
    if square and type_.shape[-1] != type_.shape[-2]:
        raise ShapeError(f"{name}: takes square matrices, and received a tensor of shape {type_.shape}")
    if not type_.dtype.is_floating_point:
        raise DTypeError(f"{name} takes floating-point numbers, and received {type_.dtype.name}; use .float() first")


def one_by_one(function: Callable[..., Any], arrays: Sequence[Array], shape: Shape) -> Array:
    """A function of matrices applied to a batch; where one fails, it gives NaN in the shape of one result."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(function(*arrays))
    except np.linalg.LinAlgError:
        pass
    batch = arrays[0].shape[:-2]
    out = np.full((*batch, *shape), np.nan, arrays[0].dtype)
    for place in np.ndindex(*batch):
        try:
            with np.errstate(all="ignore"):
                out[place] = function(*(x[place] for x in arrays))
        except np.linalg.LinAlgError:
            continue
    return out


def batched_fully(
    primitive: Callable[[], Primitive],
) -> Callable[[tuple[Node, ...], tuple[bool, ...], tuple[Any, ...], int], Node]:
    """The batching rule of primitives that take leading axes as batches: operands without one are repeated."""

    def rule(x: tuple[Node, ...], has: tuple[bool, ...], attributes: tuple[Any, ...], size: int) -> Node:
        full = tuple(
            v if h else broadcast_to(reshape(v, (1, *v.type.shape)), (size, *v.type.shape))
            for v, h in zip(x, has, strict=True)
        )
        return record(primitive(), full, attributes)

    return rule


class Decomposition:
    """A primitive of one matrix whose factors are packed.

    Args:
        name: of the primitive.
        shapes: from m, n and the attributes to the shapes of the factors of an m x n matrix.
        reference: from arrays (..., m, n) and the attributes to the factors, by NumPy.
        gradient: the gradient rule, in terms of factors.
        square: whether matrices must be square.
    """

    def __init__(
        self,
        name: str,
        shapes: Callable[..., tuple[Shape, ...]],
        reference: Reference,
        gradient: FactorGradient,
        square: bool = False,
    ) -> None:
        self.name, self.shapes, self.square = name, shapes, square
        self.reference, self.gradient = reference, gradient
        self.primitive: Primitive = register(
            Primitive(name, self._infer, self._reference, self._gradient, batched_fully(lambda: self.primitive))
        )

    def __call__(self, x: Node, *attributes: Any) -> list[Node]:
        """The factors of x."""
        return self._unpack(record(self.primitive, (x,), attributes), x.type, attributes)

    def _infer(self, types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
        (x,) = types
        require_matrices(self.name, x, self.square)
        length = sum(math.prod(shape) for shape in self.shapes(*x.shape[-2:], *attributes))
        return tensor_type((*x.shape[:-2], length), x.dtype)

    def _reference(self, x: Array, *attributes: Any) -> Array:
        shapes = self.shapes(*x.shape[-2:], *attributes)
        length = sum(math.prod(shape) for shape in shapes)

        def packed(a: Array) -> Array:
            parts = [np.reshape(part, (*a.shape[:-2], -1)) for part in self.reference(a, *attributes)]
            return np.concatenate(parts, axis=-1)

        if x.size == 0 and 0 in x.shape[:-2]:
            return np.zeros((*x.shape[:-2], length), x.dtype)
        return one_by_one(packed, [x], (length,)).astype(x.dtype)

    def _gradient(self, g: Node, x: tuple[Node, ...], y: Node, attributes: tuple[Any, ...]) -> tuple[Node]:
        type_ = x[0].type
        gradients, factors = (self._unpack(v, type_, attributes) for v in (g, y))
        return (self.gradient(gradients, x[0], factors, attributes),)

    def _unpack(self, packed: Node, type_: TensorType, attributes: tuple[Any, ...]) -> list[Node]:
        batch, start = packed.type.shape[:-1], 0
        factors = []
        for shape in self.shapes(*type_.shape[-2:], *attributes):
            starts = (*(const_offset(0) for _ in batch), const_offset(start))
            part = slice_(packed, starts, (*batch, math.prod(shape)), (1,) * len(starts))
            factors.append(reshape(part, (*batch, *shape)))
            start += math.prod(shape)
        return factors
