"""Parameter: a leaf that requires gradients, and that modules find."""

from __future__ import annotations

from typing import Any

from retrograd.tensor.base import TensorBase
from retrograd.tensor.tensor import Tensor


class Parameter(Tensor):
    """A tensor to be trained. It shares the memory of `data`.

    Args:
        data: its first value.
        requires_grad: whether backward passes give it a gradient.

    Source: torch.nn.Parameter.

    >>> import retrograd as rg
    >>> rg.nn.Parameter(rg.zeros(2)).requires_grad
    True
    """

    def __init__(self, data: TensorBase, requires_grad: bool = True) -> None:
        self._adopt(data)
        # As its class says: each backward pass asks, and finds what stands on the instance sooner.
        self._grad = self._hooks = self._after_hooks = None
        self.requires_grad_(requires_grad)

    def __new__(cls, *args: Any, **kwargs: Any) -> Parameter:
        return object.__new__(cls)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()
