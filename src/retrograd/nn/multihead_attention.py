"""Attention by several heads side by side, with its projections."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn import init
from retrograd.nn.functions.attention import attention_weights, scaled_dot_product_attention
from retrograd.nn.functions.dropout import dropout as drop
from retrograd.nn.functions.linear import linear
from retrograd.nn.linear import Linear
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import empty, zeros
from retrograd.tensor.joining import cat

NonDynamicallyQuantizableLinear = Linear


class MultiheadAttention(Module):
    """Attention by `num_heads` heads (Vaswani et al. 2017).

    Each head h looks with its own projections, and what they find is joined and projected once more:

        head_h = softmax(Q_h K_h^T / sqrt(d)) V_h,    y = [head_1, ..., head_n] W_out^T + b_out

    Args:
        embed_dim: width of query and output; divisible by `num_heads`.
        num_heads: how many heads.
        dropout: share of the attention weights that are dropped in training.
        bias: whether the projections have one.
        add_bias_kv: append a learned row to keys and values.
        add_zero_attn: append a row of zeros to keys and values.
        kdim, vdim: widths of key and value; `embed_dim` where None.
        batch_first: batches on axis 0 of (batch, rows, width), and not (rows, batch, width).
        dtype: of the parameters.

    Raises:
        OptionError: heads that do not divide the width.

    Source: torch.nn.MultiheadAttention; parameters, their names and first values are PyTorch's. A row that may look
    nowhere gathers zeros here, where PyTorch gives NaN if weights are asked for.

    >>> import retrograd as rg
    >>> attention = rg.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = rg.zeros(3, 5, 8)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    (retrograd.Size([3, 5, 8]), retrograd.Size([3, 5, 5]))
    """

    in_proj_weight: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    in_proj_bias: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise OptionError(
                f"MultiheadAttention: embed_dim {embed_dim} must be a positive multiple of num_heads {num_heads}"
            )
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.head_dim = embed_dim // num_heads
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self._make_projections(bias, dtype)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        if add_bias_kv:
            self.bias_k = Parameter(empty(1, 1, embed_dim, dtype=dtype))
            self.bias_v = Parameter(empty(1, 1, embed_dim, dtype=dtype))
        else:
            self.bias_k = self.bias_v = None
        self._reset_parameters()

    def _make_projections(self, bias: bool, dtype: DType | None) -> None:
        width = self.embed_dim
        shapes = {
            "q_proj_weight": (width, width),
            "k_proj_weight": (width, self.kdim),
            "v_proj_weight": (width, self.vdim),
        }
        if self._qkv_same_embed_dim:
            self.in_proj_weight = Parameter(empty(3 * width, width, dtype=dtype))
            for name in shapes:
                self.register_parameter(name, None)
        else:
            for name, shape in shapes.items():
                setattr(self, name, Parameter(empty(*shape, dtype=dtype)))
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = Parameter(empty(3 * width, dtype=dtype))
        else:
            self.register_parameter("in_proj_bias", None)

    def _reset_parameters(self) -> None:
        if self._qkv_same_embed_dim:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """What the heads find, and how they looked.

        Args:
            query: (L, N, embed_dim), or (N, L, embed_dim) with `batch_first`, or (L, embed_dim) without a batch.
            key, value: the same with S rows, `kdim` and `vdim` wide.
            key_padding_mask: (N, S): True for keys that nobody may look at, or a number added to their scores.
            need_weights: whether to give the weights too.
            attn_mask: (L, S) or (N num_heads, L, S): True where a row may NOT look, or a number added to the score.
            average_attn_weights: give the mean of the heads' weights, and not each head's.
            is_causal: says that `attn_mask` is the causal one.

        Returns:
            The output, shaped like the query; and the weights (N, L, S), (N, num_heads, L, S) for each head, or None.

        Raises:
            ShapeError, OptionError: arguments that do not fit.
        """
        if is_causal and attn_mask is None:
            raise OptionError("MultiheadAttention: is_causal=True says that attn_mask is causal: give that mask too")
        if query.ndim not in (2, 3) or query.ndim != key.ndim or key.ndim != value.ndim:
            raise ShapeError(
                f"MultiheadAttention: query {tuple(query.shape)}, key {tuple(key.shape)} and value "
                f"{tuple(value.shape)} must all have 3 axes, or 2 without a batch"
            )
        is_batched = query.ndim == 3
        rows_first = {id(x): self._rows_first(x, is_batched) for x in (query, key, value)}
        query, key, value = (rows_first[id(x)] for x in (query, key, value))
        if not is_batched and key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
        y, weights = self._attend(query, key, value, key_padding_mask, need_weights, attn_mask)
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not is_batched:
            return y.squeeze(0), None if weights is None else weights.squeeze(0)
        return (y if self.batch_first else y.transpose(0, 1)), weights

    def _rows_first(self, x: Any, is_batched: bool) -> Any:
        """x as (batch, rows, width)."""
        if not is_batched:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _attend(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any, need_weights: bool, attn_mask: Any
    ) -> tuple[Any, Any]:
        q, k, v = self._projected(query, key, value)
        mask = self._mask(q, k, key_padding_mask, attn_mask)
        batch, rows, width = q.shape
        k, v = self._with_extra_rows(k, self.bias_k), self._with_extra_rows(v, self.bias_v)
        added = k.shape[1] - key.shape[1]
        if mask is not None and added:
            mask = cat([mask, zeros(*mask.shape[:-1], added, dtype=mask.dtype)], -1)
        q, k, v = (x.view(batch, -1, self.num_heads, self.head_dim).transpose(1, 2) for x in (q, k, v))
        rate = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            weights = drop(attention_weights(q, k, mask), rate, self.training)
            y = weights @ v
        else:
            y = scaled_dot_product_attention(q, k, v, mask, rate)
        return self.out_proj(y.transpose(1, 2).reshape(batch, rows, width)), weights

    def _with_extra_rows(self, x: Any, learned: Any) -> Any:
        """Keys or values with the rows that every head may look at besides."""
        rows = [x]
        if learned is not None:
            rows.append(learned.expand(x.shape[0], 1, self.embed_dim))
        if self.add_zero_attn:
            rows.append(zeros(x.shape[0], 1, self.embed_dim, dtype=x.dtype))
        return cat(rows, 1) if len(rows) > 1 else x

    def _projected(self, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
        width, bias = self.embed_dim, self.in_proj_bias
        if self._qkv_same_embed_dim and query is key and key is value:
            return tuple(linear(query, self.in_proj_weight, bias).split(width, dim=-1))
        if self._qkv_same_embed_dim:
            weights = self.in_proj_weight.split(width)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None, None, None) if bias is None else bias.split(width)
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
        return q, k, v

    def _mask(self, q: Any, k: Any, key_padding_mask: Any, attn_mask: Any) -> Any:
        """One mask to be added to scores of shape (batch, heads, rows, keys), or None."""
        batch, rows, keys = q.shape[0], q.shape[1], k.shape[1]
        found = None
        if attn_mask is not None:
            given = _additive(attn_mask, q.dtype)
            if tuple(given.shape) == (rows, keys):
                found = given
            elif tuple(given.shape) == (batch * self.num_heads, rows, keys):
                found = given.view(batch, self.num_heads, rows, keys)
            else:
                raise ShapeError(
                    f"MultiheadAttention: attn_mask has shape {tuple(given.shape)}; it must be {(rows, keys)} or "
                    f"{(batch * self.num_heads, rows, keys)}"
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
