"""Sorting along an axis, and what stands at a place of the order.

A NaN counts as greater than every number. Sorting is stable here always: equal elements stay in their order.
"""

from __future__ import annotations

from typing import Any

from retrograd.core.buffer import Scalar
from retrograd.core.dtype import bool_, int64
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, record
from retrograd.ops import sort as ops
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.extrema import ValuesAndIndices
from retrograd.tensor.lines import along, both_along, line_of
from retrograd.tensor.registry import method

__all__ = [
    "argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile", "sort", "topk",
]  # fmt: skip

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@method()
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None) -> Any:
    """The elements in order along an axis. Gradients go to where they stood.

    Args:
        input: a tensor.
        dim: the axis.
        descending: from the largest to the smallest.
        stable: has no effect: equal elements stay in their order.
        out: two tensors that the results are written to.

    Returns:
        (values, indices), of the input's shape.

    Source: torch.sort.

    >>> import retrograd as rg
    >>> values, indices = rg.sort(rg.tensor([3.0, 1.0, 2.0]))
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    return deliver("sort", ValuesAndIndices(*both_along("sort", ops.SORT, input, dim, (descending,))), out)


@method()
def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """The positions of the elements in order along an axis; see `sort`. Source: torch.argsort.

    >>> import retrograd as rg
    >>> rg.argsort(rg.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    return along("argsort", ops.ARGSORT_ALONG, input, dim, (descending,))


@method()
def msort(input: Any, *, out: Any = None) -> Any:
    """The elements in order along the first axis. Source: torch.msort.

    >>> import retrograd as rg
    >>> rg.msort(rg.tensor([[3, 1], [2, 4]]))
    tensor([[2, 1],
            [3, 4]])
    """
    return deliver("msort", sort(input, 0).values, out)


@method()
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None) -> Any:
    """The k largest or smallest elements along an axis, in order; of equal ones the first. Gradients go to them.

    Args:
        input: a tensor.
        k: how many.
        dim: the axis.
        largest: whether the largest or the smallest.
        sorted: has no effect: they come in order.
        out: two tensors that the results are written to.

    Returns:
        (values, indices), with k elements along the axis.

    Raises:
        ShapeError: k is negative, or the axis has fewer elements.

    Source: torch.topk.

    >>> import retrograd as rg
    >>> values, indices = rg.topk(rg.tensor([1.0, 5.0, 3.0]), 2)
    >>> values, indices
    (tensor([5., 3.]), tensor([1, 2]))
    """
    extent = line_of("topk", input).type.shape[input._axis(dim)]
    if not 0 <= k <= extent:
        raise ShapeError(f"topk: k is {k}, and axis {dim} has {extent} elements")
    return deliver("topk", ValuesAndIndices(*both_along("topk", ops.TOPK, input, dim, (largest, int(k)))), out)


# -- one element ------------------------------------------------------------------------------------------------------


def _chosen(name: str, operation: Composite, input: Any, extra: tuple[Node, ...], dim: int, *attributes: Any) -> Any:
    """The element that an order puts at some place, and its position."""
    x = line_of(name, input)
    axis = input._axis(dim)
    if x.type.shape[axis] == 0:
        raise IndexRangeError(f"{name}: axis {axis} of {x.type.shape} is empty, and has no such element")
    return ValuesAndIndices(*both_along(name, operation, input, dim, attributes, extra))


@method()
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The k-th smallest element along an axis, k counted from 1, and its position.

    Args:
        input: a tensor.
        k: which element.
        dim: the axis.
        keepdim: whether the axis stays, with extent 1.
        out: two tensors that the results are written to.

    Returns:
        (values, indices).

    Raises:
        ShapeError: the axis has no k-th element.

    Source: torch.kthvalue.

    >>> import retrograd as rg
    >>> rg.kthvalue(rg.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    x = line_of("kthvalue", input)
    extent = x.type.shape[input._axis(dim)]
    if not 1 <= k <= extent:
        raise ShapeError(f"kthvalue: k is {k}, and axis {dim} has {extent} elements, counted from 1")
    _require_numbers("kthvalue", x)
    return deliver("kthvalue", _chosen("kthvalue", ops.KTHVALUE, input, (node_of(int(k), int64),), dim, keepdim), out)


@method()
def median(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The lower of the elements in the middle of the order: of all, or along an axis. A NaN makes it NaN.

    Args:
        input: a tensor.
        dim: the axis, or None for all elements.
        keepdim: whether the axis stays, with extent 1.
        out: two tensors that the results are written to.

    Returns:
        The median, or (values, indices) along an axis.

    Source: torch.median.

    >>> import retrograd as rg
    >>> rg.median(rg.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    """
    return _median("median", input, dim, keepdim, False, out)


@method()
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """As `median`, of the elements that are not NaN. Source: torch.nanmedian.

    >>> import retrograd as rg
    >>> rg.nanmedian(rg.tensor([4.0, float("nan"), 3.0, 2.0]))
    tensor(3.)
    """
    return _median("nanmedian", input, dim, keepdim, True, out)


def _median(name: str, input: Any, dim: int | None, keepdim: bool, ignore_nan: bool, out: Any) -> Any:
    x = operand(name, input)
    _require_numbers(name, x)
    if dim is not None:
        return deliver(name, _chosen(name, ops.MEDIAN, input, (), dim, keepdim, ignore_nan), out)
    if not x.type.size:
        return input.new_full((), float("nan") if input.is_floating_point() else _least(x))
    return wrap(record(ops.MEDIAN_OF_ALL, (x,), (ignore_nan,)))


def _least(x: Node) -> int:
    return int(-(2 ** (8 * x.type.dtype.itemsize - 1)))


@method()
def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The most frequent element along an axis, the smallest of several, and the last position where it stands.

    Returns:
        (values, indices).

    Source: torch.mode.

    >>> import retrograd as rg
    >>> values, indices = rg.mode(rg.tensor([3, 1, 3, 1, 0]))
    >>> values, indices
    (tensor(1), tensor(3))
    """
    return deliver("mode", _chosen("mode", ops.MODE, input, (), dim, keepdim), out)


def _require_numbers(name: str, x: Node) -> None:
    if x.type.dtype is bool_:
        raise DTypeError(f"{name}: booleans have no order in the middle; cast with .to(dtype) first")


# -- quantiles --------------------------------------------------------------------------------------------------------


@method()
def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """The elements at the places q (n - 1) of the order: of all, or along an axis. A NaN makes it NaN.

    Args:
        input: a tensor of floating-point numbers.
        q: a number of [0, 1], or a tensor (count,) of some.
        dim: the axis, or None for all elements.
        keepdim: whether the axis stays, with extent 1.
        interpolation: between two neighbours: "linear", "lower", "higher", "midpoint" or "nearest".
        out: a tensor that the result is written to.

    Returns:
        The quantiles; the axis of q, if it has one, comes first.

    Raises:
        OptionError: q, known already, is not within [0, 1]. DTypeError: q and the input differ in dtype.

    Source: torch.quantile.

    >>> import retrograd as rg
    >>> rg.quantile(rg.tensor([0.0, 1.0, 2.0]), rg.tensor([0.25, 0.5]))
    tensor([0.5000, 1.0000])
    """
    return deliver("quantile", _quantile("quantile", input, q, dim, keepdim, interpolation, False), out)


@method()
def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """As `quantile`, of the elements that are not NaN. Source: torch.nanquantile.

    >>> import retrograd as rg
    >>> rg.nanquantile(rg.tensor([0.0, float("nan"), 2.0]), 0.5)
    tensor(1.)
    """
    return deliver("nanquantile", _quantile("nanquantile", input, q, dim, keepdim, interpolation, True), out)


def _quantile(
    name: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Any:
    x, rank = operand(name, input), node_of(q, input.dtype)
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"{name}: takes floating-point numbers, and received {x.type.dtype.name}; use .float() first")
    if rank.type.dtype is not x.type.dtype:
        raise DTypeError(
            f"{name}: the input is {x.type.dtype.name} and q {rank.type.dtype.name}; they must be the same"
        )
    if len(rank.type.shape) > 1:
        raise ShapeError(f"{name}: q has the shape {rank.type.shape}; it must be a number or have one axis")
    if interpolation not in _INTERPOLATIONS:
        raise OptionError(f"{name}: interpolation must be one of {', '.join(_INTERPOLATIONS)}, not {interpolation!r}")
    if not x.type.size:
        raise ShapeError(f"{name}: a tensor without elements has no quantiles")
    _require_fractions(name, q, rank)
    lines = input.reshape(-1) if dim is None else input
    node = record(
        ops.QUANTILE,
        (line_of(name, lines), rank),
        (
            0 if dim is None else input._axis(dim),
            keepdim and dim is not None and bool(x.type.shape),
            interpolation,
            ignore_nan,
        ),
    )
    result = wrap(node)
    if dim is None and keepdim:
        return result.reshape(*rank.type.shape, *(1 for _ in x.type.shape))
    return result


def _require_fractions(name: str, q: Any, rank: Node) -> None:
    if isinstance(rank.buffer, Scalar):
        within = 0 <= rank.buffer.value <= 1
    elif isinstance(q, TensorBase) and q._storage.node.buffer is not None and rank.type.size:
        values = q._value()
        within = bool((values >= 0).all() and (values <= 1).all())
    else:
        return
    if not within:
        raise OptionError(f"{name}: q must be in the range [0, 1]")
