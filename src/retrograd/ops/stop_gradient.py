"""A value through which no gradient flows, inside of a body, where nothing else says so."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite


def _stop_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[None]:
    return (None,)


@composite("stop_gradient", _stop_gradient)
def STOP_GRADIENT(x: Node) -> Node:
    """x."""
    return x
