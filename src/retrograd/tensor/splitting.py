"""Parts of a tensor along an axis: views."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from retrograd.core import mode
from retrograd.core.dtype import int64
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.ops import split as op
from retrograd.tensor.base import TensorBase
from retrograd.tensor.dispatch import operand
from retrograd.tensor.reading import Reading
from retrograd.tensor.registry import method
from retrograd.tensor.view import part

__all__ = ["chunk", "dsplit", "hsplit", "narrow", "split", "split_with_sizes", "tensor_split", "unbind", "vsplit"]


# So many parts at most are one operation, whose gradient joins those of the parts; more are slices by themselves.
_MOST_PARTS = 32


def _axis_of(name: str, input: Any, dim: int) -> int:
    if not isinstance(input, TensorBase):
        operand(name, input)  # refuses it
    if not input._type_shape():
        raise ShapeError(f"{name}: a 0-dimensional tensor has no axis to be taken apart")
    axis: int = input._axis(dim)
    return axis


def _parts(input: Any, axis: int, sizes: Sequence[int]) -> tuple[Any, ...]:
    """Views of these sizes one after another, from 0 to at most the extent."""
    shape, strides, offset = input._type_shape(), input.stride(), input._offset
    nodes: Sequence[Node | None] = [None] * len(sizes)
    node = input._history()
    if node.requires_grad and mode.state.grad_enabled and 1 < len(sizes) <= _MOST_PARTS and sum(sizes) == shape[axis]:
        nodes = op.split(node, axis, tuple(sizes))
    found, start = [], 0
    for size, known in zip(sizes, nodes, strict=True):
        movement = part(shape, axis, start, size)
        found.append(input._view_as(movement, strides, offset + start * strides[axis], known))
        start += size
    return tuple(found)


@method()
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """Elements start .. start + length - 1 along an axis, as a view.

    Args:
        input: a tensor.
        dim: the axis.
        start: the first position, a number or a 0-dimensional tensor; negative ones count from the end.
        length: how many.

    Source: torch.narrow.

    >>> import retrograd as rg
    >>> rg.narrow(rg.tensor([1, 2, 3, 4]), 0, 1, 2)
    tensor([2, 3])
    """
    axis = _axis_of("narrow", input, dim)
    extent = input._type_shape()[axis]
    first = operator.index(start)
    if length < 0:
        raise ShapeError(f"narrow: the length must not be negative, and is {length}")
    if not -extent <= first <= extent:
        raise IndexError(f"narrow: start {first} is out of range for axis {dim} with extent {extent}")
    first += extent * (first < 0)
    if first + length > extent:
        raise ShapeError(f"narrow: {first} .. {first + length} is not within axis {dim} of extent {extent}")
    return input._sliced({axis: (first, length, 1)})


@method()
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """One tensor for each position of an axis, which goes away: views. Source: torch.unbind.

    >>> import retrograd as rg
    >>> rg.unbind(rg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    if not operand("unbind", input).type.shape:
        raise IndexRangeError("unbind: a 0-dimensional tensor has no axis to be taken apart")
    axis = input._axis(dim)
    extent = input._type_shape()[axis]
    if extent > _MOST_PARTS:
        return tuple(input.select(axis, i) for i in range(extent))
    return tuple(part.squeeze(axis) for part in _parts(input, axis, [1] * extent))


@method()
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Parts of a given length along an axis, the last maybe shorter, or of given lengths: views.

    Args:
        tensor: a tensor.
        split_size_or_sections: a length, or a sequence of lengths that add up to the extent.
        dim: the axis.

    Source: torch.split.

    >>> import retrograd as rg
    >>> rg.split(rg.tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    axis, size = _axis_of("split", tensor, dim), split_size_or_sections
    extent = tensor._type_shape()[axis]
    if size < 0 or (size == 0 and extent):
        raise OptionError(f"split: the length of a part must be positive, not {size}")
    starts = range(0, extent, size) if extent else (0,)
    return _parts(tensor, axis, [min(size, extent - start) for start in starts])


@method()
def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Parts of given lengths along an axis: views. Source: torch.split_with_sizes.

    >>> import retrograd as rg
    >>> rg.split_with_sizes(rg.tensor([1, 2, 3]), [1, 2])
    (tensor([1]), tensor([2, 3]))
    """
    axis = _axis_of("split", input, dim)
    extent, sizes = input._type_shape()[axis], [int(n) for n in split_sizes]
    if sum(sizes) != extent or any(n < 0 for n in sizes):
        raise ShapeError(f"split: the parts {sizes} must add up to the extent {extent} of axis {dim}")
    return _parts(input, axis, sizes)


@method()
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most `chunks` parts of equal length along an axis, the last maybe shorter: views. Source: torch.chunk.

    >>> import retrograd as rg
    >>> rg.chunk(rg.tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    axis = _axis_of("chunk", input, dim)
    if chunks <= 0:
        raise OptionError(f"chunk: there must be at least one part, not {chunks}")
    extent = input._type_shape()[axis]
    if extent == 0:
        return tuple(narrow(input, axis, 0, 0) for _ in range(chunks))
    return split(input, -(-extent // chunks), axis)


@method()
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """So many parts, as equal as can be, the first ones one longer; or parts that begin at given positions: views.

    Args:
        input: a tensor.
        indices_or_sections: a count, or positions; a tensor of either.
        dim: the axis.

    Source: torch.tensor_split.

    >>> import retrograd as rg
    >>> rg.tensor_split(rg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> rg.tensor_split(rg.arange(5), [1, 3])
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    axis = _axis_of("tensor_split", input, dim)
    extent = input._type_shape()[axis]
    given = indices_or_sections
    if isinstance(given, Reading):
        if given.ndim > 1 or given.dtype is not int64:
            raise ShapeError(
                f"tensor_split: positions must be int64 and have one axis at most, not {given.dtype.name} "
                f"{tuple(given.shape)}"
            )
        given = given.tolist()
    if isinstance(given, int):
        if given <= 0:
            raise OptionError(f"tensor_split: there must be at least one part, not {given}")
        least, longer = divmod(extent, given)
        stops = [least * (i + 1) + min(i + 1, longer) for i in range(given)]
    else:
        stops = [slice(operator.index(i)).indices(extent)[1] for i in given] + [extent]
    if [0, *stops, extent] == sorted([0, *stops, extent]):
        return _parts(input, axis, [stop - start for start, stop in pairwise([0, *stops])])
    return tuple(narrow(input, axis, min(start, extent), max(stop - start, 0)) for start, stop in pairwise([0, *stops]))


def _evenly(name: str, input: Any, parts: Any, axis: int) -> tuple[Any, ...]:
    extent = input._type_shape()[axis]
    if isinstance(parts, int) and (parts <= 0 or extent % parts):
        raise ShapeError(f"{name}: axis {axis} of extent {extent} does not divide into {parts} equal parts")
    return tensor_split(input, parts, axis)


def _require_axes(name: str, input: Any, count: int) -> None:
    ndim = len(operand(name, input).type.shape)
    if ndim < count:
        raise ShapeError(f"{name}: takes a tensor of at least {count} axes, and this has {ndim}")


@method()
def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at positions, along axis 1, of a vector along axis 0: views. Source: torch.hsplit.

    >>> import retrograd as rg
    >>> rg.hsplit(rg.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    _require_axes("hsplit", input, 1)
    return _evenly("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1)


@method()
def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at positions, along axis 0: views. Source: torch.vsplit."""
    _require_axes("vsplit", input, 2)
    return _evenly("vsplit", input, indices_or_sections, 0)


@method()
def dsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Equal parts, or parts at positions, along axis 2: views. Source: torch.dsplit."""
    _require_axes("dsplit", input, 3)
    return _evenly("dsplit", input, indices_or_sections, 2)
