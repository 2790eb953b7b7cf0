"""Windowed sums, with every knob that their own gradient needs.

    y[n, c, o] = sum over k of x'[n, c, stride o + dilation k]

where x' is x with input_dilation - 1 zeros between neighbours and then `padding` zeros at each end (a negative width
crops). The gradient is a windowed sum again, with stride and input dilation exchanged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import zeros
from retrograd.ops.conv import Padding, dilated_extent
from retrograd.ops.window import Windows, merged, parted, taps, window_extents


def _infer(
    types: tuple[TensorType, ...],
    kernel: Shape,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    input_dilation: Shape,
) -> TensorType:
    (x,) = types
    if x.dtype is bool_:
        raise DTypeError("sum_pool takes numbers, and received bool; cast with .to(dtype) first")
    if len(input_dilation) != len(x.shape) - 2:
        raise ShapeError(f"sum_pool: input_dilation is {input_dilation}; it must hold one entry for each spatial axis")
    windows = Windows(kernel, stride, padding, dilation)
    return tensor_type((*x.shape[:2], *window_extents("sum_pool", x, windows, input_dilation)), x.dtype)


def _reference(
    x: np.ndarray, kernel: Shape, stride: Shape, padding: Padding, dilation: Shape, input_dilation: Shape
) -> np.ndarray:
    total: np.ndarray | None = None
    with np.errstate(all="ignore"):
        for value in taps(_spread(x, padding, input_dilation), Windows(kernel, stride, padding, dilation)):
            total = value.copy() if total is None else total + value
    assert total is not None
    return total


def _spread(x: np.ndarray, padding: Padding, dilation: Shape) -> np.ndarray:
    """x'. What lies outside after cropping is left out."""
    extents = [
        dilated_extent(n, d) + low + high for n, d, (low, high) in zip(x.shape[2:], dilation, padding, strict=True)
    ]
    out = np.zeros((*x.shape[:2], *extents), x.dtype)
    source, target = [], []
    for n, d, (low, _), extent in zip(x.shape[2:], dilation, padding, extents, strict=True):
        inside = [i for i in range(n) if 0 <= i * d + low < extent]
        first, count = (inside[0], len(inside)) if inside else (0, 0)
        source.append(slice(first, first + count))
        start = first * d + low if count else 0
        target.append(slice(start, start + (count - 1) * d + 1 if count else start, d))
    out[(slice(None), slice(None), *target)] = x[(slice(None), slice(None), *source)]
    return out


def _gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    """Every sum hands its gradient to the elements of its window: g spread by the stride, summed over the same span."""
    (x,) = inputs
    kernel, stride, padding, dilation, input_dilation = attributes
    if not (x.type.size and y.type.size):
        return (zeros(x.type),)
    widths = []
    for i, (low, _) in enumerate(padding):
        span = dilated_extent(kernel[i], dilation[i])
        wanted = dilated_extent(x.type.shape[2 + i], input_dilation[i]) + span - 1
        before = span - 1 - low
        widths.append((before, wanted - before - dilated_extent(g.type.shape[2 + i], stride[i])))
    return (record(SUM_POOL, (g,), (kernel, input_dilation, tuple(widths), dilation, stride)),)


def _batch(inputs: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    return parted(record(SUM_POOL, (merged(inputs[0], True, size),), attributes), size)


SUM_POOL = register(Primitive("sum_pool", _infer, _reference, _gradient, _batch))


def sum_pool(x: Node, windows: Windows) -> Node:
    """The sum of each window of x, (batch, channels, *spatial); padding counts as 0."""
    return record(SUM_POOL, (x,), (*windows, (1,) * len(windows.kernel)))
