"""Buffer: a tensor that modules keep with their state and do not train."""

from __future__ import annotations

from typing import Any

from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import empty
from retrograd.tensor.tensor import Tensor


class Buffer(Tensor):
    """A tensor that a module enters among its buffers when it becomes an attribute. It shares the memory of `data`.

    Args:
        data: its first value; an empty tensor if left out.
        persistent: whether it is saved with the module.

    Source: torch.nn.Buffer.

    >>> import retrograd as rg
    >>> module = rg.nn.Module()
    >>> module.seen = rg.nn.Buffer(rg.zeros(2))
    >>> list(module.state_dict())
    ['seen']
    """

    def __init__(self, data: TensorBase | None = None, *, persistent: bool = True) -> None:
        self._adopt(empty(0) if data is None else data)
        self.persistent = persistent

    def __new__(cls, *args: Any, **kwargs: Any) -> Buffer:
        return object.__new__(cls)
