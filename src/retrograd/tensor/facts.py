"""What a tensor is: questions about its kind and its memory, as functions and methods."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import method

__all__ = [
    "is_complex",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_signed",
    "is_storage",
    "is_tensor",
    "typename",
]


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor. Source: torch.is_tensor.

    >>> import retrograd as rg
    >>> rg.is_tensor(rg.ones(2)), rg.is_tensor([1.0])
    (True, False)
    """
    return isinstance(obj, TensorBase)


def is_storage(obj: Any) -> bool:
    """False: storages are not shown. Source: torch.is_storage."""
    return False


def typename(obj: Any) -> str:
    """The name of an object's type; of a tensor, with its dtype. Source: torch.typename.

    >>> import retrograd as rg
    >>> rg.typename(rg.ones(2)), rg.typename(3)
    ('retrograd.FloatTensor', 'builtins.int')
    """
    if isinstance(obj, TensorBase):
        return str(obj.type())  # type: ignore[attr-defined]
    return f"{type(obj).__module__}.{type(obj).__qualname__}"


@method()
def is_floating_point(input: Any) -> bool:
    """Whether the elements are floating-point numbers. Source: torch.is_floating_point."""
    operand("is_floating_point", input)
    return bool(input.dtype.is_floating_point)


@method()
def is_complex(input: Any) -> bool:
    """False: there are no complex numbers here. Source: torch.is_complex."""
    operand("is_complex", input)
    return False


@method()
def is_signed(input: Any) -> bool:
    """Whether the dtype has negative numbers. Source: torch.Tensor.is_signed."""
    return bool(input.dtype.is_signed)


@method()
def is_nonzero(input: Any) -> bool:
    """Whether the one element is not 0. Source: torch.is_nonzero.

    Raises:
        ShapeError: there is not exactly one element.
    """
    if input.numel() != 1:
        raise ShapeError(f"is_nonzero: the tensor has shape {tuple(input.shape)}; it must have exactly one element")
    return bool(input.item() != 0)


@method()
def is_inference(input: Any) -> bool:
    """Whether the tensor, or what it is a view of, was made under `inference_mode`. Source: torch.is_inference.

    >>> import retrograd as rg
    >>> with rg.inference_mode():
    ...     x = rg.ones(2) * 2
    >>> x.is_inference(), (x * 2).is_inference()
    (True, False)
    """
    return bool(input._storage.inference)


# -- memory -----------------------------------------------------------------------------------------------------------


@method()
def pin_memory(input: Any, device: Any = None) -> Any:
    """The tensor itself: no device reads its memory. Source: torch.Tensor.pin_memory."""
    return input


@method()
def is_pinned(input: Any, device: Any = None) -> bool:
    """False. Source: torch.Tensor.is_pinned."""
    return False


@method()
def share_memory_(input: Any) -> Any:
    """The tensor itself: threads share memory as it is. Source: torch.Tensor.share_memory_."""
    return input


@method()
def is_shared(input: Any) -> bool:
    """False: no other process has the memory. Source: torch.Tensor.is_shared."""
    return False


@method()
def get_device(input: Any) -> int:
    """-1, the number of the CPU. Source: torch.Tensor.get_device."""
    return -1


@method()
def to_dense(input: Any, dtype: Any = None) -> Any:
    """The tensor itself, with another dtype if one is given. Source: torch.Tensor.to_dense."""
    return input if dtype is None else input.to(dtype)
