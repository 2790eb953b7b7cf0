"""Linear and bilinear maps as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.operation import record
from retrograd.ops.bilinear import BILINEAR
from retrograd.ops.linear import LINEAR
from retrograd.tensor.base import wrap


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """x W^T + b.

    Args:
        input: x, (..., in_features).
        weight: W, (out_features, in_features) or (in_features,).
        bias: b, (out_features,), or None.

    Raises:
        ShapeError: the shapes do not fit.

    Source: torch.nn.functional.linear.

    >>> import retrograd as rg
    >>> rg.nn.functional.linear(rg.tensor([1.0, 2.0]), rg.ones(1, 2), rg.ones(1))
    tensor([4.])
    """
    operands = (input, weight) if bias is None else (input, weight, bias)
    return wrap(record(LINEAR, tuple(t._read() for t in operands)))


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """y_k = x1^T W_k x2 + b_k. Source: torch.nn.functional.bilinear."""
    operands = (input1, input2, weight) if bias is None else (input1, input2, weight, bias)
    return wrap(record(BILINEAR, tuple(t._read() for t in operands)))
