"""Attention by several heads side by side, with its projections."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.nn import init
from retrograd.nn.functions.multi_head_attention import Heads, attend, require_rows
from retrograd.nn.linear import Linear
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import empty

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
        require_rows("MultiheadAttention", query, key, value, attn_mask, is_causal)
        is_batched = query.ndim == 3
        rows_first = {id(x): self._rows_first(x, is_batched) for x in (query, key, value)}
        query, key, value = (rows_first[id(x)] for x in (query, key, value))
        if not is_batched and key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
        rate = self.dropout if self.training else 0.0
        y, weights = attend(self._heads(), query, key, value, rate, key_padding_mask, attn_mask, need_weights)
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

    def _heads(self) -> Heads:
        """The heads with their weights as they are now."""
        separate = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return Heads(
            self.num_heads,
            self.in_proj_weight if self._qkv_same_embed_dim else separate,
            self.in_proj_bias,
            self.out_proj.weight,
            self.out_proj.bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
        )
