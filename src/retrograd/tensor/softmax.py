"""Functions that turn numbers into shares of 1 along an axis."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.tensor.dispatch import deliver, operand

__all__ = ["log_softmax", "softmax"]


def softmax(input: Any, dim: int, dtype: DType | None = None, *, out: Any = None) -> Any:
    """exp(x_i) / sum_j exp(x_j) along an axis, without overflow.

    Args:
        input: a tensor of floating-point numbers.
        dim: the axis.
        dtype: to which elements are cast first.
        out: a tensor that the result is written to.

    Source: torch.softmax.

    >>> import retrograd as rg
    >>> rg.softmax(rg.tensor([1000.0, 1000.0]), 0)
    tensor([0.5000, 0.5000])
    """
    operand("softmax", input)
    return deliver("softmax", input.softmax(dim, dtype), out)


def log_softmax(input: Any, dim: int, dtype: DType | None = None, *, out: Any = None) -> Any:
    """x_i - log sum_j exp(x_j) along an axis, without overflow; arguments as for `softmax`.

    Source: torch.log_softmax.

    >>> import retrograd as rg
    >>> rg.log_softmax(rg.tensor([1000.0, 1000.0]), 0)
    tensor([-0.6931, -0.6931])
    """
    operand("log_softmax", input)
    return deliver("log_softmax", input.log_softmax(dim, dtype), out)
