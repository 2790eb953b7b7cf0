"""Rows of what parametrizations compute; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import ShapeError
from tests.support.table import Array, Case, Refusal, Row, numbers

EPS = np.array(1e-12, np.float32)


def _norm(v: Array, axis: int | None) -> Array:
    axes = tuple(i for i in range(v.ndim) if i != axis)
    return np.sqrt((v * v).sum(axis=axes, keepdims=axis is not None))


def _torch_norm(axis: int | None) -> Any:
    def norm(v: Any) -> Any:
        import torch  # noqa: PLC0415 - PyTorch may be missing

        return torch.norm_except_dim(v, 2, -1 if axis is None else axis)

    return norm


def _torch_weight_norm(axis: int) -> Any:
    def weight_norm(v: Any, g: Any) -> Any:
        import torch  # noqa: PLC0415 - PyTorch may be missing

        return torch._weight_norm(v, g, axis)

    return weight_norm


def _matrix(weight: Array, axis: int) -> Array:
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def _power_iteration(weight: Array, u: Array, v: Array, eps: Array, axis: int, count: int, v_first: bool) -> Any:
    def unit(x: Array) -> Array:
        return x / max(np.linalg.norm(x), float(eps))

    matrix = _matrix(weight, axis)
    for _ in range(count):
        if v_first:
            v = unit(matrix.T @ u)
            u = unit(matrix @ v)
        else:
            u = unit(matrix @ v)
            v = unit(matrix.T @ u)
    return u, v


_u, _v = numbers((3,), 1), numbers((4,), 2)

PARAMETRIZE_ROWS: tuple[Row, ...] = (
    Row(
        "norm_except_dim",
        (
            *(Case((numbers((3, 2, 2)),), (axis,), _norm, _torch_norm(axis)) for axis in (0, None)),
            Case((numbers((3, 2, 2)),), (1,), _norm),
        ),
    ),
    Row(
        "weight_norm",
        (
            *(
                Case((numbers((3, 4)), numbers(length, 1)), (axis,), lambda v, g, axis: g * v / _norm(v, axis), twin)
                for axis, length, twin in (
                    (0, (3, 1), _torch_weight_norm(0)),
                    (1, (1, 4), _torch_weight_norm(1)),
                    (None, (), None),
                )
            ),
        ),
        (Refusal((numbers((3, 4)), numbers((3,))), (0,), ShapeError, "the length g has shape"),),
    ),
    Row(
        "power_iteration",
        (
            *(Case((numbers((3, 4)), _u, _v, EPS), (0, 2, v_first), _power_iteration) for v_first in (False, True)),
            Case((numbers((2, 3, 2)), _u, _v, EPS), (1, 1, True), _power_iteration),
        ),
    ),
    Row(
        "spectral_norm",
        (
            Case((numbers((3, 4)), _u, _v), (0,), lambda w, u, v, axis: w / (u @ _matrix(w, axis) @ v)),
            Case((numbers((2, 3, 2)), _u, _v), (1,), lambda w, u, v, axis: w / (u @ _matrix(w, axis) @ v)),
        ),
    ),
)
