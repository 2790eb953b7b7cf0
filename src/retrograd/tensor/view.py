"""Views: how a tensor's elements lie in its storage, as movements that can be read through and written through.

Their grammar:

    view  = movement*
    movement = reshape shape | permute order | expand shape | slice starts sizes steps | cut starts sizes shape
             | unfold axis size step | strided offset shape strides
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from retrograd.core.errors import GraphError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.core.types import Shape, contiguous_strides
from retrograd.ops import movement as m
from retrograd.ops.cut import CUT, EXPAND
from retrograd.ops.strided import AS_STRIDED, AS_STRIDED_PUT
from retrograd.ops.unfold import UNFOLD_PUT, unfold

# The two that are met most, by the shortest way.
_PERMUTE, _RESHAPE = m.PERMUTE, m.RESHAPE


class Movement:
    """One step of a view: its kind, and what that kind needs.

    Attributes:
        attributes: of the operation that a reshape or a permute is; None for a permute that changes nothing.

    A `cut` is a slice seen in another shape: its sizes are its steps. Of `unfold`, the size is its shape; of
    `strided`, the strides are its steps.
    """

    __slots__ = ("kind", "shape", "starts", "steps", "attributes")

    def __init__(self, kind: str, shape: Shape, starts: Shape = (), steps: Shape = ()) -> None:
        self.kind, self.shape, self.starts, self.steps = kind, shape, starts, steps
        stays = kind == "permute" and shape == tuple(range(len(shape)))
        self.attributes = None if stays else (shape,)

    def read(self, x: Node) -> Node:
        """The view of x."""
        kind, attributes = self.kind, self.attributes
        if attributes is None:
            return x
        if kind == "permute":
            return record(_PERMUTE, (x,), attributes)
        if kind == "reshape":
            return x if x.type.shape == self.shape else record(_RESHAPE, (x,), attributes)
        if kind == "cut":
            return record(CUT, (x, *_cut_offsets(self, x.type.shape)), (self.steps, self.shape))
        if kind == "expand":
            return x if x.type.shape == self.shape else record(EXPAND, (x,), (self.shape,))
        if kind == "unfold":
            return unfold(x, *self.starts, *self.shape, *self.steps)
        if kind == "strided":
            return record(AS_STRIDED, (x,), (self.shape, self.steps, *self.starts))
        return m.slice_(x, _offsets(self, x.type.shape), self.shape, self.steps)

    def write(self, x: Node, value: Node) -> Node:
        """x with the elements that the view shows replaced by `value`."""
        if self.kind == "reshape":
            return m.reshape(value, x.type.shape)
        if self.kind == "permute":
            return m.permute(value, m.inverse_order(self.shape))
        if self.kind == "expand":
            raise GraphError(
                "in-place operation on an expanded tensor: several of its elements are one location in memory; "
                "clone() it first"
            )
        if self.kind == "unfold":
            if self.shape > self.steps:
                raise GraphError(
                    "in-place operation on overlapping windows (unfold): several of their elements are one location in "
                    "memory; clone() them first"
                )
            return record(UNFOLD_PUT, (x, value), (*self.starts, *self.shape, *self.steps))
        if self.kind == "cut":
            starts = tuple(map(m.offset, self.starts))
            return m.slice_put(x, m.reshape(value, self.steps), starts, (1,) * len(starts))
        if self.kind == "strided":
            self._require_apart()
            return record(AS_STRIDED_PUT, (x, value), (self.steps, *self.starts))
        return m.slice_put(x, value, _offsets(self, x.type.shape), self.steps)

    def _require_apart(self) -> None:
        """Refuse strides by which several elements are one location."""
        if self._nested() or 0 in self.shape:
            return
        places = np.zeros(1, np.int64)
        for extent, stride in zip(self.shape, self.steps, strict=True):
            places = np.add.outer(places, np.arange(extent) * stride).reshape(-1)
        if np.unique(places).size < places.size:
            raise GraphError(
                f"in-place operation on a view of shape {self.shape} and strides {self.steps}: several of its elements "
                "are one location in memory; clone() it first"
            )

    def _nested(self) -> bool:
        """Whether each stride leads beyond all that the shorter ones reach: the usual case, told without a table."""
        reach = 0
        for stride, extent in sorted(zip(self.steps, self.shape, strict=True)):
            if extent > 1 and stride <= reach:
                return False
            reach += (extent - 1) * stride
        return True


View = tuple[Movement, ...]

# Where a slice takes a whole axis, it starts at 0 by its shape.
_FROM_THE_START = m.offset(0)


def _cut_offsets(cut: Movement, whole: Shape) -> list[Node]:
    return [m.offset(start) for start, size, extent in zip(cut.starts, cut.steps, whole, strict=True) if size != extent]


def _offsets(slice_: Movement, whole: Shape) -> tuple[Node, ...]:
    """The starts of a slice as run-time inputs."""
    return tuple(
        [
            _FROM_THE_START if size == extent else m.offset(start)
            for start, size, extent in zip(slice_.starts, slice_.shape, whole, strict=True)
        ]
    )


def write_through(view: View, base: Node, value: Node) -> Node:
    """The storage's next version, when `value` is written to the view."""
    if not view:
        return value
    first, rest = view[0], view[1:]
    if not rest:
        return first.write(base, value)
    return first.write(base, write_through(rest, first.read(base), value))


# -- strides, as PyTorch counts them ----------------------------------------------------------------------------------


def strided(shape: Shape, strides: Shape) -> np.ndarray[Any, Any]:
    """An array of this geometry that must never be read: NumPy's own view rules are asked through it."""
    return as_strided(np.zeros((), np.uint8), shape, strides)


def reshaped_strides(shape: Shape, strides: Shape, new: Shape) -> Shape | None:
    """The strides of a view with another shape, or None where only a copy has it."""
    geometry = strided(shape, strides)
    try:
        return tuple(geometry.reshape(new, copy=False).strides)
    except ValueError:
        return None


@lru_cache(maxsize=1 << 12)
def part(shape: Shape, axis: int, start: int, size: int) -> Movement:
    """The slice of a size along one axis."""
    starts = (*(0,) * axis, start, *(0,) * (len(shape) - axis - 1))
    return Movement("slice", (*shape[:axis], size, *shape[axis + 1 :]), starts, (1,) * len(shape))


@lru_cache(maxsize=1 << 12)
def exchange(strides: Shape, a: int, b: int) -> tuple[Movement, Shape]:
    """The movement that exchanges two axes, and the strides after it."""
    order, moved = list(range(len(strides))), list(strides)
    order[a], order[b] = b, a
    moved[a], moved[b] = moved[b], moved[a]
    return Movement("permute", tuple(order)), tuple(moved)


def reshaping(shape: Shape, strides: Shape | None, new: Shape) -> tuple[Movement, Shape] | None:
    """The movement that gives another shape, and the strides after it; None where only a copy has that shape."""
    moved = contiguous_strides(new) if strides is None else reshaped_strides(shape, strides, new)
    return None if moved is None else (Movement("reshape", new), moved)
