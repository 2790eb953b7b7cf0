"""A linear map that finds out how many features come in."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.nn.lazy import LazyModuleMixin
from retrograd.nn.linear import Linear
from retrograd.nn.uninitialized import UninitializedParameter


class LazyLinear(LazyModuleMixin, Linear):
    """`Linear` whose in_features is the extent of the first input's last axis.

    Args:
        out_features: extent of the output's last axis.
        bias: whether to add b.
        dtype: of the parameters.

    Source: torch.nn.LazyLinear.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyLinear(2)
    >>> layer(rg.zeros(5, 3)).shape, layer
    (retrograd.Size([5, 2]), Linear(in_features=3, out_features=2, bias=True))
    """

    cls_to_become = Linear
    weight: Any
    bias: Any

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, x: Any) -> None:
        if self.has_uninitialized_params():
            self.in_features = x.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        self.in_features = self.in_features or self.weight.shape[-1]
