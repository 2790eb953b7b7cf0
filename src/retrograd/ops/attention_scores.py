"""What attention makes of queries and keys: scores, and the probabilities with which a row looks."""

from __future__ import annotations

import functools
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


def scaled_scores(q: Node, k: Node, scale: Node) -> Node:
    """How well keys fit the rows of the query; their batch axes are equal."""
    scores = matmul(q, transpose(k))
    return e.mul(scores, spread(scale, scores))


def not_later(shape: Shape) -> Node:
    """(rows, columns): whether a column comes no later than a row."""
    return e.le(iota(shape, 1), iota(shape, 0))


def masked(scores: Node, mask: Node) -> Node:
    """Scores with a mask, which broadcasts: -inf where it says False, or plus its numbers."""
    mask = broadcast_to(mask, scores.type.shape)
    if mask.type.dtype.name == "bool":
        return e.select(mask, scores, like(-math.inf, scores))
    return e.add(scores, e.cast(mask, scores.type.dtype))


def scores_of(q: Node, k: Node, scale: Node, mask: tuple[Node, ...], batch: Shape, is_causal: bool) -> Node:
    """How well keys fit rows of the query: -inf where a row may not look."""
    scores = scaled_scores(grown(q, batch), grown(k, batch), scale)
    causal = (not_later(scores.type.shape[-2:]),) if is_causal else ()
    return functools.reduce(masked, (*causal, *mask), scores)


def probabilities(scores: Node) -> Node:
    """The softmax of each row; zeros where a row sees nothing at all."""
    if not scores.type.shape[-1]:
        return scores
    last = (len(scores.type.shape) - 1,)
    greatest = max_keepdim(scores, last)
    sees_nothing = e.eq(greatest, like(-math.inf, greatest))
    greatest = e.select(sees_nothing, like(0, greatest), greatest)
    powers = e.exp(e.sub(scores, broadcast_to(greatest, scores.type.shape)))
    total = sum_keepdim(powers, last)
    total = e.select(sees_nothing, like(1, total), total)
    return e.div(powers, broadcast_to(total, scores.type.shape))
