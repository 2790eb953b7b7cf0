"""The order of a weight's elements in memory, which programs choose as they are compiled."""

from __future__ import annotations

from typing import Any

from retrograd.nn.module import Module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """The module itself: compiled programs lay out weights as their loops need them.

    Source: torch.nn.utils.convert_conv2d_weight_memory_format.
    """
    return module


convert_conv3d_weight_memory_format = convert_conv2d_weight_memory_format
