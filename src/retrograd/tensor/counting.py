"""Elements counted, found among others, and found in a sorted sequence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.dtype import bool_, float32, float64, int32, int64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops import membership
from retrograd.ops.elementwise import cast
from retrograd.ops.movement import reshape
from retrograd.ops.sort import SEARCH
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method
from retrograd.tensor.selection import gather

__all__ = ["bincount", "bucketize", "histc", "isin", "searchsorted"]


@method()
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number 0, 1, ... occurs, or the sum of the weights that stand beside it.

    How many numbers there are is data: the largest is computed now.

    Args:
        input: integers that are not negative, one axis.
        weights: a number for each of them.
        minlength: the result is at least as long.

    Returns:
        (max(input) + 1,) or longer, int64; with weights of their dtype, float64 for integers.

    Source: torch.bincount.

    >>> import retrograd as rg
    >>> rg.bincount(rg.tensor([1, 3, 1]))
    tensor([0, 2, 0, 1])
    """
    x = operand("bincount", input)
    if x.type.dtype.is_floating_point or x.type.dtype is bool_:
        raise DTypeError(f"bincount: takes integers, and received {x.type.dtype.name}")
    if len(x.type.shape) != 1:
        raise ShapeError(f"bincount: the input has shape {x.type.shape}; it must have one axis")
    if minlength < 0:
        raise OptionError(f"bincount: minlength must not be negative, and is {minlength}")
    values = input._value()
    if values.size and values.min() < 0:
        raise OptionError(f"bincount: takes numbers that are not negative, and received {values.min()}")
    length = max(int(values.max()) + 1 if values.size else 0, int(minlength))
    if weights is None:
        return wrap(record(membership.BINCOUNT, (x,), (length,)))
    w = operand("bincount", weights)
    if w.type.shape != x.type.shape:
        raise ShapeError(f"bincount: weights {w.type.shape} and input {x.type.shape} must have equal shapes")
    w = cast(w, float32 if w.type.dtype is float32 else float64)
    return wrap(record(membership.BINCOUNT, (x, w), (length,)))


@method()
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Any = None) -> Any:
    """How many elements fall in each of `bins` equal parts of [min, max]; the last part has its upper bound.

    Args:
        input: floating-point numbers; NaN and what is out of bounds is not counted.
        bins: how many parts.
        min, max: bounds; if they are equal, those of the elements.
        out: a tensor that the result is written to.

    Source: torch.histc.

    >>> import retrograd as rg
    >>> rg.histc(rg.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = operand("histc", input)
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"histc: takes floating-point numbers, and received {x.type.dtype.name}; use .float() first")
    if bins <= 0:
        raise OptionError(f"histc: bins must be positive, and is {bins}")
    if max < min:
        raise OptionError(f"histc: max {max} must not be below min {min}")
    if not (math.isfinite(min) and math.isfinite(max)):
        raise OptionError(f"histc: the bounds {min} and {max} must be finite")
    bounds = (node_of(float(min), x.type.dtype), node_of(float(max), x.type.dtype))
    return deliver("histc", wrap(record(membership.HISTC, (x, *bounds), (int(bins),))), out)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element is among others.

    Args:
        elements: a tensor or a number.
        test_elements: a tensor or a number.
        assume_unique: has no effect here.
        invert: whether it is not.

    Returns:
        Booleans of the shape of `elements`.

    Source: torch.isin.

    >>> import retrograd as rg
    >>> rg.isin(rg.tensor([1, 2, 3]), rg.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not isinstance(elements, TensorBase) and not isinstance(test_elements, TensorBase):
        raise TypeError("isin: at least one of elements and test_elements must be a tensor")
    x, known = node_of(elements), node_of(test_elements)
    return wrap(record(membership.ISIN, (x, known), (invert,)))


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
    out: Any = None,
) -> Any:
    """Where values would go in sorted sequences so that these stay sorted.

    Args:
        sorted_sequence: ascending along the last axis: one sequence, or one for each line of values.
        input: values, a tensor or a number.
        out_int32: give int32 rather than int64.
        right: behind elements that are equal, rather than before them.
        side: "left" or "right", another way to say it.
        sorter: positions that sort the sequence, if it is not sorted.
        out: a tensor that the result is written to.

    Returns:
        Positions 0 .. length of the sequence, of the shape of the values.

    Source: torch.searchsorted.

    >>> import retrograd as rg
    >>> rg.searchsorted(rg.tensor([1.0, 3.0, 5.0]), rg.tensor([3.0, 6.0, 0.0]))
    tensor([1, 3, 0])
    """
    if side not in (None, "left", "right"):
        raise OptionError(f"searchsorted: side must be 'left' or 'right', not {side!r}")
    if side == "left" and right:
        raise OptionError("searchsorted: side='left' and right=True say opposite things")
    sequence = operand("searchsorted", sorted_sequence)
    values = node_of(input, sequence.type.dtype)
    shape = sequence.type.shape
    if not shape or (len(shape) > 1 and shape[:-1] != values.type.shape[:-1]):
        raise ShapeError(
            f"searchsorted: sequences {shape} and values {values.type.shape} must agree but in the last axis, or there "
            "must be one sequence of one axis"
        )
    if sorter is not None:
        sorted_sequence = _sorted_by(sorted_sequence, sorter)
    return _searched("searchsorted", sorted_sequence._read(), values, right or side == "right", out_int32, out)


def _sorted_by(sequence: Any, sorter: Any) -> Any:
    if tuple(sorter.shape) != tuple(sequence.shape):
        raise ShapeError(
            f"searchsorted: the sorter {tuple(sorter.shape)} must have the sequence's shape, {tuple(sequence.shape)}"
        )
    if sorter.dtype is not int64:
        raise DTypeError(f"searchsorted: the sorter has dtype {sorter.dtype.name}; it must be int64 (use .long())")
    return gather(sequence, -1, sorter)


def _searched(name: str, sequence: Node, values: Node, right: bool, narrow: bool, out: Any) -> Any:
    if narrow and sequence.type.shape[-1] >= np.iinfo(np.int32).max:
        raise OptionError(f"{name}: positions in a sequence of {sequence.type.shape[-1]} elements do not fit in int32")
    if not values.type.shape and len(sequence.type.shape) == 1:
        found = reshape(record(SEARCH, (sequence, reshape(values, (1,))), (right,)), ())
    else:
        found = record(SEARCH, (sequence, values), (right,))
    return deliver(name, wrap(cast(found, int32) if narrow else found), out)


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None) -> Any:
    """Which part between sorted boundaries each value falls in; a value on a boundary counts below it.

    Args:
        input: values, a tensor or a number.
        boundaries: ascending, one axis.
        out_int32: give int32 rather than int64.
        right: count a value on a boundary above it.
        out: a tensor that the result is written to.

    Source: torch.bucketize.

    >>> import retrograd as rg
    >>> rg.bucketize(rg.tensor([0.5, 1.0, 7.0]), rg.tensor([1.0, 2.0, 3.0]))
    tensor([0, 0, 3])
    """
    edges = operand("bucketize", boundaries)
    if len(edges.type.shape) != 1:
        raise ShapeError(f"bucketize: boundaries {edges.type.shape} must have one axis")
    return _searched("bucketize", edges, node_of(input, edges.type.dtype), right, out_int32, out)
