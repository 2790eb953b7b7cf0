"""What was recorded lately as one node, the values inside of which are not kept for the backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.dtype import bool_
from retrograd.core.graph import Graph
from retrograd.core.node import Node
from retrograd.core.operation import record, results
from retrograd.ops.arithmetic import GRAFT
from retrograd.ops.checkpoint import CHECKPOINT
from retrograd.tensor.body import closed
from retrograd.tensor.dispatch import number_node


def recomputed(outputs: Sequence[Node], since: int) -> list[Node]:
    """The same values, computed by one node from what was there before.

    Code of the user at a node (a hook, a Function) stays where it is: such nodes count as what was there before.

    Args:
        outputs: nodes.
        since: the number of the first node that belongs inside.
    """
    inside = [i for i, x in enumerate(outputs) if x.requires_grad and not _is_boundary(x, since)]
    made = list(outputs)
    if not inside:
        return made
    given = _boundary([outputs[i] for i in inside], since)
    body = Graph.from_nodes(given, closed(given, [outputs[i] for i in inside])[0])
    waits = tuple(_waits(x) for x in given)
    node = record(CHECKPOINT, (number_node(True, bool_), *given), (body, waits))
    for i, x in zip(inside, results(node), strict=True):
        made[i] = x
    return made


def _waits(x: Node) -> bool:
    """Whether what is computed from an input is large. What comes of parameters or of offsets alone is not."""
    return x.leaf is None and (bool(x.type.shape) or x.type.dtype.is_floating_point)


def _is_boundary(x: Node, since: int) -> bool:
    """Whether a node is one that the values inside are computed from."""
    signature = x.signature
    if x.number < since or signature is None or x.leaf is not None or x.hooks is not None or x.released is not None:
        return True
    if signature.projects is not None and x.inputs:
        return _is_boundary(x.inputs[0], since)
    return x.buffer is not None and (not x.requires_grad or signature.operation is GRAFT)


def _boundary(outputs: Sequence[Node], since: int) -> list[Node]:
    """The nodes that the outputs are computed from, in the order in which they are met."""
    found: dict[Node, None] = {}
    seen = set(outputs)
    stack = list(outputs)
    while stack:
        for x in stack.pop().inputs:
            if x in seen:
                continue
            seen.add(x)
            if _is_boundary(x, since):
                found[x] = None
            else:
                stack.append(x)
    return list(found)
