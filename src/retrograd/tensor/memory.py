"""How tensors lie in memory: sizes, views by strides, and tensors that take over another shape or memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DType
from retrograd.core.errors import GraphError, ShapeError
from retrograd.core.node import Node, input_node
from retrograd.core.types import Shape, tensor_type
from retrograd.tensor.base import blank, wrap
from retrograd.tensor.creation import shape_of, zeros
from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array
from retrograd.tensor.view import Movement

__all__ = ["as_strided", "clone", "detach", "empty_permuted", "empty_strided", "is_same_size", "numel"]


def numel(input: Any) -> int:
    """How many elements there are. Source: torch.numel.

    >>> import retrograd as rg
    >>> rg.numel(rg.zeros(2, 3))
    6
    """
    operand("numel", input)
    return int(math.prod(input._type_shape()))


def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy; gradients flow back to the original. Source: torch.clone."""
    operand("clone", input)
    return input.clone()


def detach(input: Any) -> Any:
    """The same elements, without their history: memory is shared. Source: torch.detach."""
    operand("detach", input)
    return input.detach()


@method()
def is_same_size(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape. Source: torch.is_same_size."""
    return bool(input._type_shape() == other._type_shape())


@method()
def as_strided(input: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Any:
    """A view of the memory that the tensor lies in: element i is at storage_offset + sum_k i_k stride_k.

    Args:
        input: a tensor.
        size: the shape of the view.
        stride: its strides, in elements.
        storage_offset: of its first element; that of the input if left out.

    Raises:
        ShapeError: the view reaches outside of the memory.

    Source: torch.as_strided. Deviation: elements that the view names more than once cannot be written through it.

    >>> import retrograd as rg
    >>> rg.as_strided(rg.arange(5), (2, 3), (1, 1))
    tensor([[0, 1, 2],
            [1, 2, 3]])
    """
    operand("as_strided", input)
    shape, strides = shape_of((size,)), tuple(int(s) for s in stride)
    if len(shape) != len(strides):
        raise ShapeError(f"as_strided: {shape} and strides {strides} must have as many entries")
    offset = input._offset if storage_offset is None else int(storage_offset)
    whole = _whole(input)
    return whole._view_as(Movement("strided", shape, (offset,), strides), strides, offset)


def _whole(input: Any) -> Any:
    """The tensor that shows the whole memory of another, in row-major order."""
    if not input._view:
        return input
    whole = blank()
    whole._become(input)
    whole._view, whole._strides, whole._offset = (), None, 0
    whole._plain = not input._detached
    return whole


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor to be filled, of this shape and these strides; here it holds zeros. Source: torch.empty_strided."""
    shape, strides = shape_of((size,)), tuple(int(s) for s in stride)
    reach = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if 0 not in shape else 0
    return as_strided(zeros(reach, dtype=dtype, device=device), shape, strides).requires_grad_(requires_grad)


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor to be filled whose axes lie in memory in this order; it holds zeros. Source: torch.empty_permuted."""
    shape, order = shape_of((size,)), [int(i) for i in physical_layout]
    dense = zeros([shape[i] for i in order], dtype=dtype, device=device)
    return dense.permute([order.index(i) for i in range(len(order))]).requires_grad_(requires_grad)


# -- other memory for the same tensor ---------------------------------------------------------------------------------


def _refilled(old: Any, shape: Shape) -> Node:
    """A value of another shape with the old elements, as many as there are room for, in row-major order."""
    type_ = tensor_type(shape, old.dtype)
    array = np.zeros(type_.size, type_.dtype.numpy)
    before = old._value().reshape(-1)[: type_.size]
    array[: before.size] = before
    return input_node(type_, Buffer.copy_of(array.reshape(shape), type_))


@method()
def resize_(input: Any, *sizes: Any, memory_format: Any = None) -> Any:
    """Take another shape; elements stay in row-major order, and new ones are 0.

    Raises:
        GraphError: the tensor requires a gradient.

    Source: torch.Tensor.resize_. Deviation: a tensor whose shape changes leaves the memory that others share.
    """
    shape = shape_of(sizes)
    if input.requires_grad:
        raise GraphError("resize_: a tensor that requires a gradient keeps its shape; use reshape() or pad()")
    return input if input._type_shape() == shape else input._become(wrap(_refilled(input, shape)))


@method()
def resize_as_(input: Any, other: Any, memory_format: Any = None) -> Any:
    """Take the shape of another tensor, as `resize_`. Source: torch.Tensor.resize_as_."""
    return resize_(input, other._type_shape())


@method()
def set_(input: Any, source: Any = None) -> Any:
    """Show the memory of another tensor from now on, or none. Source: torch.Tensor.set_.

    Raises:
        GraphError: the tensor requires a gradient.
    """
    if input.requires_grad:
        raise GraphError("set_: a tensor that requires a gradient keeps its memory; use .data")
    return input._become(zeros(0, dtype=input.dtype) if source is None else source.detach())


# -- elements in Python -----------------------------------------------------------------------------------------------


def _mapped(input: Any, values: Any) -> Any:
    array = np.fromiter(values, input.dtype.numpy, input.numel()).reshape(input._type_shape())
    return input.copy_(from_array(array))


@method()
def apply_(input: Any, callable: Callable[[Any], Any]) -> Any:
    """Replace each element x by callable(x), in Python. Source: torch.Tensor.apply_.

    >>> import retrograd as rg
    >>> rg.tensor([1.0, 2.0]).apply_(lambda x: x + 1)
    tensor([2., 3.])
    """
    return _mapped(input, map(callable, input._value().reshape(-1).tolist()))


@method()
def map_(input: Any, tensor: Any, callable: Callable[[Any, Any], Any]) -> Any:
    """Replace each element x by callable(x, y), y that of a tensor that broadcasts. Source: torch.Tensor.map_."""
    other = tensor.expand(input._type_shape())._value()
    return _mapped(input, map(callable, input._value().reshape(-1).tolist(), other.reshape(-1).tolist()))


# -- facts ------------------------------------------------------------------------------------------------------------


@method()
def is_set_to(input: Any, tensor: Any) -> bool:
    """Whether two tensors show the same elements of the same memory. Source: torch.Tensor.is_set_to."""
    same = input._storage is tensor._storage and input._offset == tensor._offset
    return bool(same and input._type_shape() == tensor._type_shape() and input.stride() == tensor.stride())
