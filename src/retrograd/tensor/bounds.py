"""Positions that are data: are they in range, as far as that can be known without computing anything?"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.errors import IndexRangeError
from retrograd.core.node import Node
from retrograd.tensor.base import TensorBase

# Operations whose elements are all elements of their first input.
_SELECTIONS: Final = frozenset(
    "as_strided batch broadcast contiguous cut expand flip gather identity index permute repeat reshape roll slice "
    "take unfold".split()
)
# The least and the greatest element of nodes whose value is in memory.
_extremes: WeakKeyDictionary[Node, tuple[int, int]] = WeakKeyDictionary()


def known_extremes(node: Node) -> tuple[int, int] | None:
    """Bounds of a node's elements, found from the memory that they are selected from; None where it is pending."""
    while node.buffer is None:
        if node.signature is None or node.signature.operation.name not in _SELECTIONS or not node.inputs:
            return None
        node = node.inputs[0]
    found = _extremes.get(node)
    if found is None:
        buffer = node.buffer
        values = np.asarray(buffer.value) if isinstance(buffer, Scalar) else buffer.array()
        found = (int(values.min()), int(values.max())) if values.size else (0, 0)
        _extremes[node] = found
    return found


def require_positions(name: str, index: TensorBase, low: int, extent: int, what: str) -> None:
    """Look at positions that are in memory; what is pending is clamped when it runs.

    Args:
        name: of the function, for the message.
        index: integers.
        low: the least position that is allowed: 0, or -extent where negative ones count from the end.
        extent: one more than the greatest.
        what: which axis, for the message.

    Raises:
        IndexRangeError: a position is out of range.
    """
    extremes = known_extremes(index._read())
    if extremes is None or (extremes[0] >= low and extremes[1] < extent):
        return
    if index._storage.node.buffer is None:
        return
    values: np.ndarray[Any, Any] = index._value()
    wrong = values[(values < low) | (values >= extent)]
    if wrong.size:
        raise IndexRangeError(f"{name}: index {wrong.flat[0]} is out of bounds for {what} with size {extent}")
