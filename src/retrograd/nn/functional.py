"""The functions behind the layers, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.operation import record
from retrograd.nn.functions.activation import (
    celu,
    elu,
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    silu,
    softmin,
    softplus,
    softsign,
    tanhshrink,
    threshold,
)
from retrograd.nn.functions.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from retrograd.nn.functions.norm import batch_norm, group_norm, layer_norm
from retrograd.nn.functions.sparse import embedding
from retrograd.ops import activation
from retrograd.ops.arithmetic import TANH
from retrograd.ops.bilinear import BILINEAR
from retrograd.ops.linear import LINEAR
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import unary

__all__ = [
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x W^T + b. Source: torch.nn.functional.linear."""
    operands = (x, weight) if bias is None else (x, weight, bias)
    return wrap(record(LINEAR, tuple(t._read() for t in operands)))


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """y_k = x1^T W_k x2 + b_k. Source: torch.nn.functional.bilinear."""
    operands = (input1, input2, weight) if bias is None else (input1, input2, weight, bias)
    return wrap(record(BILINEAR, tuple(t._read() for t in operands)))


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
