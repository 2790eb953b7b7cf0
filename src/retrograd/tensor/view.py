"""Views: how a tensor's elements lie in its storage, as movements that can be read through and written through.

Their grammar:

    view  = movement*
    movement = reshape shape | permute order | expand shape | slice starts sizes steps
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from retrograd.core.errors import GraphError
from retrograd.core.node import Node
from retrograd.core.types import Shape
from retrograd.ops import movement as m


@dataclass(frozen=True, slots=True)
class Movement:
    """One step of a view: its kind, and what that kind needs."""

    kind: str
    shape: Shape
    starts: Shape = ()
    steps: Shape = ()

    def read(self, x: Node) -> Node:
        """The view of x."""
        if self.kind == "reshape":
            return m.reshape(x, self.shape)
        if self.kind == "permute":
            return m.permute(x, self.shape)
        if self.kind == "expand":
            return m.broadcast_to(x, self.shape)
        return m.slice_(x, tuple(map(m.offset, self.starts)), self.shape, self.steps)

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
        return m.slice_put(x, value, tuple(map(m.offset, self.starts)), self.steps)


View = tuple[Movement, ...]


def read_through(view: View, base: Node) -> Node:
    for movement in view:
        base = movement.read(base)
    return base


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
