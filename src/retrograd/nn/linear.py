"""The linear map as a module."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.nn import init
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.ops.linear import LINEAR
from retrograd.tensor.base import wrap
from retrograd.tensor.creation import empty


class Linear(Module):
    """y = x W^T + b.

    Args:
        in_features: extent of the input's last axis.
        out_features: extent of the output's last axis.
        bias: whether to add b.
        dtype: of the parameters.

    Shapes: x (..., in_features), W (out_features, in_features), b (out_features,), y (..., out_features).
    W and b start uniform on [-1/sqrt(in_features), 1/sqrt(in_features)), as PyTorch's do for the same seed.

    Raises:
        OptionError: a negative extent.

    Source: torch.nn.Linear.

    >>> import retrograd as rg
    >>> rg.nn.Linear(3, 2)(rg.zeros(5, 3)).shape
    retrograd.Size([5, 2])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        if in_features < 0 or out_features < 0:
            raise OptionError(f"Linear: extents must not be negative: {in_features}, {out_features}")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Any:
        bias = self.bias
        if bias is None:
            return wrap(record(LINEAR, (input._read(), self.weight._read())))
        return wrap(record(LINEAR, (input._read(), self.weight._read(), bias._read())))

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"
