"""Attention by several heads side by side, as a function of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.functions.attention import attention_weights, scaled_dot_product_attention
from retrograd.nn.functions.dropout import dropout as drop
from retrograd.nn.functions.linear import linear
from retrograd.tensor.creation import zeros
from retrograd.tensor.joining import cat


@dataclass(slots=True)
class Heads:
    """The heads and their weights.

    Attributes:
        count: how many there are.
        weights: one matrix for query, key and value together, (3 width, width); or one for each.
        bias: (3 width,), or None.
        out_weight, out_bias: of the projection of what they find.
        more_keys, more_values: (1, 1, width), rows that every head may look at besides; or None.
        has_zero_row: whether there is a row of zeros besides.
    """

    count: int
    weights: Any
    bias: Any
    out_weight: Any
    out_bias: Any
    more_keys: Any = None
    more_values: Any = None
    has_zero_row: bool = False


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """What the heads of `nn.MultiheadAttention` find, and how they looked, as a function of its weights.

    Args:
        query: (L, N, width), or (L, width) without a batch.
        key, value: the same with S rows.
        embed_dim_to_check: the width.
        num_heads: how many heads; they divide the width.
        in_proj_weight: (3 width, width); None with separate weights.
        in_proj_bias: (3 width,), or None.
        bias_k, bias_v: (1, 1, width), rows that are appended to keys and values; or None.
        add_zero_attn: append a row of zeros too.
        dropout_p: share of the attention weights that are dropped in training.
        out_proj_weight, out_proj_bias: (width, width), and (width,) or None.
        training: whether weights are dropped.
        key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal: see `MultiheadAttention.forward`.
        use_separate_proj_weight: take q_proj_weight, k_proj_weight and v_proj_weight, (width, its width) each.
        static_k, static_v: (N num_heads, S, width / num_heads), keys and values that are projected already.

    Returns:
        The output, shaped like the query; and the weights (N, L, S), (N, num_heads, L, S) for each head, or None.

    Raises:
        ShapeError, OptionError: arguments that do not fit.

    Source: torch.nn.functional.multi_head_attention_forward. A row that may look nowhere gathers zeros here, where
    PyTorch gives NaN if weights are asked for.

    >>> import retrograd as rg
    >>> x, w = rg.zeros(5, 3, 8), rg.zeros(24, 8)
    >>> y, weights = rg.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 8, 2, w, None, None, None, False, 0.0, rg.zeros(8, 8), None)
    >>> y.shape, weights.shape
    (retrograd.Size([5, 3, 8]), retrograd.Size([3, 5, 5]))
    """
    if query.shape[-1] != embed_dim_to_check:
        raise ShapeError(
            f"multi_head_attention_forward: the query is {query.shape[-1]} wide; it must be as wide as the "
            f"weights, {embed_dim_to_check}"
        )
    if num_heads <= 0 or embed_dim_to_check % num_heads:
        raise OptionError(
            f"multi_head_attention_forward: num_heads, {num_heads}, must divide the width {embed_dim_to_check}"
        )
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    if use_separate_proj_weight and any(weight is None for weight in separate):
        raise OptionError("multi_head_attention_forward: separate weights need q_, k_ and v_proj_weight")
    heads = Heads(
        num_heads, separate if use_separate_proj_weight else in_proj_weight, in_proj_bias, out_proj_weight,
        out_proj_bias, bias_k, bias_v, add_zero_attn,
    )  # fmt: skip
    require_rows("multi_head_attention_forward", query, key, value, attn_mask, is_causal)
    is_batched = query.ndim == 3
    rows_first = {id(x): x.transpose(0, 1) if is_batched else x.unsqueeze(0) for x in (query, key, value)}
    q, k, v = (rows_first[id(x)] for x in (query, key, value))
    if not is_batched and key_padding_mask is not None:
        key_padding_mask = key_padding_mask.unsqueeze(0)
    rate = dropout_p if training else 0.0
    y, weights = attend(heads, q, k, v, rate, key_padding_mask, attn_mask, need_weights, static_k, static_v)
    if weights is not None and average_attn_weights:
        weights = weights.mean(dim=1)
    if is_batched:
        return y.transpose(0, 1), weights
    return y.squeeze(0), None if weights is None else weights.squeeze(0)


def require_rows(name: str, query: Any, key: Any, value: Any, attn_mask: Any, is_causal: bool) -> None:
    """Refuse operands without the right axes.

    Raises:
        ShapeError: they do not have three axes, or two. OptionError: `is_causal` without a mask.
    """
    if is_causal and attn_mask is None:
        raise OptionError(f"{name}: is_causal=True says that attn_mask is causal: give that mask too")
    if query.ndim not in (2, 3) or query.ndim != key.ndim or key.ndim != value.ndim:
        raise ShapeError(
            f"{name}: query {tuple(query.shape)}, key {tuple(key.shape)} and value {tuple(value.shape)} must all have "
            "3 axes, or 2 without a batch"
        )


def attend(
    heads: Heads,
    query: Any,
    key: Any,
    value: Any,
    rate: float,
    key_padding_mask: Any,
    attn_mask: Any,
    need_weights: bool,
    static_k: Any = None,
    static_v: Any = None,
) -> tuple[Any, Any]:
    """What the heads find of rows (batch, rows, width), and the weights of each head if they are asked for."""
    q, k, v = _projected(heads, query, key, value)
    k, v = (_joined(heads, x) if x is not None else y for x, y in ((static_k, k), (static_v, v)))
    keys = k.shape[1]
    mask = _mask(heads, q, keys, key_padding_mask, attn_mask)
    batch, rows, width = q.shape
    k, v = _with_extra_rows(heads, k, heads.more_keys), _with_extra_rows(heads, v, heads.more_values)
    if mask is not None and k.shape[1] > keys:
        mask = cat([mask, zeros(*mask.shape[:-1], k.shape[1] - keys, dtype=mask.dtype)], -1)
    q, k, v = (x.view(batch, x.shape[1], heads.count, width // heads.count).transpose(1, 2) for x in (q, k, v))
    weights = None
    if need_weights:
        weights = drop(attention_weights(q, k, mask), rate, rate > 0)
        y = weights @ v
    else:
        y = scaled_dot_product_attention(q, k, v, mask, rate)
    return linear(y.transpose(1, 2).reshape(batch, rows, width), heads.out_weight, heads.out_bias), weights


def _joined(heads: Heads, x: Any) -> Any:
    """Rows of single heads, (batch * heads, rows, depth), as (batch, rows, width)."""
    rows, depth = x.shape[1:]
    batch = x.shape[0] // heads.count
    return x.view(batch, heads.count, rows, depth).transpose(1, 2).reshape(batch, rows, heads.count * depth)


def _with_extra_rows(heads: Heads, x: Any, learned: Any) -> Any:
    """Keys or values with the rows that every head may look at besides."""
    rows = [x]
    if learned is not None:
        rows.append(learned.expand(x.shape[0], 1, x.shape[2]))
    if heads.has_zero_row:
        rows.append(zeros(x.shape[0], 1, x.shape[2], dtype=x.dtype))
    return cat(rows, 1) if len(rows) > 1 else x


def _projected(heads: Heads, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
    weights, bias, is_joint = heads.weights, heads.bias, not isinstance(heads.weights, tuple)
    width = query.shape[-1]
    if is_joint and query is key and key is value:
        return tuple(linear(query, weights, bias).split(width, dim=-1))
    if is_joint:
        weights = weights.split(width)
    biases = (None, None, None) if bias is None else bias.split(width)
    q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    return q, k, v


def _mask(heads: Heads, q: Any, keys: int, key_padding_mask: Any, attn_mask: Any) -> Any:
    """One mask to be added to scores of shape (batch, heads, rows, keys), or None."""
    batch, rows = q.shape[0], q.shape[1]
    found = None
    if attn_mask is not None:
        given = _additive(attn_mask, q.dtype)
        if tuple(given.shape) == (rows, keys):
            found = given
        elif tuple(given.shape) == (batch * heads.count, rows, keys):
            found = given.view(batch, heads.count, rows, keys)
        else:
            raise ShapeError(
                f"MultiheadAttention: attn_mask has shape {tuple(given.shape)}; it must be {(rows, keys)} or "
                f"{(batch * heads.count, rows, keys)}"
            )
    if key_padding_mask is not None:
        if tuple(key_padding_mask.shape) != (batch, keys):
            raise ShapeError(
                f"MultiheadAttention: key_padding_mask has shape {tuple(key_padding_mask.shape)}; it must be "
                f"{(batch, keys)}"
            )
        padding = _additive(key_padding_mask, q.dtype).view(batch, 1, 1, keys)
        found = padding if found is None else found + padding
    return found


def _additive(mask: Any, dtype: DType) -> Any:
    """Where a mask says True, minus infinity; numbers stay."""
    if mask.dtype.name != "bool":
        return mask.to(dtype)
    return zeros(*mask.shape, dtype=dtype).masked_fill(mask, float("-inf"))
