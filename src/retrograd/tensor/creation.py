"""Factories: tensors of one value, and from data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.device import require_cpu
from retrograd.core.dtype import DType, defaults
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import input_node
from retrograd.core.types import Shape, tensor_type
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver
from retrograd.tensor.reading import Reading
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array, from_numpy, tensor

__all__ = [
    "as_tensor", "asarray", "empty", "empty_like", "frombuffer", "full", "full_like", "ones", "ones_like",
    "scalar_tensor", "zeros", "zeros_like",
]  # fmt: skip


def shape_of(size: tuple[Any, ...]) -> Shape:
    """A shape, given as one sequence or as several numbers."""
    if len(size) == 1 and not hasattr(size[0], "__index__"):
        size = tuple(size[0])
    shape = tuple(int(n) for n in size)
    if any(n < 0 for n in shape):
        raise ShapeError(f"a tensor cannot have the shape {shape}: extents must not be negative")
    return shape


def _filled(shape: Shape, value: Any, dtype: DType, device: Any, requires_grad: bool, out: Any = None) -> Any:
    require_cpu(device)
    if out is not None:
        return deliver("out", from_array(np.full(shape, value, out.dtype.numpy)), out)
    type_ = tensor_type(shape, dtype)
    buffer = Buffer(type_)
    if type_.size:
        buffer.array().fill(value)
    result = wrap(input_node(type_, buffer))
    return result.requires_grad_() if requires_grad else result


# -- one value --------------------------------------------------------------------------------------------------------


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """A tensor of one value.

    Args:
        size: the shape.
        fill_value: a number, or a tensor of one.
        dtype: found from the value if left out.
        device: "cpu" or None.
        requires_grad: whether gradients are wanted.
        layout, pin_memory: accepted for PyTorch's sake.
        out: a tensor that the result is written to.

    Source: torch.full.

    >>> import retrograd as rg
    >>> rg.full((2,), 7)
    tensor([7, 7])
    """
    value = fill_value.item() if isinstance(fill_value, Reading) else fill_value
    found = dtype or (fill_value if isinstance(fill_value, TensorBase) else tensor(value)).dtype
    return _filled(shape_of((size,)), value, found, device, requires_grad, out)


def zeros(
    *size: Any,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """Zeros, of the default dtype if none is given; the arguments are those of `full`. Source: torch.zeros.

    >>> import retrograd as rg
    >>> rg.zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _filled(shape_of(size), 0, dtype or defaults.float_dtype, device, requires_grad, out)


def ones(
    *size: Any,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """Ones, of the default dtype if none is given; the arguments are those of `full`. Source: torch.ones.

    >>> import retrograd as rg
    >>> rg.ones(3)
    tensor([1., 1., 1.])
    """
    return _filled(shape_of(size), 1, dtype or defaults.float_dtype, device, requires_grad, out)


def empty(
    *size: Any,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
    out: Any = None,
) -> Any:
    """A tensor to be filled; here it holds zeros, and takes no memory before it is used. Source: torch.empty."""
    shape, dtype = shape_of(size), dtype or defaults.float_dtype
    if out is not None:
        return _filled(shape, 0, dtype, device, requires_grad, out)
    require_cpu(device)
    type_ = tensor_type(shape, dtype)
    result = wrap(input_node(type_, Buffer.zeros(type_)))
    return result.requires_grad_() if requires_grad else result


def scalar_tensor(value: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A 0-dimensional tensor, of the default dtype if none is given. Source: torch.scalar_tensor."""
    return _filled((), value, dtype or defaults.float_dtype, device, requires_grad)


# -- of the shape of another ------------------------------------------------------------------------------------------


def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """One value, in the shape and the dtype (unless one is given) of another tensor. Source: torch.full_like."""
    return _filled(input._type_shape(), fill_value, dtype or input.dtype, device, requires_grad)


def zeros_like(
    input: Any,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """Zeros, in the shape and the dtype (unless one is given) of another tensor. Source: torch.zeros_like."""
    return _filled(input._type_shape(), 0, dtype or input.dtype, device, requires_grad)


def ones_like(
    input: Any,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """Ones, in the shape and the dtype (unless one is given) of another tensor. Source: torch.ones_like."""
    return _filled(input._type_shape(), 1, dtype or input.dtype, device, requires_grad)


empty_like = zeros_like


@method()
def new_full(
    input: Any,
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """One value, in the dtype of this tensor unless one is given. Source: torch.Tensor.new_full."""
    return _filled(shape_of((size,)), fill_value, dtype or input.dtype, device, requires_grad)


@method("new_empty")
def new_zeros(
    input: Any,
    *size: Any,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Zeros, in the dtype of this tensor unless one is given. Source: torch.Tensor.new_zeros."""
    return _filled(shape_of(size), 0, dtype or input.dtype, device, requires_grad)


@method()
def new_ones(
    input: Any,
    *size: Any,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Ones, in the dtype of this tensor unless one is given. Source: torch.Tensor.new_ones."""
    return _filled(shape_of(size), 1, dtype or input.dtype, device, requires_grad)


@method()
def new(input: Any, *args: Any) -> Any:
    """Data, or a tensor to be filled of a shape given as numbers, in the dtype of this one. Source: Tensor.new."""
    if len(args) == 1 and not hasattr(args[0], "__index__"):
        return tensor(args[0], dtype=input.dtype)
    return _filled(shape_of(args or (0,)), 0, input.dtype, None, False)


@method()
def new_tensor(
    input: Any, data: Any = (), *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """A copy of the data, in the dtype of this tensor unless one is given. Source: torch.Tensor.new_tensor."""
    return tensor(data, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


# -- from data --------------------------------------------------------------------------------------------------------


def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Any:
    """The data as a tensor: itself if it is one, over an array's own memory, or a copy. Source: torch.as_tensor.

    >>> import retrograd as rg
    >>> rg.as_tensor([1, 2])
    tensor([1, 2])
    """
    require_cpu(device)
    found = data if isinstance(data, TensorBase) else from_numpy(data) if isinstance(data, np.ndarray) else None
    if found is None:
        return tensor(data, dtype=dtype)
    return found if dtype is None or found.dtype is dtype else found.to(dtype)  # type: ignore[union-attr]


def asarray(
    obj: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Any:
    """The data as a tensor that shares its memory where it can, or must not if `copy` is true.

    Source: torch.asarray.
    """
    shared = as_tensor(obj, dtype, device)
    made = shared.detach().clone() if copy else shared
    return made.requires_grad_(requires_grad) if requires_grad and not made.requires_grad else made


def frombuffer(buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Any:
    """Numbers as they lie in memory: a tensor over the memory of bytes, an array, a memory map.

    Args:
        buffer: an object with Python's buffer protocol.
        dtype: of the numbers.
        count: how many; all that there are if negative.
        offset: bytes that are left out in front.
        requires_grad: whether gradients are wanted.

    Raises:
        OptionError: the buffer does not hold so many numbers.

    Source: torch.frombuffer. Deviation: memory that must not be written to is copied.

    >>> import retrograd as rg
    >>> rg.frombuffer(bytearray([1, 0, 2, 0]), dtype=rg.int16)
    tensor([1, 2], dtype=retrograd.int16)
    """
    try:
        array = np.frombuffer(buffer, dtype.numpy, count, offset)
    except ValueError as error:
        raise OptionError(f"frombuffer: {error}") from error
    made = from_numpy(array) if array.flags.writeable else from_array(array)
    return made.requires_grad_() if requires_grad else made
