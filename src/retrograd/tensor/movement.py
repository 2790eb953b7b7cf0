"""Tensor's movements: views where PyTorch gives views, copies where it copies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape, contiguous_strides
from retrograd.ops import movement as m
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.view import Movement, exchange, reshaping


@composite("contiguous")
def CONTIGUOUS(x: Node, shape: Shape) -> Node:
    """The elements in another shape, as a copy."""
    return m.reshape(x, shape)


@composite("repeat")
def REPEAT(x: Node, counts: Shape) -> Node:
    """x laid side by side counts[i] times along axis i."""
    shape = (1,) * (len(counts) - len(x.type.shape)) + x.type.shape
    split = tuple(extent for n in shape for extent in (1, n))
    grown = tuple(extent for c, n in zip(counts, shape, strict=True) for extent in (c, n))
    whole = tuple(c * n for c, n in zip(counts, shape, strict=True))
    return m.reshape(m.broadcast_to(m.reshape(x, split), grown), whole)


def shape_from(args: tuple[Any, ...]) -> tuple[int, ...]:
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    for n in args:
        if n.__class__ is not int:
            return tuple([int(n) for n in args])
    return args


def _resolved(name: str, old: Shape, shape: Shape) -> Shape:
    """The shape asked for, with -1 filled in."""
    size = math.prod(old)
    unknown = [i for i, n in enumerate(shape) if n == -1]
    if len(unknown) > 1 or any(n < -1 for n in shape):
        raise ShapeError(f"{name}: {shape} must have no negative extent but one -1")
    if unknown:
        rest = math.prod(n for n in shape if n != -1)
        if rest == 0 or size % rest:
            raise ShapeError(f"{name}: {size} elements of {old} do not fill the shape {shape}")
        shape = tuple(size // rest if n == -1 else n for n in shape)
    if math.prod(shape) != size:
        raise ShapeError(
            f"{name}: {old} has {size} elements, and {shape} has {math.prod(shape)}; the counts must be equal"
        )
    return shape


@lru_cache(maxsize=1 << 12)
def _reshaped(
    name: str, old: Shape, strides: Shape | None, shape: Shape
) -> tuple[Shape, tuple[Movement, Shape] | None]:
    """The shape asked for, with -1 filled in, and the view of that shape, if there is one."""
    new = _resolved(name, old, shape)
    return new, reshaping(old, strides, new)


class Movements(TensorBase):
    """Shapes and axes."""

    def view(self, *shape: Any) -> Any:
        """The same memory in another shape.

        Raises:
            ShapeError: the elements do not lie so that a view of this shape exists; use reshape.
        """
        new, view = _reshaped("view", self._type_shape(), self._strides, shape_from(shape))
        if view is None:
            raise ShapeError(
                f"view: a tensor of shape {tuple(self.shape)} and strides {self.stride()} cannot be seen as {new} "
                "without a copy; use .reshape(...)"
            )
        return self._view_as(view[0], view[1], self._offset, shape=new)

    def reshape(self, *shape: Any) -> Any:
        """The elements in another shape: a view where that is possible, else a copy."""
        new, view = _reshaped("reshape", self._type_shape(), self._strides, shape_from(shape))
        if view is None:
            return wrap(record(CONTIGUOUS, (self._read(),), (new,)))
        return self._view_as(view[0], view[1], self._offset, shape=new)

    def view_as(self, other: TensorBase) -> Any:
        return self.view(other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Any:
        """The axes start_dim..end_dim as one."""
        shape = self._type_shape()
        if not shape:
            return self.reshape(1)
        start, end = self._axis(start_dim), self._axis(end_dim)
        if start > end:
            raise OptionError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
        return self.reshape(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])

    def contiguous(self, memory_format: Any = None) -> Any:
        """Itself if its elements lie in row-major order, else a copy in which they do."""
        if self.is_contiguous():
            return self
        return wrap(record(CONTIGUOUS, (self._read(),), (self._type_shape(),)))

    def permute(self, *dims: Any) -> Any:
        """Axis i of the result is axis dims[i]."""
        order, strides = shape_from(dims), self.stride()
        if sorted(order) != list(range(len(strides))):
            order = tuple([self._axis(d) for d in order])
            if sorted(order) != list(range(len(strides))):
                raise ShapeError(f"permute: {dims} must name each of the {self.ndim} axes once")
        return self._view_as(Movement("permute", order), tuple([strides[i] for i in order]), self._offset)

    def transpose(self, dim0: int, dim1: int) -> Any:
        """Two axes exchanged."""
        strides = self._strides or self.stride()
        ndim = len(strides)
        # The usual axes are found without a call.
        a = dim0 if 0 <= dim0 < ndim else self._axis(dim0)
        b = dim1 if 0 <= dim1 < ndim else self._axis(dim1)
        if not strides:
            return self.view(())
        movement, moved = exchange(strides, a, b)
        return self._view_as(movement, moved, self._offset)

    def t(self) -> Any:
        """The transpose of a matrix."""
        ndim = self.ndim
        if ndim > 2:
            raise ShapeError(f"t(): expects at most 2 axes, and this tensor has {ndim}; use transpose or mT")
        return self if ndim < 2 else self.transpose(0, 1)

    @property
    def T(self) -> Any:
        """All axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    @property
    def H(self) -> Any:
        """The transpose of a matrix; a single number stays."""
        if self.ndim not in (0, 2):
            raise ShapeError(f"H: takes a matrix, and this tensor has shape {tuple(self.shape)}; use mH for batches")
        return self.t()

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise ShapeError(f"mT: takes matrices, and this tensor has shape {tuple(self.shape)}")
        return self.transpose(-2, -1)

    mH = mT

    def unsqueeze(self, dim: int) -> Any:
        """A new axis of extent 1."""
        axis = self._axis(dim, extra=1)
        shape = self._type_shape()
        return self.view(*shape[:axis], 1, *shape[axis:])

    def squeeze(self, dim: Any = None) -> Any:
        """Without axes of extent 1: all, or those named."""
        shape = self._type_shape()
        axes = () if isinstance(dim, (tuple, list)) and not dim else self._axes(dim)
        return self.view(tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes))

    def expand(self, *sizes: Any) -> Any:
        """Axes of extent 1 seen as longer ones, and new leading axes; -1 keeps an extent."""
        wanted, shape = shape_from(sizes), self._type_shape()
        extra = len(wanted) - len(shape)
        if extra < 0:
            raise ShapeError(f"expand: {wanted} has fewer axes than {shape}")
        if min(wanted, default=0) < -1 or min(wanted[:extra], default=0) < 0:
            raise ShapeError(f"expand: {wanted}: -1 keeps an extent, and new leading axes have none to keep")
        new, strides = list(wanted[:extra]), [0] * extra
        for a, n, s in zip(shape, wanted[extra:], self.stride(), strict=True):
            if a not in (1, n) and n != -1:
                raise ShapeError(f"expand: {shape} does not expand to {wanted}: only axes of extent 1 grow")
            new.append(a if n == -1 else n)
            strides.append(s if a == new[-1] else 0)
        return self._view_as(Movement("expand", tuple(new)), tuple(strides), self._offset)

    def expand_as(self, other: TensorBase) -> Any:
        return self.expand(other.shape)

    def repeat(self, *counts: Any) -> Any:
        """Copies laid side by side."""
        wanted = shape_from(counts)
        if len(wanted) < self.ndim:
            raise ShapeError(f"repeat: {wanted} names fewer axes than the tensor's {self.ndim}")
        return wrap(record(REPEAT, (self._read(),), (wanted,)))

    def select(self, dim: int, index: int) -> Any:
        """One position of an axis, which goes away."""
        axis = self._axis(dim)
        extent = self._type_shape()[axis]
        if not -extent <= index < extent:
            raise IndexError(f"index {index} is out of range for axis {axis} with extent {extent}")
        return self._cut((*[slice(None)] * axis, int(index)))

    def _row(self, index: int) -> Any:
        """What `_cut` gives for one int, sooner: rows are asked for one after another."""
        shape = self._type_shape()
        extent = shape[0] if shape else 1
        if extent == 1 or not -extent <= index < extent:
            return self._cut((index,))
        start, rest, strides = index % extent, shape[1:], self._strides or contiguous_strides(shape)
        movement = Movement("cut", rest, (start, *(0,) * len(rest)), (1, *rest))
        return self._view_as(movement, strides[1:], self._offset + start * strides[0], shape=rest)

    def _cut(self, items: tuple[Any, ...]) -> Any:
        """The view of ints and slices, one for each of the first axes; None where one is something else, or selects all
        or nothing of its axis: for these there is a longer way."""
        shape, strides = self._type_shape(), self.stride()
        if len(items) > len(shape):
            return None
        starts, sizes, kept, kept_strides = [], [], [], []
        offset, partial = self._offset, False
        for item, extent, stride in zip(items, shape, strides, strict=False):
            if item.__class__ is int:
                if not -extent <= item < extent:
                    return None
                start, size = item % extent, 1
                partial = partial or extent != 1
            elif item.__class__ is slice and item.step is None:
                start, stop, _ = item.indices(extent)
                size = stop - start
                if size < 0 or size == 0 != extent:
                    return None
                partial = partial or size != extent
                kept.append(size)
                kept_strides.append(stride)
            else:
                return None
            offset += start * stride
            starts.append(start)
            sizes.append(size)
        rest = shape[len(items) :]
        whole = (*kept, *rest)
        if partial:
            movement = Movement("cut", whole, (*starts, *(0,) * len(rest)), (*sizes, *rest))
        elif len(whole) < len(shape):
            movement = Movement("reshape", whole)
        else:
            return None
        return self._view_as(movement, (*kept_strides, *strides[len(items) :]), offset, shape=whole)

    def _sliced(self, regions: Mapping[int, tuple[int, int, int]], node: Node | None = None) -> Any:
        """The region given by (start, size, step) along some axes; `node` if it is known."""
        shape, strides, offset = self._type_shape(), self.stride(), self._offset
        starts, sizes, steps, moved = [0] * len(shape), list(shape), [1] * len(shape), list(strides)
        for axis, (start, size, step) in regions.items():
            starts[axis], sizes[axis], steps[axis] = start, size, step
            offset += start * strides[axis]
            moved[axis] *= step
        movement = Movement("slice", tuple(sizes), tuple(starts), tuple(steps))
        return self._view_as(movement, tuple(moved), offset, node)
