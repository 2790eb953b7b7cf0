"""The order of a weight's elements in memory, which programs choose as they are compiled."""

from __future__ import annotations

from typing import Any

from retrograd.nn.module import Module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """The module itself: compiled programs lay out weights as their loops need them.

    PyTorch copies the weights of convolutions to another order of memory here, so that no other copies are made later.
    Programs are compiled with such copies made once, or not at all, and values are the same in any order.

    Args:
        module: any module.
        memory_format: such as `retrograd.channels_last`; accepted for PyTorch's sake.

    Returns:
        The module.

    Source: torch.nn.utils.convert_conv2d_weight_memory_format and torch.nn.utils.convert_conv3d_weight_memory_format.

    >>> import retrograd as rg
    >>> conv = rg.nn.Conv2d(3, 4, 3)
    >>> rg.nn.utils.convert_conv2d_weight_memory_format(conv, rg.channels_last) is conv
    True
    """
    return module


convert_conv3d_weight_memory_format = convert_conv2d_weight_memory_format
