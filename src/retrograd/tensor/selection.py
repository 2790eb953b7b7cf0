"""Elements chosen by position or by mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, IndexRangeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops.index_arrays import INDEX
from retrograd.ops.movement import broadcast_shapes, reshape
from retrograd.ops.scatter_along import GATHER_ALONG, TAKE_ALONG_DIM, TAKE_FLAT
from retrograd.tensor.base import wrap
from retrograd.tensor.bounds import require_positions
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.index_plan import host_index
from retrograd.tensor.lines import line_of
from retrograd.tensor.registry import method

__all__ = [
    "argwhere", "gather", "index_select", "masked_select", "nonzero", "take", "take_along_dim", "unravel_index",
]  # fmt: skip


def positions(name: str, index: Any) -> Node:
    """The node of an argument that holds positions.

    Raises:
        DTypeError: it is not of int64 or int32. TypeError: it is no tensor.
    """
    node = operand(name, index)
    if node.type.size and node.type.dtype.name not in ("int64", "int32"):
        raise DTypeError(f"{name}: the index has dtype {node.type.dtype.name}; it must be int64 (use .long())")
    return node


@method()
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    """The slices at given positions along an axis.

    Args:
        input: a tensor.
        dim: the axis.
        index: positions, int64 or int32, one axis; they count from the start.
        out: a tensor that the result is written to.

    Raises:
        IndexRangeError: a position, known already, is out of range.

    Source: torch.index_select.

    >>> import retrograd as rg
    >>> rg.tensor([[1, 2], [3, 4]]).index_select(1, rg.tensor([1, 1, 0]))
    tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    x, i = line_of("index_select", input), positions("index_select", index)
    axis = input._axis(dim)
    if len(i.type.shape) > 1:
        raise IndexRangeError(f"index_select: the index {i.type.shape} must have one axis")
    require_positions("index_select", index, 0, x.type.shape[axis], f"axis {axis}")
    found = record(INDEX, (x, reshape(i, (i.type.size,))), ((axis,),))
    if not input._type_shape():
        if i.type.size != 1:
            raise IndexRangeError("index_select: of a 0-dimensional tensor one element can be selected")
        found = reshape(found, ())
    return deliver("index_select", wrap(found), out)


@method()
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False, out: Any = None) -> Any:
    """Elements at positions along an axis, given for each place: out[i, j, k] = input[i, index[i, j, k], k].

    The gradient adds up what was taken several times.

    Args:
        input: a tensor.
        dim: the axis.
        index: positions, int64 or int32, of as many axes, and not larger than the input beside the axis.
        sparse_grad: has no effect here; gradients are dense.
        out: a tensor that the result is written to.

    Raises:
        IndexRangeError: a position, known already, is out of range. ShapeError: the index does not fit.

    Source: torch.gather.

    >>> import retrograd as rg
    >>> rg.gather(rg.tensor([[1, 2], [3, 4]]), 1, rg.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    x, i = line_of("gather", input), positions("gather", index)
    axis = input._axis(dim)
    require_positions("gather", index, 0, x.type.shape[axis], f"axis {axis}")
    shape = i.type.shape
    if not i.type.size:
        return deliver("gather", input.reshape(-1)[:0].reshape(shape), out)
    found = record(GATHER_ALONG, (x, i if shape else reshape(i, (1,))), (axis,))
    return deliver("gather", wrap(found if shape else reshape(found, ())), out)


@method()
def take(input: Any, index: Any, *, out: Any = None) -> Any:
    """Elements at positions in row-major order; the result has the shape of the index.

    Args:
        input: a tensor.
        index: positions, int64; negative ones count from the end.
        out: a tensor that the result is written to.

    Source: torch.take.

    >>> import retrograd as rg
    >>> rg.take(rg.tensor([[1, 2], [3, 4]]), rg.tensor([3, 0, -2]))
    tensor([4, 1, 3])
    """
    x, i = operand("take", input), positions("take", index)
    size = x.type.size
    if not size and i.type.size:
        raise IndexRangeError("take: a tensor without elements has none to take")
    require_positions("take", index, -size, size, "a tensor")
    return deliver("take", wrap(record(TAKE_FLAT, (x, i))), out)


@method()
def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """As `gather`, but the other axes broadcast; without an axis, positions in row-major order.

    Args:
        input: a tensor.
        indices: positions, int64; negative ones count from the end.
        dim: the axis, or None for all elements in a row.
        out: a tensor that the result is written to.

    Source: torch.take_along_dim.

    >>> import retrograd as rg
    >>> x = rg.tensor([[10, 30, 20], [60, 40, 50]])
    >>> rg.take_along_dim(x, x.argmax(dim=1, keepdim=True), dim=1)
    tensor([[30],
            [60]])
    """
    if dim is None:
        input, indices, dim = input.reshape(-1), indices.reshape(-1), 0
    x, i = operand("take_along_dim", input), positions("take_along_dim", indices)
    axis = input._axis(dim)
    if len(x.type.shape) != len(i.type.shape):
        raise ShapeError(
            f"take_along_dim: the tensor {x.type.shape} and the index {i.type.shape} must have as many axes"
        )
    beside = broadcast_shapes(
        "take_along_dim", *(tuple(1 if k == axis else n for k, n in enumerate(v.type.shape)) for v in (x, i))
    )
    extent = x.type.shape[axis]
    require_positions("take_along_dim", indices, -extent, extent, f"axis {axis}")
    return deliver("take_along_dim", wrap(record(TAKE_ALONG_DIM, (x, i), (axis, beside))), out)


@method()
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    """The elements where a mask holds, in a row. How many there are is data: the mask is computed now.

    Args:
        input: a tensor.
        mask: booleans; the two broadcast.
        out: a tensor that the result is written to.

    Source: torch.masked_select.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, -2.0, 3.0])
    >>> rg.masked_select(x, x > 0)
    tensor([1., 3.])
    """
    m = operand("masked_select", mask)
    if m.type.dtype is not bool_:
        raise DTypeError(f"masked_select: the mask has dtype {m.type.dtype.name}; it must be bool (compare first)")
    shape = broadcast_shapes("masked_select", operand("masked_select", input).type.shape, m.type.shape)
    places = np.flatnonzero(np.broadcast_to(mask._value(), shape))
    elements = input.expand(shape).reshape(-1)._read()
    return deliver("masked_select", wrap(record(INDEX, (elements, host_index(places)), ((0,),))), out)


@method()
def nonzero(input: Any, *, out: Any = None, as_tuple: bool = False) -> Any:
    """The positions of elements that are not 0, in row-major order. How many is data: the tensor is computed now.

    Args:
        input: a tensor.
        out: a tensor that the result is written to.
        as_tuple: give a tensor of positions for each axis, which together index the elements.

    Returns:
        (count, axes), int64; with `as_tuple` one tensor (count,) an axis.

    Source: torch.nonzero.

    >>> import retrograd as rg
    >>> rg.nonzero(rg.tensor([[0, 5], [6, 0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    operand("nonzero", input)
    values = input._value()
    if as_tuple:
        return tuple(wrap(host_index(places)) for places in np.nonzero(np.atleast_1d(values)))
    return deliver("nonzero", wrap(host_index(np.argwhere(values))), out)


@method()
def argwhere(input: Any) -> Any:
    """The positions of elements that are not 0: (count, axes). Source: torch.argwhere.

    >>> import retrograd as rg
    >>> rg.argwhere(rg.tensor([0, 5, 6]))
    tensor([[1],
            [2]])
    """
    return nonzero(input)


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Places counted in row-major order, as places along each axis.

    Args:
        indices: integers of any shape.
        shape: an extent, or several.

    Returns:
        For each axis a tensor of the shape of `indices`.

    Raises:
        DTypeError: the places are no integers.

    Source: torch.unravel_index. Deviation: places outside of the shape are not looked for.

    >>> import retrograd as rg
    >>> rg.unravel_index(rg.tensor([0, 5]), (2, 3))
    (tensor([0, 1]), tensor([0, 2]))
    """
    operand("unravel_index", indices)
    if indices.dtype.kind != 1:
        raise DTypeError(f"unravel_index: takes integers, and received {indices.dtype.name}")
    extents = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    found = []
    for extent in reversed(extents):
        found.append(indices % extent)
        indices = indices // extent
    return tuple(reversed(found))
