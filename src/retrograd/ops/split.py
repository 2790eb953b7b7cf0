"""A tensor taken apart along an axis, as a composite.

Its parts are slices. The gradient is the gradients of the parts side by side; taken slice by slice it would be as many
arrays of zeros with a part written in, and their sum.
"""

from __future__ import annotations

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Call, composite, record, results
from retrograd.core.types import Shape, tensor_type
from retrograd.ops.constant import const_offset, zeros
from retrograd.ops.movement import concat, slice_


def _part(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _gradient(call: Call) -> tuple[Node]:
    (x,) = call.inputs
    axis, sizes = call.attributes
    return (
        concat(
            tuple(
                call.seeds[i] if i in call.seeds else zeros(tensor_type(_part(x.type.shape, axis, size), x.type.dtype))
                for i, size in enumerate(sizes)
            ),
            axis,
        ),
    )


@composite("split", call_gradient=_gradient)
def SPLIT(x: Node, axis: int, sizes: Shape) -> tuple[Node, ...]:
    """Parts of these sizes along an axis."""
    shape = x.type.shape
    if sum(sizes) != shape[axis]:
        raise ShapeError(f"split: the parts {sizes} must add up to the extent {shape[axis]} of axis {axis}")
    parts, start = [], 0
    for size in sizes:
        starts = tuple(const_offset(start if i == axis else 0) for i in range(len(shape)))
        parts.append(slice_(x, starts, _part(shape, axis, size), (1,) * len(shape)))
        start += size
    return tuple(parts)


def split(x: Node, axis: int, sizes: Shape) -> list[Node]:
    """The parts, as nodes."""
    return results(record(SPLIT, (x,), (axis, sizes)))
