"""Functions that show the same elements in another shape or order. They give views where PyTorch gives views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import GraphError, OptionError, ShapeError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import METHODS, method

__all__ = [
    "adjoint", "flatten", "permute", "ravel", "reshape", "select", "squeeze", "t", "transpose", "unflatten",
    "unsqueeze",
]  # fmt: skip


# -- function forms of the Tensor's methods ---------------------------------------------------------------------------


def reshape(input: Any, shape: Sequence[int]) -> Any:
    """The elements in another shape: a view where that is possible, else a copy. One extent may be -1.

    Source: torch.reshape.

    >>> import retrograd as rg
    >>> rg.reshape(rg.tensor([[1, 2], [3, 4]]), (-1,))
    tensor([1, 2, 3, 4])
    """
    return input.reshape(*shape)


def permute(input: Any, dims: Sequence[int]) -> Any:
    """A view whose axis i is axis dims[i]. Source: torch.permute.

    >>> import retrograd as rg
    >>> rg.permute(rg.zeros(2, 3, 4), (2, 0, 1)).shape
    retrograd.Size([4, 2, 3])
    """
    return input.permute(*dims)


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """A view with two axes exchanged. Source: torch.transpose.

    >>> import retrograd as rg
    >>> rg.transpose(rg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    return input.transpose(dim0, dim1)


def t(input: Any) -> Any:
    """The transpose of a matrix, as a view; vectors stay. Source: torch.t."""
    return input.t()


def squeeze(input: Any, dim: Any = None) -> Any:
    """A view without axes of extent 1: all, or those named. Source: torch.squeeze.

    >>> import retrograd as rg
    >>> rg.squeeze(rg.zeros(1, 2, 1)).shape
    retrograd.Size([2])
    """
    return input.squeeze() if dim is None else input.squeeze(dim)


def unsqueeze(input: Any, dim: int) -> Any:
    """A view with a new axis of extent 1. Source: torch.unsqueeze.

    >>> import retrograd as rg
    >>> rg.unsqueeze(rg.zeros(2), 0).shape
    retrograd.Size([1, 2])
    """
    return input.unsqueeze(dim)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The axes start_dim .. end_dim as one. Source: torch.flatten.

    >>> import retrograd as rg
    >>> rg.flatten(rg.zeros(2, 3, 4), 1).shape
    retrograd.Size([2, 12])
    """
    return input.flatten(start_dim, end_dim)


def select(input: Any, dim: int, index: int) -> Any:
    """A view of one position of an axis, which goes away. Source: torch.select.

    >>> import retrograd as rg
    >>> rg.select(rg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([3, 4])
    """
    return input.select(dim, index)


# -- functions that are methods too -----------------------------------------------------------------------------------


@method()
def ravel(input: Any) -> Any:
    """All axes as one. Source: torch.ravel."""
    operand("ravel", input)
    return input.reshape(-1)


@method()
def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """One axis as several, of these extents; one of them may be -1.

    Source: torch.unflatten.

    >>> import retrograd as rg
    >>> rg.unflatten(rg.zeros(2, 12), 1, (3, -1)).shape
    retrograd.Size([2, 3, 4])
    """
    axis = input._axis(dim)
    shape, wanted = input._type_shape(), [int(n) for n in sizes]
    if not wanted:
        raise OptionError("unflatten: sizes must not be empty")
    known = math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) == 1 and known and shape[axis] % known == 0:
        wanted[wanted.index(-1)] = shape[axis] // known
    if math.prod(wanted) != shape[axis] or -1 in wanted:
        raise ShapeError(
            f"unflatten: axis {dim} of {shape} has extent {shape[axis]}, which {tuple(sizes)} does not make"
        )
    return input.view(*shape[:axis], *wanted, *shape[axis + 1 :])


@method()
def adjoint(input: Any) -> Any:
    """The last two axes exchanged, as a view (numbers are real here). Source: torch.adjoint."""
    return input.mT


@method()
def reshape_as(input: Any, other: Any) -> Any:
    """The elements in the shape of another tensor. Source: torch.Tensor.reshape_as."""
    return input.reshape(*other._type_shape())


@method()
def sum_to_size(input: Any, *size: Any) -> Any:
    """The sum over the axes along which a tensor of this shape was broadcast. Source: torch.Tensor.sum_to_size."""
    wanted = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    shape = input._type_shape()
    extra = len(shape) - len(wanted)
    if extra < 0 or any(a not in (1, n) for a, n in zip(wanted, shape[extra:], strict=True)):
        raise ShapeError(f"sum_to_size: {wanted} does not broadcast to {shape}")
    axes = [i for i, n in enumerate(shape) if i < extra or wanted[i - extra] != n]
    return input.sum(axes, keepdim=True).reshape(*wanted) if axes else input.reshape(*wanted)


# -- the tensor itself in another shape -------------------------------------------------------------------------------


def _in_place(name: str) -> None:
    """Enter the method `name_`, after which the tensor shows what the view `name` shows."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_leaf_variable:
            raise GraphError(f"{name}_: a leaf that requires a gradient keeps its shape; use {name}() for a view")
        return self._become(getattr(self, name)(*args, **kwargs))

    change.__name__ = change.__qualname__ = name + "_"
    change.__doc__ = f"As `{name}`, of the tensor itself: it shows the same memory in another shape from now on."
    METHODS[name + "_"] = change


for _name in ("squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t"):
    _in_place(_name)
