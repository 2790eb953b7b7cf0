"""Windows that slide over the trailing axes of (batch, channels, *spatial): where they stand, and what is in them.

Along one axis, window o holds the elements o * stride - low + k * dilation, k < kernel; those below 0 or beyond the
extent are padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.types import Shape, TensorType
from retrograd.ops.conv import Padding, dilated_extent
from retrograd.ops.movement import broadcast_to, reshape


class Windows(NamedTuple):
    """The attributes of a pooling primitive, each with one entry an axis.

    Attributes:
        kernel: elements of a window.
        stride: from one window to the next.
        padding: (low, high), elements before the first and after the last.
        dilation: from one element of a window to the next.
    """

    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape


def window_extents(name: str, type_: TensorType, windows: Windows, spread: Shape | None = None) -> Shape:
    """How many windows there are along each axis.

    Args:
        name: of the operation, for messages.
        type_: of the input.
        windows: which ones.
        spread: dilation of the input.

    Raises:
        ShapeError: the attributes do not fit the input, or a window does not fit in it.
    """
    spatial = len(type_.shape) - 2
    if spatial < 1:
        raise ShapeError(f"{name}: the input has shape {type_.shape}; it must be (batch, channels, *spatial)")
    for what, values in zip(windows._fields, windows, strict=True):
        if len(values) != spatial:
            raise ShapeError(f"{name}: {what} is {values}; it must hold one entry for each of the {spatial} axes")
    positive = (*windows.kernel, *windows.stride, *windows.dilation, *(spread or ()))
    if min(positive) < 1:
        raise ShapeError(f"{name}: kernel, stride and dilation must be positive, and are {windows}")
    extents = []
    for axis, n in enumerate(type_.shape[2:]):
        low, high = windows.padding[axis]
        padded = dilated_extent(n, spread[axis] if spread else 1) + low + high
        span = dilated_extent(windows.kernel[axis], windows.dilation[axis])
        if span > padded:
            raise ShapeError(
                f"{name}: along spatial axis {axis} of {type_.shape} a window spans {span}, and the padded input has "
                f"extent {padded}; pad the input or take a smaller kernel"
            )
        extents.append((padded - span) // windows.stride[axis] + 1)
    return tuple(extents)


def taps(padded: np.ndarray, windows: Windows) -> Iterator[np.ndarray]:
    """For each position in a window, in row-major order, the elements that stand there, as a view."""
    counts = [
        (n - dilated_extent(k, d)) // s + 1
        for n, k, s, d in zip(padded.shape[2:], windows.kernel, windows.stride, windows.dilation, strict=True)
    ]
    for place in np.ndindex(*windows.kernel):
        starts = [k * d for k, d in zip(place, windows.dilation, strict=True)]
        region = (
            slice(start, start + (count - 1) * step + 1, step)
            for start, count, step in zip(starts, counts, windows.stride, strict=True)
        )
        yield padded[(slice(None), slice(None), *region)]


def merged(x: Node, has_batch: bool, size: int) -> Node:
    """(size, batch, ...) as (size * batch, ...); what has no leading axis yet is repeated."""
    if not has_batch:
        x = broadcast_to(reshape(x, (1, *x.type.shape)), (size, *x.type.shape))
    return reshape(x, (size * x.type.shape[1], *x.type.shape[2:]))


def parted(x: Node, size: int) -> Node:
    """(size * batch, ...) as (size, batch, ...)."""
    return reshape(x, (size, x.type.shape[0] // size, *x.type.shape[1:]))
