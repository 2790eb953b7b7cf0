"""Nodes of values that were made under `inference_mode`, which no backward pass may read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from weakref import WeakSet

from retrograd.core.errors import GraphError
from retrograd.core.node import Node

INFERRED: Final[WeakSet[Node]] = WeakSet()


def require_recorded(read: Iterable[Node]) -> None:
    """Look at what a backward pass reads.

    Raises:
        GraphError: one of the values was made under `inference_mode`.
    """
    for node in read:
        if node in INFERRED:
            raise GraphError(
                f"backward: {node!r}, which was made under inference_mode(), would be read; use a clone() of it, made "
                "outside of inference_mode(), or no_grad() in its place"
            )
