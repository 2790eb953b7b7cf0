"""Values that must lie in a range: do they, as far as that can be known without computing anything?"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.errors import IndexRangeError, OptionError
from retrograd.core.node import Node
from retrograd.tensor.base import TensorBase

# Operations whose elements are all elements of their first input.
_SELECTIONS: Final = frozenset(
    "as_strided batch broadcast contiguous cut expand flip gather identity index permute repeat reshape roll slice "
    "take unfold".split()
)
# The least and the greatest element of nodes whose value is in memory.
_extremes: WeakKeyDictionary[Node, tuple[Any, Any]] = WeakKeyDictionary()


def known_extremes(node: Node) -> tuple[Any, Any] | None:
    """Bounds of a node's elements, found from the memory that they are selected from; None where it is pending.

    Both are NaN where an element is.
    """
    while node.buffer is None:
        if node.signature is None or node.signature.operation.name not in _SELECTIONS or not node.inputs:
            return None
        node = node.inputs[0]
    found = _extremes.get(node)
    if found is None:
        buffer = node.buffer
        values = np.asarray(buffer.value) if isinstance(buffer, Scalar) else buffer.array()
        found = (values.min().item(), values.max().item()) if values.size else (0, 0)
        _extremes[node] = found
    return found


def require_within(name: str, what: str, tensor: TensorBase, low: float, high: float, advice: str) -> None:
    """Look at numbers that are in memory: all of them must lie in [low, high].

    Args:
        name: of the function, for the message.
        what: of the argument, for the message.
        tensor: the numbers.
        low, high: the bounds.
        advice: what to do, for the message.

    Raises:
        OptionError: a number is outside, or NaN.
    """
    node = tensor._read()
    extremes = known_extremes(node)
    if extremes is None or (low <= extremes[0] and extremes[1] <= high) or node.buffer is None:
        return
    raise OptionError(
        f"{name}: all elements of {what} should be between {low:g} and {high:g}, and they lie in "
        f"[{extremes[0]:g}, {extremes[1]:g}]: {advice}"
    )


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
