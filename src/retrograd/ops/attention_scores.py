"""What attention makes of queries and keys: scores, and the probabilities with which a row looks."""

from __future__ import annotations

import math

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import iota, like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape, transpose
from retrograd.ops.reduce import max_keepdim, sum_keepdim
from retrograd.ops.spread import spread


def batch_shape(q: Node, k: Node, v: Node, mask: tuple[Node, ...]) -> Shape:
    """What the batch axes broadcast to; raises where the operands do not fit."""
    for name, operand in (("query", q), ("key", k), ("value", v)):
        if len(operand.type.shape) < 2:
            raise ShapeError(
                f"scaled_dot_product_attention: the {name} {operand.type.shape} must have shape (..., rows, width)"
            )
        if operand.type.dtype is not q.type.dtype or not operand.type.dtype.is_floating_point:
            raise DTypeError(
                f"scaled_dot_product_attention: the {name} has dtype {operand.type.dtype.name} and the query "
                f"{q.type.dtype.name}; all three must have one floating-point dtype"
            )
    if q.type.shape[-1] != k.type.shape[-1]:
        raise ShapeError(
            f"scaled_dot_product_attention: the query {q.type.shape} and the key {k.type.shape} must be equally wide"
        )
    if k.type.shape[-2] != v.type.shape[-2]:
        raise ShapeError(
            f"scaled_dot_product_attention: the key {k.type.shape} and the value {v.type.shape} must have as many rows"
        )
    batches = [operand.type.shape[:-2] for operand in (q, k, v, *mask)]
    batch = batches[0]
    for other in batches[1:]:
        batch = broadcast_shapes("scaled_dot_product_attention", batch, other)
    return batch


def grown(x: Node, batch: Shape) -> Node:
    """x for every element of the batch."""
    return broadcast_to(x, (*batch, *x.type.shape[-2:]))


def shrunk(g: Node, shape: Shape) -> Node:
    """The gradient of what was broadcast from `shape`."""
    lead = len(g.type.shape) - len(shape)
    axes = tuple(i for i, n in enumerate(g.type.shape) if i < lead or shape[i - lead] != n)
    return reshape(sum_keepdim(g, axes), shape) if axes else g


def scores_of(
    q: Node, k: Node, scale: Node, mask: tuple[Node, ...], batch: Shape, is_causal: bool, first: Node | None = None
) -> Node:
    """How well keys fit rows of the query, of which the first is row number `first`: -inf where a row may not look."""
    scores = matmul(grown(q, batch), transpose(grown(k, batch)))
    scores = e.mul(scores, spread(scale, scores))
    shape = scores.type.shape
    nothing = like(-math.inf, scores)
    if is_causal:
        rows = iota(shape[-2:], 0)
        is_before = e.le(iota(shape[-2:], 1), rows if first is None else e.add(rows, spread(first, rows)))
        scores = e.select(broadcast_to(is_before, shape), scores, nothing)
    for given in mask:
        given = broadcast_to(given, shape)
        if given.type.dtype.name == "bool":
            scores = e.select(given, scores, nothing)
        else:
            scores = e.add(scores, e.cast(given, scores.type.dtype))
    return scores


def probabilities(scores: Node) -> Node:
    """The softmax of each row; zeros where a row sees nothing at all."""
    last = (len(scores.type.shape) - 1,)
    greatest = max_keepdim(scores, last)
    sees_nothing = e.eq(greatest, like(-math.inf, greatest))
    greatest = e.select(sees_nothing, like(0, greatest), greatest)
    powers = e.exp(e.sub(scores, broadcast_to(greatest, scores.type.shape)))
    total = sum_keepdim(powers, last)
    total = e.select(sees_nothing, like(1, total), total)
    return e.div(powers, broadcast_to(total, scores.type.shape))
