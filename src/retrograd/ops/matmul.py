"""Batched matrix multiplication: C[..., i, j] = sum_k A[..., i, k] B[..., k, j], batch axes equal on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops.movement import broadcast_to, reshape, transpose


def _infer(types: tuple[TensorType, ...]) -> TensorType:
    a, b = types
    if a.dtype is not b.dtype:
        raise DTypeError(f"matmul: operands have dtypes {a.dtype.name} and {b.dtype.name}; cast one with .to(dtype)")
    if a.shape[-1] != b.shape[-2] or a.shape[:-2] != b.shape[:-2]:
        raise ShapeError(
            f"matmul: {a.shape} and {b.shape} do not fit: the last axis of the first must equal the last axis but one "
            "of the second, and the batch axes must agree"
        )
    return tensor_type((*a.shape[:-1], b.shape[-1]), a.dtype)


def _gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
    a, b = x
    return matmul(g, transpose(b)), matmul(transpose(a), g)


def _batch(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    full = tuple(
        v if h else broadcast_to(reshape(v, (1, *v.type.shape)), (size, *v.type.shape))
        for v, h in zip(x, has, strict=True)
    )
    return record(MATMUL, full)


def _reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(np.matmul(a, b))


MATMUL = register(Primitive("matmul", _infer, _reference, _gradient, _batch))


def matmul(a: Node, b: Node) -> Node:
    return record(MATMUL, (a, b))
