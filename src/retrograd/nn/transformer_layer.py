"""The layers of transformers: attention, then two dense layers, with a way around each and a layer norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.nn.dropout import Dropout
from retrograd.nn.functional import gelu, relu
from retrograd.nn.layer_norm import LayerNorm
from retrograd.nn.linear import Linear
from retrograd.nn.module import Module
from retrograd.nn.multihead_attention import MultiheadAttention

Activation = str | Callable[[Any], Any]


class _Layer(Module):
    """What both layers have: self-attention, the dense part, their norms and dropouts."""

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        dtype: DType | None,
        attentions: tuple[str, ...],
    ) -> None:
        super().__init__()
        for name in attentions:
            heads = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
            setattr(self, name, heads)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, dtype=dtype)
        self.norm_first = norm_first
        parts = range(1, len(attentions) + 2)
        for part in parts:
            setattr(self, f"norm{part}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype))
        for part in parts:
            setattr(self, f"dropout{part}", Dropout(dropout))
        self.activation = _activation(activation)

    def _around(self, part: int, x: Any, inner: Callable[[Any], Any]) -> Any:
        """x and what a part of the layer makes of it, normalised before or after."""
        norm, drop = getattr(self, f"norm{part}"), getattr(self, f"dropout{part}")
        if self.norm_first:
            return x + drop(inner(norm(x)))
        return norm(x + drop(inner(x)))

    def _dense(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention and a dense part.

    Args:
        d_model: width.
        nhead: heads.
        dim_feedforward: width inside the dense part.
        dropout: share that is dropped in training.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: of the layer norms.
        batch_first: batches on axis 0.
        norm_first: normalise before each part and not after.
        bias: whether linear layers and norms have one.
        dtype: of the parameters.

    Raises:
        OptionError: an unknown activation, or heads that do not divide the width.

    Source: torch.nn.TransformerEncoderLayer.

    >>> import retrograd as rg
    >>> rg.nn.TransformerEncoderLayer(8, 2, 16)(rg.zeros(5, 3, 8)).shape
    retrograd.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        super().__init__(*options, dtype, ("self_attn",))

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """The source (S, N, d_model), or (N, S, d_model) batch first; masks as `MultiheadAttention` takes them."""

        def attend(x: Any) -> Any:
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        return self._around(2, self._around(1, src, attend), self._dense)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to what an encoder found, and a dense part; arguments as of the encoder's layer.

    Source: torch.nn.TransformerDecoderLayer.

    >>> import retrograd as rg
    >>> rg.nn.TransformerDecoderLayer(8, 2, 16)(rg.zeros(5, 3, 8), rg.zeros(7, 3, 8)).shape
    retrograd.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        super().__init__(*options, dtype, ("self_attn", "multihead_attn"))

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """The target (T, N, d_model) after a look at the memory (S, N, d_model), or both batch first."""

        def attend(x: Any) -> Any:
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def look(x: Any) -> Any:
            padding, causal = memory_key_padding_mask, memory_is_causal
            return self.multihead_attn(x, memory, memory, padding, False, memory_mask, is_causal=causal)[0]

        return self._around(3, self._around(2, self._around(1, tgt, attend), look), self._dense)


def _activation(given: Activation) -> Callable[[Any], Any]:
    if callable(given):
        return given
    known: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}
    if given not in known:
        raise OptionError(f"transformer: activation must be 'relu', 'gelu' or a function, not {given!r}")
    return known[given]
