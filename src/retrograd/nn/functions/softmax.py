"""The softmax family as functions, under PyTorch's names."""

from __future__ import annotations

import warnings
from typing import Any

from retrograd.core import generator as random
from retrograd.core.dtype import DType
from retrograd.core.operation import record
from retrograd.ops.gumbel import GUMBEL_SOFTMAX
from retrograd.ops.smooth import SOFTMIN
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.tensor import from_array


def _axis(name: str, input: Any, dim: int | None) -> int:
    """The axis; the one that PyTorch guesses if none is named."""
    if dim is not None:
        return dim
    guess = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(f"{name}: no axis is named, so axis {guess} is taken; pass dim={guess}", UserWarning, stacklevel=3)
    return guess


def _cast(input: Any, dtype: DType | None) -> Any:
    return input if dtype is None else input.to(dtype)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Any:
    """exp(x_i) / sum_j exp(x_j) along an axis, safe for elements of any size.

    Args:
        input: x.
        dim: the axis.
        dtype: to which the input is cast first.

    Source: torch.nn.functional.softmax.

    >>> import retrograd as rg
    >>> rg.nn.functional.softmax(rg.tensor([1000.0, 1000.0]), 0)
    tensor([0.5000, 0.5000])
    """
    return _cast(input, dtype).softmax(_axis("softmax", input, dim))


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Any:
    """x_i - log sum_j exp(x_j) along an axis; see `softmax`. Source: torch.nn.functional.log_softmax."""
    return _cast(input, dtype).log_softmax(_axis("log_softmax", input, dim))


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Any:
    """exp(-x_i) / sum_j exp(-x_j) along an axis; see `softmax`. Source: torch.nn.functional.softmin."""
    return _cast(input, dtype)._along(SOFTMIN, _axis("softmin", input, dim))


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A random choice among classes that has a gradient: softmax((x - log E) / tau), E drawn from Exp(1).

    Args:
        logits: x, logarithms of weights.
        tau: how soft the choice is; near 0 it is nearly one class.
        hard: give one-hot rows; the gradient stays that of the soft choice.
        eps: not used.
        dim: the axis of classes.

    Source: torch.nn.functional.gumbel_softmax; Jang et al. (2017), Maddison et al. (2017).

    >>> import retrograd as rg
    >>> rg.nn.functional.gumbel_softmax(rg.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    x = logits._read()
    drawn = from_array(random.default_generator.exponential(x.type.shape, 1.0, x.type.dtype.numpy))
    nodes = (x, drawn._read(), node_of(float(tau), x.type.dtype))
    return wrap(record(GUMBEL_SOFTMAX, nodes, (logits._axis(dim), bool(hard))))
