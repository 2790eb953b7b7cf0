"""Scaled dot-product attention as a composite (Vaswani et al. 2017).

    s_ij = scale q_i . k_j + mask_ij,    p_i = softmax(s_i),    o_i = sum_j p_ij v_j

Its gradient needs the probabilities, but not their own gradient's sum over j, which is a product of short rows:

    dp = g v^T,    ds = p (dp - sum_j dp_ij p_ij) = p (dp - g_i . o_i),
    dq = scale ds k,    dk = scale ds^T q,    dv = p^T g,    dmask = ds
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite, project, record
from retrograd.ops import elementwise as e
from retrograd.ops.attention_blocks import ATTENTION_BY_BLOCKS, MOST_SCORES, block_size
from retrograd.ops.attention_cut import Options
from retrograd.ops.attention_scores import batch_shape, grown, probabilities, scores_of, shrunk
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, transpose
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.spread import spread


def _attention_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    q, k, v, scale, *mask = x
    (is_causal,) = attributes
    batch = batch_shape(q, k, v, tuple(mask))
    p = probabilities(scores_of(q, k, scale, tuple(mask), batch, is_causal))
    inner = sum_keepdim(e.mul(g, y), (len(y.type.shape) - 1,))
    dp = matmul(g, transpose(grown(v, batch)))
    ds = e.mul(p, e.sub(dp, broadcast_to(inner, dp.type.shape)))
    scaled = e.mul(ds, spread(scale, ds))
    to_q = matmul(scaled, grown(k, batch))
    to_k = matmul(transpose(scaled), grown(q, batch))
    to_v = matmul(transpose(p), g)
    to_mask = [
        shrunk(e.cast(ds, given.type.dtype), given.type.shape) if given.type.dtype.is_floating_point else None
        for given in mask
    ]
    found = [shrunk(to, operand.type.shape) for to, operand in ((to_q, q), (to_k, k), (to_v, v))]
    return (*found, None, *to_mask)


@composite("scaled_dot_product_attention", _attention_gradient)
def ATTENTION(q: Node, k: Node, v: Node, scale: Node, *rest: Any) -> Node:
    """q (..., L, E), k (..., S, E), v (..., S, V), scale (), perhaps a mask (..., L, S); the last argument: whether
    each row sees only those before it, and itself."""
    *mask, is_causal = rest
    batch = batch_shape(q, k, v, tuple(mask))
    p = probabilities(scores_of(q, k, scale, tuple(mask), batch, is_causal))
    return matmul(p, grown(v, batch))


@composite("attention_weights")
def ATTENTION_WEIGHTS(q: Node, k: Node, scale: Node, *rest: Any) -> Node:
    """The probabilities p alone, (..., L, S), of what `ATTENTION` takes."""
    *mask, is_causal = rest
    batch = batch_shape(q, k, k, tuple(mask))
    return probabilities(scores_of(q, k, scale, tuple(mask), batch, is_causal))


def size_of_blocks(q: Node, k: Node, v: Node, mask: Sequence[Node]) -> int | None:
    """How many rows and columns the blocks have in which scores are made; None where all are made at once."""
    if _scores(q, k) <= MOST_SCORES:
        return None
    return block_size(batch_shape(q, k, v, tuple(mask)), q.type.shape[-2], k.type.shape[-2])


def attention(inputs: tuple[Node, ...], is_causal: bool, size: int | None, drop: tuple[Node, ...] = ()) -> Node:
    """Record attention, of the inputs of `ATTENTION`.

    Args:
        size: what `size_of_blocks` says.
        drop: by blocks alone: the rate and the stream with which probabilities are dropped, the same ones as `DROPOUT`
            would drop of the whole matrix.
    """
    if size is None:
        return record(ATTENTION, inputs, (is_causal,))
    node = record(ATTENTION_BY_BLOCKS, (*inputs, *drop), tuple(Options(is_causal, bool(drop), size)))
    return project(node, 0, (project(node, 1),) if node.requires_grad else ())


def _scores(q: Node, k: Node) -> int:
    """How many there are at least, if there are any."""
    return math.prod(q.type.shape[:-1]) * k.type.shape[-2] if len(k.type.shape) > 1 else 0
