"""Reading and writing along an axis at positions that are data: `gather` and `scatter`.

    gather   out[i, j, k] = x[i, index[i, j, k], k]
    scatter  out = base;  out[i, index[i, j, k], k] op= source[i, j, k],  j ascending;  op: set, add, mul, max, min

Extents agree but along the axis. Positions out of range are clamped; the functions users call check first where the
values are known. An index that is the same for all rows is a broadcast one, which takes no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record, register
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import like, zeros
from retrograd.ops.elementwise import cast, div, eq, gt, logical_and, mul, select
from retrograd.ops.movement import batched_alike, broadcast_to, reshape

Array = np.ndarray[Any, Any]

_COMBINE: Final[dict[str, np.ufunc]] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _agree_beside(axis: int, a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(m == n for i, (m, n) in enumerate(zip(a, b, strict=True)) if i != axis)


def _check(name: str, what: str, whole: TensorType, index: TensorType, axis: int) -> None:
    if index.dtype is not int64:
        raise DTypeError(f"{name}: the index has dtype {index.dtype.name}; it must be int64 (use .long())")
    if not _agree_beside(axis, whole.shape, index.shape):
        raise ShapeError(
            f"{name}: {what} {whole.shape} and the index {index.shape} must have equal extents but along axis {axis}"
        )
    if whole.shape[axis] == 0 and index.size:
        raise ShapeError(f"{name}: axis {axis} of {what} {whole.shape} is empty, and has no positions")


def _places(index: Array, extent: int, axis: int) -> tuple[Array, ...]:
    """Where the elements are, as NumPy indexes them. It goes through them in ascending order: strides are positive."""
    grid: list[Array] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[axis] = np.clip(index, 0, max(extent - 1, 0))
    return tuple(grid)


# -- gather -----------------------------------------------------------------------------------------------------------


def _infer_gather(types: tuple[TensorType, ...], axis: int) -> TensorType:
    x, index = types
    _check("gather", "the input", x, index, axis)
    return tensor_type(index.shape, x.dtype)


def _gather_reference(x: Array, index: Array, axis: int) -> Array:
    return np.asarray(x[_places(index, x.shape[axis], axis)])


def _gather_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    return scatter(zeros(x[0].type), x[1], g, attributes[0], "add"), None


def _batch(primitive: str) -> Callable[..., Node]:
    """Operands get the batch as their first axis; the axis of the operation moves up by one."""

    def rule(x: tuple[Node, ...], has: tuple[bool, ...], attributes: Any, size: int) -> Node:
        axis, *rest = attributes
        return record(_MADE[primitive], batched_alike(x, has, size), (axis + 1, *rest))

    return rule


GATHER = register(Primitive("gather", _infer_gather, _gather_reference, _gather_gradient, _batch("gather")))


def gather(x: Node, index: Node, axis: int) -> Node:
    """x at the positions `index` along an axis."""
    return record(GATHER, (x, index), (axis,))


# -- scatter ----------------------------------------------------------------------------------------------------------


def _infer_scatter(types: tuple[TensorType, ...], axis: int, kind: str) -> TensorType:
    base, index, source = types
    _check("scatter", "the tensor", base, index, axis)
    if source.shape != index.shape:
        raise ShapeError(f"scatter: the source {source.shape} must have the shape of the index, {index.shape}")
    if source.dtype is not base.dtype:
        raise DTypeError(f"scatter: the tensor and the source have dtypes {base.dtype.name} and {source.dtype.name}")
    return base


def _scatter_reference(base: Array, index: Array, source: Array, axis: int, kind: str) -> Array:
    out = base.copy()
    places = _places(index, base.shape[axis], axis)
    with np.errstate(all="ignore"):
        if kind == "set":
            out[places] = source
        else:
            _COMBINE[kind].at(out, places, source)
    return out


def _scatter_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None, Node]:
    axis, kind = attributes
    base, index, source = x
    if kind == "set":
        return scatter(g, index, zeros(source.type), axis, "set"), None, gather(g, index, axis)
    if kind == "add":
        return g, None, gather(g, index, axis)
    if kind == "mul":
        return _product_gradient(g, base, index, source, axis)
    return _extremum_gradient(g, x, y, axis)


def _product_gradient(g: Node, base: Node, index: Node, source: Node, axis: int) -> tuple[Node, None, Node]:
    """Each factor's gradient is the product of the others: without division where a zero is about."""
    zero_at = eq(source, like(0, source))
    count = gather(scatter(zeros(base.type), index, cast(zero_at, base.type.dtype), axis, "add"), index, axis)
    lone = logical_and(zero_at, eq(count, like(1, count)))
    others = scatter(base, index, select(lone, like(1, source), source), axis, "mul")
    whole = scatter(base, index, source, axis, "mul")
    safe = select(zero_at, like(1, source), source)
    at_lone = gather(mul(g, others), index, axis)
    elsewhere = div(gather(mul(g, whole), index, axis), safe)
    to_source = select(lone, at_lone, select(gt(count, like(1, count)), like(0, source), elsewhere))
    factors = scatter(like(1, base), index, source, axis, "mul")
    return mul(g, factors), None, to_source


def _extremum_gradient(g: Node, x: tuple[Node, ...], y: Node, axis: int) -> tuple[Node, None, Node]:
    """Shared evenly among all that attain the extremum, as PyTorch's scatter_reduce does."""
    base, index, source = x
    dtype = g.type.dtype
    base_at = eq(base, y)
    source_at = eq(source, gather(y, index, axis))
    count = scatter(cast(base_at, dtype), index, cast(source_at, dtype), axis, "add")
    share = div(g, count)
    zero = like(0, g)
    return select(base_at, share, zero), None, select(source_at, gather(share, index, axis), like(0, source))


SCATTER = register(Primitive("scatter", _infer_scatter, _scatter_reference, _scatter_gradient, _batch("scatter")))
_MADE: Final = {"gather": GATHER, "scatter": SCATTER}


def scatter(base: Node, index: Node, source: Node, axis: int, kind: str) -> Node:
    """base with `source` written to the positions `index` along an axis; `kind` says how: see the top of this file."""
    return record(SCATTER, (base, index, source), (axis, kind))


def along(index: Node, shape: Shape, axis: int) -> Node:
    """An index of one axis, seen along an axis of `shape` and the same everywhere else."""
    (count,) = index.type.shape
    line = tuple(count if i == axis else 1 for i in range(len(shape)))
    return broadcast_to(reshape(index, line), tuple(count if i == axis else n for i, n in enumerate(shape)))
