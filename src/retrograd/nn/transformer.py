"""Transformers: stacks of encoder and decoder layers."""

from __future__ import annotations

import copy
from typing import Any

from retrograd.core.dtype import DType
from retrograd.nn import init
from retrograd.nn.container import ModuleList
from retrograd.nn.layer_norm import LayerNorm
from retrograd.nn.module import Module
from retrograd.nn.transformer_layer import Activation, TransformerDecoderLayer, TransformerEncoderLayer
from retrograd.tensor.creation import full
from retrograd.tensor.diagonals import triu


class TransformerEncoder(Module):
    """`num_layers` copies of an encoder layer, one after another.

    Args:
        encoder_layer: copied, parameters and all.
        num_layers: how many.
        norm: applied at the end, or None.
        enable_nested_tensor, mask_check: accepted for PyTorch's sake; they change nothing here.

    Source: torch.nn.TransformerEncoder.

    >>> import retrograd as rg
    >>> layer = rg.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> rg.nn.TransformerEncoder(layer, 2)(rg.zeros(3, 5, 8)).shape
    retrograd.Size([3, 5, 8])
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Any:
        """The source after all layers; arguments as those of a layer."""
        causal = bool(is_causal) and mask is not None
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer, one after another.

    Args:
        decoder_layer: copied, parameters and all.
        num_layers: how many.
        norm: applied at the end, or None.

    Source: torch.nn.TransformerDecoder.
    """

    def __init__(self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """The target after all layers; arguments as those of a layer."""
        causal = bool(tgt_is_causal) and tgt_mask is not None
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                causal,
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder and a decoder that looks at what it found (Vaswani et al. 2017).

    Args:
        d_model: width.
        nhead: heads.
        num_encoder_layers, num_decoder_layers: how many of each.
        dim_feedforward: width inside the dense part of a layer.
        dropout: share that is dropped in training.
        activation: "relu", "gelu" or a function.
        custom_encoder, custom_decoder: modules in place of the stacks.
        layer_norm_eps: of every layer norm.
        batch_first: batches on axis 0.
        norm_first: normalise before each part and not after.
        bias: whether linear layers and norms have one.
        dtype: of the parameters.

    Source: torch.nn.Transformer.

    >>> import retrograd as rg
    >>> model = rg.nn.Transformer(8, 2, 1, 1, 16)
    >>> model(rg.zeros(6, 3, 8), rg.zeros(4, 3, 8)).shape
    retrograd.Size([4, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*layer, dtype=dtype), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*layer, dtype=dtype), num_decoder_layers, norm()
        )
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """The target, decoded: source (S, N, d_model) and target (T, N, d_model), or batch first; masks as
        `MultiheadAttention` takes them."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: DType | None = None) -> Any:
        """(sz, sz): minus infinity above the diagonal, and zeros: each position sees itself and those before it."""
        return triu(full((sz, sz), float("-inf"), dtype=dtype), 1)


def _copies(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])
