"""A number that a layer holds, as an input of programs: one node for as long as it stays the same."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.node import Node
from retrograd.tensor.dispatch import number_node


class HeldNumber:
    """The node of a number that is the same at most calls, such as a layer's `eps`.

    A number is a run-time input as ever; but it is made anew only when the layer holds another one.

    >>> from retrograd.core.dtype import float32
    >>> held, eps = HeldNumber(), 1e-5
    >>> held.node(eps, float32) is held.node(eps, float32), held.node(1e-3, float32).buffer.value
    (True, 0.001)
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[float, DType, Node] | None = None

    def node(self, value: float, dtype: DType) -> Node:
        """`value` meeting a tensor of `dtype`, as `number_node` has it."""
        kept = self._kept
        if kept is not None and kept[0] is value and kept[1] is dtype:
            return kept[2]
        node = number_node(float(value), dtype)
        if value.__class__ is float:
            # In one go: threads may use a layer at the same time.
            self._kept = value, dtype, node
        return node

    def __reduce__(self) -> tuple[Any, ...]:
        return HeldNumber, ()
