"""The Gumbel softmax as a composite."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.activation import SOFTMAX
from retrograd.ops.arithmetic import GRAFT
from retrograd.ops.constant import iota
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import argmax_keepdim
from retrograd.ops.spread import spread


@composite("gumbel_softmax")
def GUMBEL_SOFTMAX(x: Node, drawn: Node, tau: Node, axis: int, hard: bool) -> Node:
    """softmax((x - log E) / tau); if `hard`, 1 where it is greatest, else 0, with the gradient of the softmax."""
    shape = x.type.shape
    if not shape:
        x, drawn = reshape(x, (1,)), reshape(drawn, (1,))
    soft = record(SOFTMAX, (e.div(e.sub(x, e.log(drawn)), spread(tau, x)),), (axis,))
    if hard:
        place = broadcast_to(argmax_keepdim(soft, axis), soft.type.shape)
        one_hot = e.cast(e.eq(iota(soft.type.shape, axis), place), x.type.dtype)
        soft = record(GRAFT, (soft, one_hot))
    return reshape(soft, shape)
