"""A part of a graph that the backward pass computes again, in place of values kept for it.

The first pass over a program merges equal computations, and a gradient that repeats its forward pass is merged with it:
then what it reads is kept. Here the repetition starts from inputs that wait for the gradient of the part's results.
It is a computation of its own, done when the gradient is there, with the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.graph import Graph
from retrograd.core.node import Node
from retrograd.core.operation import Call, composite, inline
from retrograd.ops.constant import const_offset, like
from retrograd.ops.elementwise import logical_or, ne, select
from retrograd.ops.movement import broadcast_to, reshape, slice_


def _awaited(yes: Node, g: Node) -> Node:
    """A condition that holds, once the gradient `g` is there."""
    if not g.type.size:
        return yes
    ones = (1,) * len(g.type.shape)
    first = reshape(slice_(g, tuple(const_offset(0) for _ in ones), ones, ones), ())
    return logical_or(yes, ne(first, first))


def _gradient(call: Call) -> Sequence[Node | None]:
    """The gradient of the part, which is computed again."""
    body, waits = call.attributes
    condition = _awaited(call.inputs[0], next(iter(call.seeds.values())))
    again = [
        select(broadcast_to(condition, x.type.shape), x, like(0, x)) if wait else x
        for x, wait in zip(call.inputs[1:], waits, strict=True)
    ]
    return [None, *call.pull_back(body, inline(body, again), call.needs[1:], call.seeds)]


@composite("checkpoint", call_gradient=_gradient)
def CHECKPOINT(yes: Node, *rest: object) -> tuple[Node, ...]:
    """The outputs of a body.

    The operands are a condition that always holds, which no pass may know, and the inputs of the body. The attributes
    are the body, and for each of its inputs whether a copy of it waits for the gradient.
    """
    *given, body, _ = rest
    assert isinstance(body, Graph)
    inputs = [x for x in given if isinstance(x, Node)]
    values = inline(body, inputs)
    return tuple(values[place] for place in body.outputs)
