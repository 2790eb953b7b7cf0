"""The operation of a user's own: values that were made under `no_grad`, on the history of what they were made from."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite


@composite("function")
def FUNCTION(*parts: Any) -> Node | tuple[Node, ...]:
    """The values among the operands, which come after the inputs; the last argument counts the inputs.

    A gradient rule of the user, at the node itself, says what flows to the inputs.
    """
    *nodes, inputs = parts
    values = tuple(nodes[inputs:])
    return values[0] if len(values) == 1 else values
