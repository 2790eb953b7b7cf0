"""Elements written, or added up, at positions that are data. Each has an in-place form with a trailing underscore.

Where a position is written to twice, the last value stays; sums are added in the order of the index. Both are the same
in every run, and for any number of threads. As in PyTorch, a value that was written over gets its place's gradient.
"""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, record
from retrograd.ops import scatter_along as s
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.bounds import require_positions
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.index_plan import plan_of
from retrograd.tensor.lines import like_input, line_of
from retrograd.tensor.registry import method
from retrograd.tensor.selection import positions

__all__ = [
    "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "masked_fill", "masked_scatter", "put",
    "scatter", "scatter_add", "scatter_reduce", "select_scatter", "slice_scatter",
]  # fmt: skip

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


# -- scatter ----------------------------------------------------------------------------------------------------------


def _scattered(name: str, operation: Composite, input: Any, dim: int, index: Any, source: Node, *rest: Any) -> Any:
    x, i = line_of(name, input), positions(name, index)
    axis = input._axis(dim)
    if i.type.size:
        require_positions(name, index, 0, x.type.shape[axis], f"axis {axis}")
    if not i.type.shape:
        i = reshape(i, (1,))
    return wrap(like_input(record(operation, (x, i, source), (axis, *rest)), input))


def _source(name: str, input: Any, source: Any) -> Node:
    """The source as given; a 0-dimensional one is written to the one place that a 0-dimensional index names."""
    node = operand(name, source)
    if node.type.dtype is not input.dtype:
        raise DTypeError(
            f"{name}: the tensor is {input.dtype.name} and the source {node.type.dtype.name}; cast one with .to(dtype)"
        )
    return node if node.type.shape else reshape(node, (1,))


@method(in_place=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None
) -> Any:
    """Elements written at positions along an axis, given for each: out[i, index[i, j, k], k] = src[i, j, k].

    Args:
        input: the tensor whose other elements stay.
        dim: the axis.
        index: positions, int64 or int32, of as many axes; it may be smaller than the input beside the axis, and than
            the source.
        src: a tensor, or a number.
        value: a number, in place of `src`.
        reduce: None, "add" or "multiply": what is done with the element that stands there.
        out: a tensor that the result is written to.

    Raises:
        IndexRangeError: a position, known already, is out of range. ShapeError: the index does not fit.

    Source: torch.scatter. Deviation: where positions repeat, the last value stays.

    >>> import retrograd as rg
    >>> rg.zeros(2, 3).scatter(1, rg.tensor([[2], [0]]), 5.0)
    tensor([[0., 0., 5.],
            [5., 0., 0.]])
    """
    if (src is None) == (value is None):
        raise TypeError("scatter: give either src or value")
    kinds = {None: "set", "add": "add", "multiply": "mul"}
    if reduce not in kinds:
        raise OptionError(f"scatter: reduce must be 'add' or 'multiply', not {reduce!r}")
    given = value if src is None else src
    node = _source("scatter", input, given) if isinstance(given, TensorBase) else node_of(given, input.dtype)
    return deliver("scatter", _scattered("scatter", s.SCATTER_ALONG, input, dim, index, node, kinds[reduce]), out)


@method(in_place=True)
def scatter_add(input: Any, dim: int, index: Any, src: Any, *, out: Any = None) -> Any:
    """Elements added at positions along an axis: out[i, index[i, j, k], k] += src[i, j, k].

    Args:
        input, dim, index, out: as for `scatter`.
        src: a tensor of the input's dtype.

    Source: torch.scatter_add.

    >>> import retrograd as rg
    >>> rg.zeros(3).scatter_add(0, rg.tensor([0, 2, 0]), rg.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    node = _source("scatter_add", input, src)
    return deliver("scatter_add", _scattered("scatter_add", s.SCATTER_ALONG, input, dim, index, node, "add"), out)


@method(in_place=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """What is written to a place, and what was there, reduced to one number.

    Args:
        input, dim, index, src, out: as for `scatter_add`.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether the element that was there counts.

    Source: torch.scatter_reduce.

    >>> import retrograd as rg
    >>> rg.zeros(2).scatter_reduce(0, rg.tensor([0, 0, 1]), rg.tensor([1.0, 2.0, -3.0]), "amax")
    tensor([2., 0.])
    """
    _require_reduction("scatter_reduce", reduce)
    node = _source("scatter_reduce", input, src)
    result = _scattered("scatter_reduce", s.SCATTER_REDUCE, input, dim, index, node, reduce, include_self)
    return deliver("scatter_reduce", result, out)


def _require_reduction(name: str, reduce: str) -> None:
    if reduce not in _REDUCTIONS:
        raise OptionError(f"{name}: reduce must be one of {', '.join(_REDUCTIONS)}, not {reduce!r}")


# -- whole slices -----------------------------------------------------------------------------------------------------


def _sliced(
    name: str, operation: Composite, input: Any, dim: int, index: Any, rest: tuple[Any, ...], *attr: Any
) -> Any:
    x, i = line_of(name, input), positions(name, index)
    axis = input._axis(dim)
    if len(i.type.shape) > 1:
        raise IndexRangeError(f"{name}: the index {i.type.shape} must have one axis")
    low = -x.type.shape[axis] if operation is s.INDEX_FILL else 0
    require_positions(name, index, low, x.type.shape[axis], f"axis {axis}")
    node = record(operation, (x, reshape(i, (i.type.size,)), *rest), (axis, *attr))
    return wrap(like_input(node, input))


def _slices(name: str, input: Any, source: Any, index: Any) -> Node:
    node = operand(name, source)
    if node.type.dtype is not input.dtype:
        raise DTypeError(
            f"{name}: the tensor is {input.dtype.name} and the source {node.type.dtype.name}; cast one with .to(dtype)"
        )
    if len(node.type.shape) != input.ndim and (len(node.type.shape) > 1 or input.ndim > 1):
        raise ShapeError(f"{name}: the source {node.type.shape} must have as many axes as {tuple(input.shape)}")
    if not node.type.shape and index.numel() != 1:
        raise ShapeError(f"{name}: one number is written at one position, and there are {index.numel()}")
    return node if node.type.shape else reshape(node, (1,))


@method(in_place=True)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """alpha * source[j] added to the slice at index[j], for each j.

    Args:
        input: a tensor.
        dim: the axis.
        index: positions, int64 or int32, one axis.
        source: slices, of the input's dtype; its extent along the axis is that of the index.
        alpha: a number.
        out: a tensor that the result is written to.

    Source: torch.index_add.

    >>> import retrograd as rg
    >>> rg.ones(3).index_add(0, rg.tensor([0, 0]), rg.tensor([1.0, 2.0]), alpha=10)
    tensor([31.,  1.,  1.])
    """
    nodes: tuple[Node, ...] = (_slices("index_add", input, source, index),)
    if alpha.__class__ is not int or alpha != 1:
        nodes += (node_of(alpha, input.dtype),)
    return deliver("index_add", _sliced("index_add", s.INDEX_ADD, input, dim, index, nodes), out)


@method(in_place=True)
def index_copy(input: Any, dim: int, index: Any, source: Any, *, out: Any = None) -> Any:
    """The slice at index[j] replaced by source[j], for each j; see `index_add`. Source: torch.index_copy.

    >>> import retrograd as rg
    >>> rg.zeros(3).index_copy(0, rg.tensor([2, 0]), rg.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    node = _slices("index_copy", input, source, index)
    return deliver("index_copy", _sliced("index_copy", s.INDEX_COPY, input, dim, index, (node,)), out)


@method(in_place=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """The slices at given positions filled with a number; negative positions count from the end.

    Args:
        input: a tensor.
        dim: the axis.
        index: positions, int64 or int32, one axis.
        value: a number, or a 0-dimensional tensor.

    Source: torch.index_fill.

    >>> import retrograd as rg
    >>> rg.zeros(3).index_fill(0, rg.tensor([0, -1]), 7)
    tensor([7., 0., 7.])
    """
    number = node_of(value, input.dtype)
    if number.type.shape:
        raise ShapeError(f"index_fill: the value must be a number, not a tensor of shape {number.type.shape}")
    return _sliced("index_fill", s.INDEX_FILL, input, dim, index, (number,))


@method(in_place=True)
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """As `scatter_reduce`, for whole slices: "prod", "mean", "amax" or "amin". Source: torch.index_reduce.

    >>> import retrograd as rg
    >>> rg.ones(2).index_reduce(0, rg.tensor([0, 0]), rg.tensor([3.0, 4.0]), "prod")
    tensor([12.,  1.])
    """
    _require_reduction("index_reduce", reduce)
    node = _slices("index_reduce", input, source, index)
    result = _sliced("index_reduce", s.INDEX_REDUCE, input, dim, index, (node,), reduce, include_self)
    return deliver("index_reduce", result, out)


# -- index_put, put ---------------------------------------------------------------------------------------------------


@method(in_place=True)
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """`input[indices] = values`, or with `accumulate` `+=`, where repeated positions add up.

    Args:
        input: a tensor.
        indices: index arrays or masks, one for each of the first axes; None leaves an axis as it is.
        values: a tensor that broadcasts to what the index selects.
        accumulate: whether to add.

    Source: torch.index_put.

    >>> import retrograd as rg
    >>> rg.zeros(3).index_put((rg.tensor([1, 1]),), rg.tensor([2.0, 3.0]), accumulate=True)
    tensor([0., 5., 0.])
    """
    items = tuple(slice(None) if item is None else item for item in indices)
    plan = plan_of(items, input._type_shape())
    if plan.regions:
        raise IndexRangeError("index_put: the indices must be arrays of positions, masks, or None")
    value = operand("index_put", values)
    return wrap(input._put(plan.arrays, plan.axes, value, accumulate) if plan.arrays else input._read())


@method(in_place=True)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """Elements written, or added, at positions in row-major order; negative ones count from the end.

    Args:
        input: a tensor.
        index: positions, int64.
        source: as many elements, of the input's dtype.
        accumulate: whether to add.

    Source: torch.put.

    >>> import retrograd as rg
    >>> rg.zeros(2, 2).put(rg.tensor([3, 0]), rg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 1.]])
    """
    x, i = operand("put", input), positions("put", index)
    node = operand("put", source)
    if node.type.dtype is not x.type.dtype:
        raise DTypeError(f"put: the tensor is {x.type.dtype.name} and the source {node.type.dtype.name}; cast one")
    if i.type.size and not x.type.size:
        raise IndexRangeError("put: a tensor without elements has no places")
    require_positions("put", index, -x.type.size, x.type.size, "a tensor")
    return wrap(record(s.PUT, (x, i, node), (accumulate,)) if i.type.size else x)


# -- by masks ---------------------------------------------------------------------------------------------------------


@method(in_place=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """`value` where the mask holds, else the input.

    Args:
        input: a tensor.
        mask: booleans; the two broadcast.
        value: a number, or a 0-dimensional tensor.

    Source: torch.masked_fill.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, -2.0, 3.0])
    >>> x.masked_fill(x < 0, 0)
    tensor([1., 0., 3.])
    """
    number = node_of(value, input.dtype)
    if number.type.shape:
        raise ShapeError(f"masked_fill: the value must be a number, not a tensor of shape {number.type.shape}")
    return wrap(record(s.MASKED_FILL, (operand("masked_fill", input), operand("masked_fill", mask), number)))


@method(in_place=True)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """The elements of a source, in order, where the mask holds, else the input.

    Args:
        input: a tensor.
        mask: booleans; the two broadcast.
        source: at least as many elements as the mask selects, of the input's dtype.

    Raises:
        ShapeError: the mask selects more elements than the source has. If it could, it is computed now.

    Source: torch.masked_scatter.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, -2.0, 3.0])
    >>> x.masked_scatter(x > 0, rg.tensor([10.0, 20.0]))
    tensor([10., -2., 20.])
    """
    nodes = tuple(operand("masked_scatter", t) for t in (input, mask, source))
    if mask.dtype is bool_ and source.numel() < input.numel():
        times = max(input.numel() // max(mask.numel(), 1), 1)
        count = int(mask._value().sum()) * times
        if count > source.numel():
            raise ShapeError(f"masked_scatter: the mask selects {count} elements, and the source has {source.numel()}")
    return wrap(record(s.MASKED_SCATTER, nodes))


# -- views written to a copy ------------------------------------------------------------------------------------------


@method()
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy in which one position of an axis is replaced. Source: torch.select_scatter.

    >>> import retrograd as rg
    >>> rg.zeros(2, 2).select_scatter(rg.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _with_part("select_scatter", input, src, lambda copy: copy.select(dim, index))


@method()
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """A copy in which a slice of an axis is replaced. Source: torch.slice_scatter.

    >>> import retrograd as rg
    >>> rg.zeros(4).slice_scatter(rg.ones(2), 0, 1, 3)
    tensor([0., 1., 1., 0.])
    """
    items = (slice(None),) * input._axis(dim)
    return _with_part("slice_scatter", input, src, lambda copy: copy[(*items, slice(start, end, step))])


def _with_part(name: str, input: Any, src: Any, part: Any) -> Any:
    copy = input.clone()
    target = part(copy)
    if tuple(target.shape) != tuple(src.shape):
        raise ShapeError(f"{name}: the source {tuple(src.shape)} must have the shape {tuple(target.shape)}")
    target.copy_(src)
    return copy
