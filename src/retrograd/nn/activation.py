"""Activations as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn.module import Module
from retrograd.ops import activation, arithmetic
from retrograd.tensor.dispatch import unary


class ReLU(Module):
    """max(x, 0). Source: torch.nn.ReLU."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        return x.relu_() if self.inplace else unary(activation.RELU, x)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-x)). Source: torch.nn.Sigmoid."""

    def forward(self, x: Any) -> Any:
        return unary(activation.SIGMOID, x)


class Tanh(Module):
    """tanh x. Source: torch.nn.Tanh."""

    def forward(self, x: Any) -> Any:
        return unary(arithmetic.TANH, x)


class Softmax(Module):
    """exp(x_i) / sum_j exp(x_j) along an axis. Source: torch.nn.Softmax."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        return x.softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
