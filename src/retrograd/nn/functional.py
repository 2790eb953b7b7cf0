"""The functions behind the layers, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import IndexRangeError, OptionError
from retrograd.core.operation import record
from retrograd.ops import activation, loss
from retrograd.ops.arithmetic import TANH
from retrograd.ops.linear import LINEAR
from retrograd.tensor.base import unary, wrap

_REDUCTIONS = ("mean", "sum", "none")


def checked_reduction(name: str, reduction: str) -> str:
    if reduction not in _REDUCTIONS:
        raise OptionError(f"{name}: reduction {reduction!r} is not known; choose one of {', '.join(_REDUCTIONS)}")
    return reduction


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x W^T + b. Source: torch.nn.functional.linear."""
    operands = (x, weight) if bias is None else (x, weight, bias)
    return wrap(record(LINEAR, tuple(t._read() for t in operands)))


def relu(x: Any, inplace: bool = False) -> Any:
    """max(x, 0). Source: torch.nn.functional.relu."""
    return x.relu_() if inplace else unary(activation.RELU, x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return unary(activation.SIGMOID, x)


def tanh(x: Any) -> Any:
    return unary(TANH, x)


def softmax(x: Any, dim: int) -> Any:
    """exp(x_i) / sum_j exp(x_j) along an axis. Source: torch.nn.functional.softmax."""
    return x.softmax(dim)


def log_softmax(x: Any, dim: int) -> Any:
    """log softmax(x) along an axis. Source: torch.nn.functional.log_softmax."""
    return x.log_softmax(dim)


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    """mean_i (x_i - t_i)^2; the shapes must be equal. Source: torch.nn.functional.mse_loss."""
    checked_reduction("mse_loss", reduction)
    return wrap(record(loss.MSE_LOSS, (x._read(), target._read()), (reduction,)))


def cross_entropy(x: Any, target: Any, reduction: str = "mean") -> Any:
    """-log softmax(x)[t]. Source: torch.nn.functional.cross_entropy (class numbers as targets).

    Raises:
        ShapeError, DTypeError: logits and targets do not fit.
        IndexRangeError: a class number, known already, that is no column of the logits.
    """
    checked_reduction("cross_entropy", reduction)
    node = wrap(record(loss.CROSS_ENTROPY, (x._read(), target._read()), (reduction,)))
    _check_known_classes(target, x.shape[-1])
    return node


def _check_known_classes(target: Any, classes: int) -> None:
    """Look at class numbers that are in memory, once for each version of the tensor."""
    storage = target._storage
    checked = (storage.version, classes)
    if storage.node.buffer is None or getattr(target, "_checked_classes", None) == checked:
        return
    values = target._value()
    if values.size and (values.min() < 0 or values.max() >= classes):
        bad = values.min() if values.min() < 0 else values.max()
        raise IndexRangeError(
            f"cross_entropy: target {bad} is not a class: the logits have {classes} columns, so classes are "
            f"0..{classes - 1}"
        )
    if storage.exports is None:
        target._checked_classes = checked
