"""Variable: what tensors that require gradients were called before PyTorch 0.4."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.tensor import Tensor


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase)


class Variable(metaclass=_VariableType):
    """`Variable(tensor)` is a tensor that shares the memory of `tensor`; every tensor is an instance.

    Args:
        data: a tensor.
        requires_grad: whether a gradient is wanted.
        volatile: the old name of `no_grad`; must not be set.

    Source: torch.autograd.Variable.

    >>> import retrograd as rg
    >>> x = rg.autograd.Variable(rg.ones(2), requires_grad=True)
    >>> x.requires_grad, isinstance(x, rg.autograd.Variable)
    (True, True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile:
            raise OptionError("Variable: volatile is gone; compute under `with no_grad():`")
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: expected a tensor, received {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
