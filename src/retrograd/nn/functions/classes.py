"""Class numbers as targets: are they in range, as far as that can be known without computing anything?"""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import IndexRangeError
from retrograd.core.node import Node
from retrograd.tensor.bounds import known_extremes


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
