"""Distances and similarity of rows, and scaling to norm 1, as composites; norms are those of `ops/vector_norm.py`."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, floating, meet
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim
from retrograd.ops.spread import spread
from retrograd.ops.vector_norm import vector_norm


def _floored_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, None]:
    return g, None


@composite("floored", _floored_gradient)
def FLOORED(x: Node, low: Node) -> Node:
    """x, and `low` where it would be less; the gradient is that of x everywhere, as of a change under `no_grad`."""
    low = spread(low, x)
    return e.select(e.lt(x, low), low, x)


def _floats(name: str, *operands: Node) -> list[Node]:
    return meet(name, *operands, dtype=floating(common_dtype(*operands)))


def distance(x1: Node, x2: Node, eps: Node, p: tuple[Node, ...], kind: str) -> Node:
    """|x1 - x2 + eps|_p along the last axis, which stays with extent 1; x1 and x2 broadcast."""
    a, b = _floats("pairwise_distance", x1, x2)
    if not a.type.shape:
        raise ShapeError("pairwise_distance: the inputs are 0-dimensional; distances are along a last axis")
    rest = e.add(e.sub(a, b), spread(eps, a))
    return vector_norm(rest, p, kind, (len(rest.type.shape) - 1,), True)


@composite("pairwise_distance")
def PAIRWISE_DISTANCE(x1: Node, x2: Node, eps: Node, *rest: Any) -> Node:
    """|x1 - x2 + eps|_p along the last axis. After eps: p if its kind is "p", the kind, and whether the axis stays."""
    *p, kind, keepdim = rest
    found = distance(x1, x2, eps, tuple(p), kind)
    return found if keepdim else drop_axes(found, (len(found.type.shape) - 1,))


@composite("cosine_similarity")
def COSINE_SIMILARITY(x1: Node, x2: Node, eps: Node, axis: int) -> Node:
    """sum_i x1_i x2_i / (max(|x1|, eps) max(|x2|, eps)) along an axis; the inputs broadcast."""
    a, b = _floats("cosine_similarity", x1, x2)
    if not a.type.shape:
        a, b = reshape(a, (1,)), reshape(b, (1,))
    parts = []
    for x in (a, b):
        size = record(FLOORED, (vector_norm(x, (), "2", (axis,), True), eps))
        parts.append(e.div(x, broadcast_to(size, x.type.shape)))
    return drop_axes(sum_keepdim(e.mul(*parts), (axis,)), (axis,))


@composite("normalize")
def NORMALIZE(x: Node, eps: Node, *rest: Any) -> Node:
    """x / max(|x|_p, eps). After eps: p if its kind is "p", the kind, and the axes."""
    *p, kind, axes = rest
    size = vector_norm(x, tuple(p), kind, axes, True)
    low = spread(eps, size)
    return e.div(x, broadcast_to(e.select(e.lt(size, low), low, size), x.type.shape))
