"""A layer of two inputs."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.nn import init
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.ops.bilinear import BILINEAR
from retrograd.tensor.base import wrap
from retrograd.tensor.creation import empty


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k.

    Args:
        in1_features, in2_features: extents of the inputs' last axes.
        out_features: extent of the output's last axis.
        bias: whether to add b.
        dtype: of the parameters.

    Shapes: x1 (..., in1), x2 (..., in2), W (out, in1, in2), b (out,), y (..., out). W and b start uniform on
    [-1/sqrt(in1), 1/sqrt(in1)), as PyTorch's do for the same seed.

    Raises:
        OptionError: in1_features is not positive. ShapeError: inputs that do not fit.

    Source: torch.nn.Bilinear.

    >>> import retrograd as rg
    >>> rg.nn.Bilinear(3, 4, 2)(rg.ones(5, 3), rg.ones(5, 4)).shape
    retrograd.Size([5, 2])
    """

    bias: Any

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise OptionError(f"Bilinear: in1_features must be above 0, and is {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        operands = [input1, input2, self.weight, *([] if self.bias is None else [self.bias])]
        return wrap(record(BILINEAR, tuple(t._read() for t in operands)))

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
