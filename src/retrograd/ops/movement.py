"""Movement primitives: the same elements in another arrangement.

Offsets say where, not what shape: `slice` and `slice_put` take them as run-time int64 inputs, so that a thousand
values of `data[i:i+n]` are one structure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node, input_node
from retrograd.core.operation import PRIMITIVES, Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import const, const_offset, iota, zeros

OFFSET_TYPE = tensor_type((), int64)


def offset(value: int) -> Node:
    """An offset as a run-time input."""
    return input_node(OFFSET_TYPE, Scalar(value))


# -- reshape ----------------------------------------------------------------------------------------------------------


def _infer_reshape(types: tuple[TensorType, ...], shape: Shape) -> TensorType:
    if math.prod(shape) != types[0].size:
        raise ShapeError(
            f"reshape: {types[0].shape} has {types[0].size} elements, and {shape} has {math.prod(shape)}; "
            "the counts must be equal"
        )
    return tensor_type(shape, types[0].dtype)


def reshape(x: Node, shape: Shape) -> Node:
    """The elements of x in row-major order, in another shape."""
    return x if x.type.shape == shape else record(RESHAPE, (x,), (shape,))


RESHAPE = register(
    Primitive(
        "reshape",
        _infer_reshape,
        lambda x, shape: x.reshape(shape),
        lambda g, x, y, _: (reshape(g, x[0].type.shape),),
        lambda x, has, attributes, size: reshape(x[0], (size, *attributes[0])),
    )
)

# -- permute ----------------------------------------------------------------------------------------------------------


def _infer_permute(types: tuple[TensorType, ...], order: Shape) -> TensorType:
    shape = types[0].shape
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"permute: {order} does not name each of the {len(shape)} axes of {shape} once")
    return tensor_type(tuple(shape[axis] for axis in order), types[0].dtype)


def inverse_order(order: Shape) -> Shape:
    inverse = [0] * len(order)
    for new, old in enumerate(order):
        inverse[old] = new
    return tuple(inverse)


def permute(x: Node, order: Shape) -> Node:
    """Axis i of the result is axis order[i] of x."""
    return x if order == tuple(range(len(order))) else record(PERMUTE, (x,), (order,))


PERMUTE = register(
    Primitive(
        "permute",
        _infer_permute,
        lambda x, order: np.transpose(x, order),
        lambda g, x, y, attributes: (permute(g, inverse_order(attributes[0])),),
        lambda x, has, attributes, size: permute(x[0], (0, *(axis + 1 for axis in attributes[0]))),
    )
)


def transpose(x: Node, a: int = -2, b: int = -1) -> Node:
    """x with two axes exchanged."""
    order = list(range(len(x.type.shape)))
    order[a], order[b] = order[b], order[a]
    return permute(x, tuple(order))


# -- broadcast --------------------------------------------------------------------------------------------------------


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """The shape in which `shapes` meet, aligned at the right.

    Raises:
        ShapeError: two extents differ and neither is 1.
    """
    ndim = max(map(len, shapes))
    result = [1] * ndim
    for shape in shapes:
        for axis, extent in enumerate(shape, ndim - len(shape)):
            if extent == 1 or extent == result[axis]:
                continue
            if result[axis] != 1:
                listed = " and ".join(map(str, shapes))
                raise ShapeError(
                    f"{name}: shapes {listed} do not broadcast: axis {axis - ndim} has extents "
                    f"{result[axis]} and {extent}, which must be equal or 1"
                )
            result[axis] = extent
    return tuple(result)


def _infer_broadcast(types: tuple[TensorType, ...], shape: Shape) -> TensorType:
    old = types[0].shape
    if len(old) != len(shape) or any(a not in (1, b) for a, b in zip(old, shape, strict=True)):
        raise ShapeError(f"expand: {old} does not expand to {shape}: only axes of extent 1 grow")
    return tensor_type(shape, types[0].dtype)


def _broadcast_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    grown = tuple(i for i, (a, b) in enumerate(zip(x[0].type.shape, y.type.shape, strict=True)) if a != b)
    # By name, since ops/reduce.py stands on this file.
    return (record(PRIMITIVES["sum"], (g,), (grown,)),)


BROADCAST = register(
    Primitive(
        "broadcast",
        _infer_broadcast,
        lambda x, shape: np.broadcast_to(x, shape),
        _broadcast_gradient,
        lambda x, has, attributes, size: broadcast_to(x[0], (size, *attributes[0])),
    )
)


def broadcast_to(x: Node, shape: Shape) -> Node:
    """x repeated along new leading axes and along axes of extent 1."""
    old = x.type.shape
    if old == shape:
        return x
    x = reshape(x, (1,) * (len(shape) - len(old)) + old)
    return x if x.type.shape == shape else record(BROADCAST, (x,), (shape,))


def batched_alike(x: Sequence[Node], has: Sequence[bool], size: int) -> tuple[Node, ...]:
    """Operands that all have a leading batch axis: those that lack it are the same for each example."""
    return tuple(
        v if batched else broadcast_to(reshape(v, (1, *v.type.shape)), (size, *v.type.shape))
        for v, batched in zip(x, has, strict=True)
    )


# -- slice and its inverse --------------------------------------------------------------------------------------------


def _region(shape: Shape, starts: tuple[Any, ...], sizes: Shape, steps: Shape) -> tuple[slice, ...]:
    """The index of a region; starts are clamped so that it lies within, whatever the offsets are."""
    index = []
    for extent, start, size, step in zip(shape, starts, sizes, steps, strict=True):
        span = (size - 1) * abs(step) + 1 if size else 0
        low = min(max(int(start), 0), extent - span)
        index.append(slice(low, low + span, step))
    return tuple(index)


def _check_region(name: str, shape: Shape, sizes: Shape, steps: Shape) -> None:
    for axis, (extent, size, step) in enumerate(zip(shape, sizes, steps, strict=True)):
        if size and (size - 1) * step + 1 > extent:
            raise ShapeError(f"{name}: {size} elements in steps of {step} do not fit in axis {axis} of {shape}")


def _infer_slice(types: tuple[TensorType, ...], sizes: Shape, steps: Shape) -> TensorType:
    _check_region("slice", types[0].shape, sizes, steps)
    return tensor_type(sizes, types[0].dtype)


def _slice_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    type_ = x[0].type
    zero = zeros(type_)
    return (record(SLICE_PUT, (zero, g, *x[1:]), (attributes[1],)), *[None] * len(x[1:]))


def _batch_slice(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    sizes, steps = attributes
    (source,), starts = batched_alike(x[:1], has[:1], size), x[1:]
    # Along axes that start elsewhere in each example, elements are gathered, after the other axes are sliced.
    each = [axis for axis, batched in enumerate(has[1:]) if batched]
    whole = source.type.shape[1:]
    same = record(
        SLICE,
        (source, const_offset(0), *(const_offset(0) if axis in each else start for axis, start in enumerate(starts))),
        (
            (size, *(whole[axis] if axis in each else n for axis, n in enumerate(sizes))),
            (1, *(1 if axis in each else step for axis, step in enumerate(steps))),
        ),
    )
    for axis in each:
        same = _gathered(same, _places(starts[axis], whole[axis], sizes[axis], steps[axis]), axis + 1)
    return same


def _places(start: Node, extent: int, count: int, step: int) -> Node:
    """The positions of a region along an axis that starts elsewhere in each example: (examples, count)."""
    shape = (start.type.size, count)
    # By name, since ops/elementwise.py stands on this file; and so below.
    add, mul, least, most = (PRIMITIVES[name] for name in ("add", "mul", "minimum", "maximum"))
    last = extent - ((count - 1) * step + 1 if count else 0)
    low = record(
        most, (record(least, (start, const(last, int64, start.type.shape))), const(0, int64, start.type.shape))
    )
    along = record(mul, (iota(shape, 1), const(step, int64, shape)))
    return record(add, (broadcast_to(reshape(low, (shape[0], 1)), shape), along))


def _spread_places(places: Node, shape: Shape, axis: int) -> Node:
    """Positions of each example, the same along all axes but one."""
    size, count = places.type.shape
    line = (size, *(count if i == axis else 1 for i in range(1, len(shape))))
    return broadcast_to(
        reshape(places, line), (size, *(count if i == axis else shape[i] for i in range(1, len(shape))))
    )


def _gathered(x: Node, places: Node, axis: int) -> Node:
    return record(PRIMITIVES["gather"], (x, _spread_places(places, x.type.shape, axis)), (axis,))


SLICE = register(
    Primitive(
        "slice",
        _infer_slice,
        lambda x, *rest: x[_region(x.shape, rest[:-2], rest[-2], rest[-1])],
        _slice_gradient,
        _batch_slice,
    )
)


def slice_(x: Node, starts: tuple[Node, ...], sizes: Shape, steps: Shape) -> Node:
    """Elements starts[i] + steps[i] * j, j < sizes[i], along each axis; starts are int64 scalars, steps positive."""
    return record(SLICE, (x, *starts), (sizes, steps))


def _infer_slice_put(types: tuple[TensorType, ...], steps: Shape) -> TensorType:
    base, value = types[0], types[1]
    if base.dtype is not value.dtype:
        raise DTypeError(f"slice_put: base and value have dtypes {base.dtype.name} and {value.dtype.name}")
    _check_region("slice_put", base.shape, value.shape, steps)
    return base


def _slice_put_reference(base: np.ndarray, value: np.ndarray, *rest: Any) -> np.ndarray:
    out = base.copy()
    out[_region(base.shape, rest[:-1], value.shape, rest[-1])] = value
    return out


def _slice_put_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    value, starts = x[1].type, x[2:]
    hole = record(SLICE_PUT, (g, zeros(value), *starts), attributes)
    return (hole, slice_(g, starts, value.shape, attributes[0]), *[None] * len(starts))


def _batch_slice_put(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    base, value = batched_alike(x[:2], has[:2], size)
    each = [axis for axis, batched in enumerate(has[2:]) if batched]
    return _put_each(base, value, list(x[2:]), attributes[0], each)


def _put_each(base: Node, value: Node, starts: list[Node], steps: Shape, each: list[int]) -> Node:
    """`slice_put` for each example; along the axes `each` it starts elsewhere in each, and elements are scattered."""
    if not each:
        return record(SLICE_PUT, (base, value, const_offset(0), *starts), ((1, *steps),))
    axis, *rest = each
    extent, count = base.type.shape[axis + 1], value.type.shape[axis + 1]
    places = _places(starts[axis], extent, count, steps[axis])
    part = _gathered(base, places, axis + 1)
    inner_starts = [const_offset(0) if i == axis else start for i, start in enumerate(starts)]
    inner_steps = tuple(1 if i == axis else step for i, step in enumerate(steps))
    part = _put_each(part, value, inner_starts, inner_steps, rest)
    spread = _spread_places(places, part.type.shape, axis + 1)
    return record(PRIMITIVES["scatter"], (base, spread, part), (axis + 1, "set"))


SLICE_PUT = register(
    Primitive("slice_put", _infer_slice_put, _slice_put_reference, _slice_put_gradient, _batch_slice_put)
)


def slice_put(base: Node, value: Node, starts: tuple[Node, ...], steps: Shape) -> Node:
    """base with the region that `slice_` would read replaced by value."""
    return record(SLICE_PUT, (base, value, *starts), (steps,))


# -- pad and concat ---------------------------------------------------------------------------------------------------


def _infer_pad(types: tuple[TensorType, ...], low: Shape, high: Shape) -> TensorType:
    shape = tuple(a + n + b for a, n, b in zip(low, types[0].shape, high, strict=True))
    if min((*low, *high), default=0) < 0:
        raise ShapeError(f"pad: widths {low} and {high} must not be negative; slice to crop")
    return tensor_type(shape, types[0].dtype)


def _pad_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    low, _ = attributes
    return (slice_(g, tuple(map(const_offset, low)), x[0].type.shape, (1,) * len(low)),)


PAD = register(
    Primitive(
        "pad",
        _infer_pad,
        lambda x, low, high: np.pad(x, list(zip(low, high, strict=True))),
        _pad_gradient,
        lambda x, has, attributes, size: pad(x[0], (0, *attributes[0]), (0, *attributes[1])),
    )
)


def pad(x: Node, low: Shape, high: Shape) -> Node:
    """x with low[i] zeros before and high[i] zeros after, along each axis."""
    return x if not any((*low, *high)) else record(PAD, (x,), (low, high))


def _infer_concat(types: tuple[TensorType, ...], axis: int) -> TensorType:
    first = types[0]
    for other in types[1:]:
        if other.dtype is not first.dtype:
            raise DTypeError(f"cat: dtypes {first.dtype.name} and {other.dtype.name} differ")
        if len(other.shape) != len(first.shape) or any(
            a != b for i, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)) if i != axis
        ):
            raise ShapeError(f"cat: shapes {first.shape} and {other.shape} must agree except along axis {axis}")
    total = sum(t.shape[axis] for t in types)
    return tensor_type((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concat_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, ...]:
    (axis,) = attributes
    parts, start = [], 0
    for part in x:
        shape = part.type.shape
        starts = tuple(const_offset(start if i == axis else 0) for i in range(len(shape)))
        parts.append(slice_(g, starts, shape, (1,) * len(shape)))
        start += shape[axis]
    return tuple(parts)


def _batch_concat(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
    return concat(batched_alike(x, has, size), attributes[0] + 1)


CONCAT = register(
    Primitive("concat", _infer_concat, lambda *x: np.concatenate(x[:-1], x[-1]), _concat_gradient, _batch_concat)
)


def concat(parts: tuple[Node, ...], axis: int) -> Node:
    """The parts one after another along an axis."""
    return parts[0] if len(parts) == 1 else record(CONCAT, parts, (axis,))


# -- flip -------------------------------------------------------------------------------------------------------------


FLIP: Primitive = register(
    Primitive(
        "flip",
        lambda types, axes: types[0],
        lambda x, axes: np.flip(x, axes),
        lambda g, x, y, attributes: (record(FLIP, (g,), attributes),),
        lambda x, has, attributes, size: record(FLIP, (x[0],), (tuple(a + 1 for a in attributes[0]),)),
    )
)


def flip(x: Node, axes: Shape) -> Node:
    """x in reverse order along each of the axes."""
    return record(FLIP, (x,), (axes,)) if axes else x
