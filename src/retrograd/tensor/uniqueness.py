"""Distinct elements. How many there are is data: the tensor is computed now, and the results carry no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import ShapeError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array

__all__ = ["unique", "unique_consecutive"]

Array = np.ndarray[Any, Any]


def _packed(values: Array, inverse: Array, counts: Array, return_inverse: bool, return_counts: bool) -> Any:
    results = [values] + [inverse] * return_inverse + [counts] * return_counts
    made = tuple(from_array(np.asarray(x)) for x in results)
    return made[0] if len(made) == 1 else made


@method()
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct elements in ascending order, or the distinct slices along an axis. NaN are all distinct.

    Args:
        input: a tensor.
        sorted: has no effect: they come in order.
        return_inverse: give also where each element went.
        return_counts: give also how often each occurs.
        dim: the axis of the slices, or None for elements.

    Returns:
        The distinct elements, or a tuple of what was asked for: (values, inverse, counts).

    Source: torch.unique.

    >>> import retrograd as rg
    >>> rg.unique(rg.tensor([3, 1, 3, 2]), return_counts=True)
    (tensor([1, 2, 3]), tensor([1, 1, 2]))
    """
    operand("unique", input)
    axis = None if dim is None else input._axis(dim)
    array = input._value()
    if axis is None:
        values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, equal_nan=False)
        return _packed(values, inverse.reshape(array.shape), counts, return_inverse, return_counts)
    _require_slices("unique", array, axis)
    rows = _rows(array, axis)
    order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
    starts, counts = _runs(rows[order])
    inverse = np.empty(len(rows), np.int64)
    inverse[order] = np.repeat(np.arange(len(starts)), counts)
    values = np.take(array, order[starts], axis)
    return _packed(values, inverse, counts, return_inverse, return_counts)


@method()
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements, or of equal slices along an axis; see `unique`.

    Source: torch.unique_consecutive.

    >>> import retrograd as rg
    >>> rg.unique_consecutive(rg.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    operand("unique_consecutive", input)
    axis = None if dim is None else input._axis(dim)
    array = input._value()
    if axis is not None:
        _require_slices("unique_consecutive", array, axis)
    rows = array.reshape(-1, 1) if axis is None else _rows(array, axis)
    starts, counts = _runs(rows)
    inverse = np.repeat(np.arange(len(starts)), counts)
    if axis is None:
        return _packed(array.reshape(-1)[starts], inverse.reshape(array.shape), counts, return_inverse, return_counts)
    return _packed(np.take(array, starts, axis), inverse, counts, return_inverse, return_counts)


def _rows(array: Array, axis: int) -> Array:
    """The slices along an axis, each as a row."""
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], array.size // max(array.shape[axis], 1))


def _runs(rows: Array) -> tuple[Array, Array]:
    """Where runs of equal rows start, and how long they are."""
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(1)])
    starts = np.flatnonzero(new)
    return starts, np.diff(np.append(starts, len(rows)))


def _require_slices(name: str, array: Array, axis: int) -> None:
    if array.size == 0 and any(n == 0 for i, n in enumerate(array.shape) if i != axis):
        raise ShapeError(f"{name}: the slices along axis {axis} of {array.shape} are empty, and cannot be compared")
