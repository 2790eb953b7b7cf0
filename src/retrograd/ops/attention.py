"""Scaled dot-product attention as a composite (Vaswani et al. 2017).

    s_ij = scale q_i . k_j + mask_ij,    p_i = softmax(s_i),    o_i = sum_j p_ij v_j

Its gradient needs the probabilities, but not their own gradient's sum over j, which is a product of short rows:

    dp = g v^T,    ds = p (dp - sum_j dp_ij p_ij) = p (dp - g_i . o_i),
    dq = scale ds k,    dk = scale ds^T q,    dv = p^T g,    dmask = ds
"""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import iota, like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape, transpose
from retrograd.ops.reduce import max_keepdim, sum_keepdim
from retrograd.ops.spread import spread


def _batch_shape(q: Node, k: Node, v: Node, mask: tuple[Node, ...]) -> Shape:
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


def _grown(x: Node, batch: Shape) -> Node:
    return broadcast_to(x, (*batch, *x.type.shape[-2:]))


def _shrunk(g: Node, shape: Shape) -> Node:
    """The gradient of what was broadcast from `shape`."""
    lead = len(g.type.shape) - len(shape)
    axes = tuple(i for i, n in enumerate(g.type.shape) if i < lead or shape[i - lead] != n)
    return reshape(sum_keepdim(g, axes), shape) if axes else g


def _scores(q: Node, k: Node, scale: Node, mask: tuple[Node, ...], batch: Shape, is_causal: bool) -> Node:
    scores = matmul(_grown(q, batch), transpose(_grown(k, batch)))
    scores = e.mul(scores, spread(scale, scores))
    shape = scores.type.shape
    nothing = like(-math.inf, scores)
    if is_causal:
        is_before = e.le(iota(shape[-2:], 1), iota(shape[-2:], 0))
        scores = e.select(broadcast_to(is_before, shape), scores, nothing)
    for given in mask:
        given = broadcast_to(given, shape)
        if given.type.dtype.name == "bool":
            scores = e.select(given, scores, nothing)
        else:
            scores = e.add(scores, e.cast(given, scores.type.dtype))
    return scores


def _probabilities(scores: Node) -> Node:
    """The softmax of each row; zeros where a row sees nothing at all."""
    last = (len(scores.type.shape) - 1,)
    greatest = max_keepdim(scores, last)
    sees_nothing = e.eq(greatest, like(-math.inf, greatest))
    greatest = e.select(sees_nothing, like(0, greatest), greatest)
    powers = e.exp(e.sub(scores, broadcast_to(greatest, scores.type.shape)))
    total = sum_keepdim(powers, last)
    total = e.select(sees_nothing, like(1, total), total)
    return e.div(powers, broadcast_to(total, scores.type.shape))


def _attention_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    q, k, v, scale, *mask = x
    (is_causal,) = attributes
    batch = _batch_shape(q, k, v, tuple(mask))
    p = _probabilities(_scores(q, k, scale, tuple(mask), batch, is_causal))
    inner = sum_keepdim(e.mul(g, y), (len(y.type.shape) - 1,))
    dp = matmul(g, transpose(_grown(v, batch)))
    ds = e.mul(p, e.sub(dp, broadcast_to(inner, dp.type.shape)))
    scaled = e.mul(ds, spread(scale, ds))
    to_q = matmul(scaled, _grown(k, batch))
    to_k = matmul(transpose(scaled), _grown(q, batch))
    to_v = matmul(transpose(p), g)
    to_mask = [
        _shrunk(e.cast(ds, given.type.dtype), given.type.shape) if given.type.dtype.is_floating_point else None
        for given in mask
    ]
    shrunk = [_shrunk(to, operand.type.shape) for to, operand in ((to_q, q), (to_k, k), (to_v, v))]
    return (*shrunk, None, *to_mask)


@composite("scaled_dot_product_attention", _attention_gradient)
def ATTENTION(q: Node, k: Node, v: Node, scale: Node, *rest: Any) -> Node:
    """q (..., L, E), k (..., S, E), v (..., S, V), scale (), perhaps a mask (..., L, S); the last argument: whether
    each row sees only those before it, and itself."""
    *mask, is_causal = rest
    batch = _batch_shape(q, k, v, tuple(mask))
    p = _probabilities(_scores(q, k, scale, tuple(mask), batch, is_causal))
    return matmul(p, _grown(v, batch))


@composite("attention_weights")
def ATTENTION_WEIGHTS(q: Node, k: Node, scale: Node, *rest: Any) -> Node:
    """The probabilities p alone, (..., L, S), of what `ATTENTION` takes."""
    *mask, is_causal = rest
    batch = _batch_shape(q, k, k, tuple(mask))
    return _probabilities(_scores(q, k, scale, tuple(mask), batch, is_causal))
