"""Finite differences: what a gradient is held against.

    df/dx_i = (f(x + eps e_i) - f(x - eps e_i)) / (2 eps) + O(eps^2)

For float64 and eps = 1e-6 rounding adds about 1e-10 of the size of f, so that some nine digits are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Gives the outputs for what stands in the inputs' arrays now.
Outputs = Callable[[], Sequence[Array]]


def numerical_jacobians(function: Outputs, array: Array, eps: float) -> list[Array]:
    """The derivative of each output by each element of an input, by central differences.

    Args:
        function: computes the outputs from the arrays of the inputs.
        array: an input; its elements are changed one after another, and put back.
        eps: by how much.

    Returns:
        For each output a matrix with a row for each element of the input, and a column for each of the output.

    >>> x = np.array([1.0, 2.0])
    >>> (jacobian,) = numerical_jacobians(lambda: [x * x], x, 1e-6)
    >>> jacobian.round(6).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    rows = []
    for place in np.ndindex(array.shape):
        before = array[place]
        try:
            array[place] = before + eps
            above = _flat(function())
            array[place] = before - eps
            below = _flat(function())
        finally:
            array[place] = before
        rows.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
    if not rows:
        return [np.zeros((0, len(y))) for y in _flat(function())]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def numerical_derivative(function: Outputs, arrays: Sequence[Array], direction: Sequence[Array], eps: float) -> Any:
    """The derivative of each output along a direction in the space of several inputs, by central differences."""
    before = [array.copy() for array in arrays]
    try:
        for array, start, way in zip(arrays, before, direction, strict=True):
            array[...] = start + eps * way
        above = _flat(function())
        for array, start, way in zip(arrays, before, direction, strict=True):
            array[...] = start - eps * way
        below = _flat(function())
    finally:
        for array, start in zip(arrays, before, strict=True):
            array[...] = start
    return [(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)]


def differ(a: Array, b: Array, rtol: float, atol: float) -> bool:
    """Whether |a - b| <= atol + rtol |b| fails somewhere."""
    return not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


def _flat(outputs: Sequence[Array]) -> list[Array]:
    return [np.array(y, np.float64).reshape(-1) for y in outputs]
