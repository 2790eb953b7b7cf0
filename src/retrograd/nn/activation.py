"""Activations as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn.activation_base import Activation, InPlaceActivation
from retrograd.nn.functions import activation as f


class ReLU(InPlaceActivation):
    """max(x, 0). Source: torch.nn.ReLU."""

    def forward(self, input: Any) -> Any:
        return f.relu(input, self.inplace)


class Sigmoid(Activation):
    """1 / (1 + exp(-x)). Source: torch.nn.Sigmoid."""

    def forward(self, input: Any) -> Any:
        return f.sigmoid(input)


class Tanh(Activation):
    """tanh x. Source: torch.nn.Tanh."""

    def forward(self, input: Any) -> Any:
        return f.tanh(input)
