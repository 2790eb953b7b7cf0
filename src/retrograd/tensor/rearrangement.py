"""Elements in another order, or repeated."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops import rearrange
from retrograd.ops.index_arrays import INDEX
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of, operand
from retrograd.tensor.index_plan import host_index
from retrograd.tensor.registry import method
from retrograd.tensor.view import Movement

__all__ = [
    "combinations", "flip", "fliplr", "flipud", "moveaxis", "movedim", "repeat_interleave", "roll", "rot90", "swapaxes",
    "swapdims", "tile",
]  # fmt: skip


def _numbers(name: str, given: tuple[Any, ...], named: Any) -> Shape:
    """Numbers given one by one, as a sequence, or by name."""
    if named is not None:
        given = (named,)
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    if not all(hasattr(n, "__index__") for n in given):
        raise TypeError(f"{name}: expected ints, received {given}")
    return tuple(n.__index__() for n in given)


# -- reversed, turned, moved on ---------------------------------------------------------------------------------------


@method()
def flip(input: Any, *given: Any, dims: Any = None) -> Any:
    """A copy in reverse order along some axes.

    Args:
        input: a tensor.
        given, dims: the axes, one by one or as a sequence.

    Source: torch.flip.

    >>> import retrograd as rg
    >>> rg.flip(rg.tensor([1, 2, 3]), [0])
    tensor([3, 2, 1])
    """
    x = operand("flip", input)
    axes = tuple(input._axis(d) for d in _numbers("flip", given, dims))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"flip: an axis is named twice in {axes}")
    return wrap(record(rearrange.FLIP_ALONG, (x,), (tuple(sorted(axes)) if x.type.shape else (),)))


@method()
def fliplr(input: Any) -> Any:
    """A copy with the columns (axis 1) in reverse order. Source: torch.fliplr."""
    if len(operand("fliplr", input).type.shape) < 2:
        raise ShapeError(f"fliplr: a tensor of shape {tuple(input.shape)} has no columns")
    return flip(input, 1)


@method()
def flipud(input: Any) -> Any:
    """A copy with the rows (axis 0) in reverse order. Source: torch.flipud."""
    if not operand("flipud", input).type.shape:
        raise ShapeError("flipud: a 0-dimensional tensor has no rows")
    return flip(input, 0)


@method()
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turned by 90 degrees, k times, in the plane of two axes, from the first towards the second.

    Source: torch.rot90.

    >>> import retrograd as rg
    >>> rg.rot90(rg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    operand("rot90", input)
    if len(dims) != 2 or input.ndim < 2:
        raise ShapeError(f"rot90: takes two axes of a tensor of at least two, not {tuple(dims)} of {input.ndim}")
    a, b = (input._axis(d) for d in dims)
    if a == b:
        raise ShapeError(f"rot90: the axes must be two, and both are {a}")
    turns = k % 4
    if turns == 1:
        return flip(input, b).transpose(a, b)
    if turns == 2:
        return flip(input, a, b)
    return flip(input, a).transpose(a, b) if turns == 3 else input.clone()


@method()
def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """Elements moved on along some axes; what leaves at the end comes in at the start.

    Args:
        input: a tensor.
        shifts: by how much, for each axis; negative ones move back.
        dims: the axes, or None for all elements in a row.

    Source: torch.roll.

    >>> import retrograd as rg
    >>> rg.roll(rg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    x = operand("roll", input)
    by = _numbers("roll", (shifts,), None)
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        if len(by) != 1:
            raise ShapeError(f"roll: shifts {by} and dims () must name as many axes")
        return roll(input.reshape(-1), by, 0).reshape(x.type.shape)
    axes = _numbers("roll", (dims,), None)
    if len(by) != len(axes):
        raise ShapeError(f"roll: shifts {by} and dims {axes} must name as many axes")
    axes = tuple(input._axis(d) for d in axes)
    if not x.type.shape:
        raise IndexRangeError("roll: a 0-dimensional tensor has no axis")
    starts = (node_of(-shift % max(x.type.shape[axis], 1), int64) for shift, axis in zip(by, axes, strict=True))
    return wrap(record(rearrange.ROLL, (x, *starts), (axes,)))


# -- axes, windows ----------------------------------------------------------------------------------------------------


@method("moveaxis")
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """A view with some axes in other places, the rest in their order. Source: torch.movedim.

    >>> import retrograd as rg
    >>> rg.movedim(rg.zeros(2, 3, 4), 0, -1).shape
    retrograd.Size([3, 4, 2])
    """
    operand("movedim", input)
    old, new = (tuple(input._axis(d) for d in _numbers("movedim", (given,), None)) for given in (source, destination))
    if len(old) != len(new):
        raise ShapeError(f"movedim: source {source} and destination {destination} must name as many axes")
    if len(set(old)) != len(old) or len(set(new)) != len(new):
        raise ShapeError(f"movedim: an axis is named twice in {source} or {destination}")
    if not input.ndim:
        return input.view(())
    rest = iter(i for i in range(input.ndim) if i not in old)
    places = dict(zip(new, old, strict=True))
    return input.permute([places[i] if i in places else next(rest) for i in range(input.ndim)])


moveaxis = movedim


@method()
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """A view with two axes exchanged. Source: torch.swapaxes."""
    return input.transpose(axis0, axis1)


@method()
def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """A view with two axes exchanged. Source: torch.swapdims."""
    return input.transpose(dim0, dim1)


@method()
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """A view of windows along an axis, which then counts them; a new last axis goes through a window.

    Args:
        input: a tensor.
        dimension: the axis.
        size: elements of a window.
        step: elements from the start of a window to that of the next.

    Raises:
        ShapeError: a window is longer than the axis. OptionError: the step is not positive.

    Source: torch.Tensor.unfold. Deviation: windows that overlap cannot be written to.

    >>> import retrograd as rg
    >>> rg.tensor([1, 2, 3, 4]).unfold(0, 2, 1)
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    axis = input._axis(dimension)
    shape, strides = input._type_shape(), input.stride()
    extent = shape[axis] if shape else 1
    if not 0 <= size <= extent:
        raise ShapeError(f"unfold: a window of {size} elements does not fit in axis {dimension} of extent {extent}")
    if step <= 0:
        raise OptionError(f"unfold: the step must be positive, not {step}")
    if not shape:
        return input.reshape(1)[:size]
    windows = (*strides[:axis], strides[axis] * step, *strides[axis + 1 :], strides[axis])
    return input._view_as(Movement("unfold", (int(size),), (axis,), (int(step),)), windows, input._offset)


# -- repeated ---------------------------------------------------------------------------------------------------------


@method()
def tile(input: Any, *given: Any, dims: Any = None) -> Any:
    """Copies laid side by side, `dims[i]` times along axis i, counted from the last.

    Args:
        input: a tensor.
        given, dims: the counts, one by one or as a sequence.

    Source: torch.tile.

    >>> import retrograd as rg
    >>> rg.tile(rg.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    operand("tile", input)
    counts = _numbers("tile", given, dims)
    return input.repeat((1,) * (input.ndim - len(counts)) + counts)


@method()
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element, or slice along an axis, several times in a row.

    Args:
        input: a tensor; alone, how often each of 0, 1, ... is repeated.
        repeats: how often: a number for all, or a tensor with one for each. Such a tensor is computed now.
        dim: the axis, or None for all elements in a row.
        output_size: the extent of the result, known already.

    Source: torch.repeat_interleave.

    >>> import retrograd as rg
    >>> rg.repeat_interleave(rg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    >>> rg.repeat_interleave(rg.tensor([1, 2]), rg.tensor([0, 3]))
    tensor([2, 2, 2])
    """
    operand("repeat_interleave", input)
    if repeats is None:
        return wrap(host_index(np.repeat(np.arange(input.numel()), _counts(input))))
    line = input.reshape(-1) if dim is None or not input.ndim else input
    axis = 0 if dim is None else line._axis(dim)
    extent = line._type_shape()[axis]
    if isinstance(repeats, (tuple, list)):
        repeats = np.asarray(repeats, np.int64)
    counts = _counts(repeats) if isinstance(repeats, (TensorBase, np.ndarray)) else None
    if counts is None or counts.size == 1:
        times = int(repeats) if counts is None else int(counts.reshape(()))
        if times < 0:
            raise OptionError(f"repeat_interleave: repeats must not be negative, and is {times}")
        result = wrap(record(rearrange.REPEAT_INTERLEAVE, (line._read(),), (times, axis)))
    else:
        if counts.size != extent:
            raise ShapeError(f"repeat_interleave: {counts.size} repeats for the {extent} elements of axis {axis}")
        places = host_index(np.repeat(np.arange(extent), counts))
        result = wrap(record(INDEX, (line._read(), places), ((axis,),)))
    if output_size is not None and result._type_shape()[axis] != output_size:
        raise OptionError(
            f"repeat_interleave: output_size is {output_size}, and the repeats make {result._type_shape()[axis]}"
        )
    return result


def _counts(repeats: Any) -> np.ndarray[Any, Any]:
    values = repeats._value() if isinstance(repeats, TensorBase) else repeats
    if values.dtype.kind not in "iu":
        raise DTypeError(f"repeat_interleave: repeats must be integers, and are {values.dtype}")
    if values.ndim > 1:
        raise ShapeError(f"repeat_interleave: repeats {values.shape} must have one axis at most")
    if values.size and values.min() < 0:
        raise OptionError(f"repeat_interleave: repeats must not be negative, and one is {values.min()}")
    return np.asarray(values, np.int64)


@method()
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a vector, as rows. Source: torch.combinations.

    >>> import retrograd as rg
    >>> rg.combinations(rg.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    x = operand("combinations", input)
    if len(x.type.shape) != 1:
        raise ShapeError(f"combinations: takes a vector, and received a tensor of shape {x.type.shape}")
    if r < 0:
        raise OptionError(f"combinations: r must not be negative, and is {r}")
    if r == 0:
        return input.detach()[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(x.type.size), r)), np.int64).reshape(-1, r)
    return wrap(record(INDEX, (x, host_index(places)), ((0,),)))
