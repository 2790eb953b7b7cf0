"""Attention as a function, under PyTorch's name."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.generator import default_generator
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.core.stream import stream_node
from retrograd.nn.functions.dropout import dropout, follows_torch, probability_node
from retrograd.ops.attention import ATTENTION_WEIGHTS, attention, size_of_blocks
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import number_node, operand


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(scale Q K^T + mask) V: each row of the query gathers values by how well their keys fit.

    Args:
        query: (..., L, E), floating-point.
        key: (..., S, E). Batch axes broadcast.
        value: (..., S, V).
        attn_mask: (..., L, S): True where a row may look, or a number added to the score. A row that may look nowhere
            gives zeros.
        dropout_p: share of the probabilities that are dropped; the others are scaled up.
        is_causal: each row sees itself and those before it only; not together with `attn_mask`.
        scale: 1 / sqrt(E) where None.
        enable_gqa: the query may have a multiple of the heads (axis -3) of key and value.

    Returns:
        (..., L, V). More than four million scores are made block by block, and not kept.

    Raises:
        ShapeError, DTypeError: operands that do not fit. OptionError: a mask and `is_causal` together.

    Example:
        >>> import retrograd as rg
        >>> q = k = v = rg.eye(3).unsqueeze(0)
        >>> rg.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[0, 0]
        tensor([1., 0., 0.])

    Source: torch.nn.functional.scaled_dot_product_attention; Vaswani et al. (2017).
    """
    if is_causal and attn_mask is not None:
        raise OptionError("scaled_dot_product_attention: give attn_mask or is_causal=True, not both")
    if not 0.0 <= dropout_p <= 1.0:
        raise OptionError(f"scaled_dot_product_attention: dropout_p must be between 0 and 1, not {dropout_p}")
    if enable_gqa:
        key, value = _repeated("key", query, key), _repeated("value", query, value)
    q, k, v = (operand("scaled_dot_product_attention", x) for x in (query, key, value))
    factor, *mask = _scale_and_mask(q, attn_mask, scale)
    size = size_of_blocks(q, k, v, mask)
    if dropout_p > 0.0 and (size is None or follows_torch()):
        weights = attention_weights(query, key, attn_mask, is_causal, scale)
        return dropout(weights, dropout_p) @ value
    drop = (probability_node(dropout_p), stream_node(default_generator)) if dropout_p > 0.0 else ()
    return wrap(attention((q, k, v, factor, *mask), bool(is_causal), size, drop))


def attention_weights(
    query: Any, key: Any, attn_mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Any:
    """The probabilities (..., L, S) with which each row of the query gathers values; arguments as above."""
    nodes = [operand("attention_weights", x) for x in (query, key)]
    return wrap(record(ATTENTION_WEIGHTS, (*nodes, *_scale_and_mask(nodes[0], attn_mask, scale)), (bool(is_causal),)))


@lru_cache(maxsize=1 << 8)
def _usual_scale(width: int, dtype: DType) -> Node:
    return number_node(1 / math.sqrt(max(width, 1)), dtype)


def _scale_and_mask(query: Node, mask: Any, scale: float | None) -> list[Node]:
    width = query.type.shape[-1] if query.type.shape else 1
    dtype = query.type.dtype
    nodes = [_usual_scale(width, dtype) if scale is None else number_node(float(scale), dtype)]
    return nodes if mask is None else [*nodes, operand("scaled_dot_product_attention", mask)]


def _repeated(name: str, query: Any, x: Any) -> Any:
    """Heads of keys or values as often as the query has heads for each."""
    heads = x.shape[-3]
    if query.ndim < 3 or heads == 0 or query.shape[-3] % heads:
        raise ShapeError(
            f"scaled_dot_product_attention: the query {tuple(query.shape)} must have a multiple of the heads of the "
            f"{name} {tuple(x.shape)}, on axis -3"
        )
    times = query.shape[-3] // heads
    *lead, rows, width = x.shape
    return x.unsqueeze(-3).expand(*lead, times, rows, width).reshape(*lead[:-1], heads * times, rows, width)
