"""Class numbers as targets: are they in range, as far as that can be known without computing anything?"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from retrograd.core.buffer import Scalar
from retrograd.core.errors import IndexRangeError
from retrograd.core.node import Node

# Operations whose elements are all elements of their first input.
_SELECTIONS: Final = frozenset("batch index slice reshape permute broadcast flip contiguous identity".split())
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


def all_are_classes(target: Node, classes: int) -> bool:
    """Whether every target is known to be one of 0..classes - 1."""
    extremes = known_extremes(target)
    return extremes is not None and extremes[0] >= 0 and extremes[1] < classes


def require_classes(name: str, target: Any, classes: int, ignore_index: int) -> None:
    """Look at class numbers that are in memory.

    Raises:
        IndexRangeError: one is no class, nor the number that is to be ignored.
    """
    if target._storage.node.buffer is None:
        return
    values = target._value()
    wrong = values[(values != ignore_index) & ((values < 0) | (values >= classes))]
    if wrong.size:
        raise IndexRangeError(
            f"{name}: target {wrong.flat[0]} is not a class: the input has {classes} classes, numbered "
            f"0..{classes - 1}, and ignore_index is {ignore_index}"
        )
