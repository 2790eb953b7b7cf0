"""Factories: tensors from shapes, ranges, and the random generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.dtype import DType, int64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import movement as m
from retrograd.ops.arithmetic import WHERE, common_dtype
from retrograd.ops.elementwise import cast
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import defaults, node_of
from retrograd.tensor.tensor import from_array, tensor


def _shape(size: tuple[Any, ...]) -> Shape:
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = tuple(int(n) for n in size)
    if any(n < 0 for n in shape):
        raise ShapeError(f"a tensor cannot have the shape {shape}: extents must not be negative")
    return shape


def full(
    size: Sequence[int], fill_value: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """A tensor of one value. Source: torch.full."""
    if dtype is None:
        dtype = tensor(fill_value).dtype
    return from_array(np.full(tuple(size), fill_value, dtype.numpy)).requires_grad_(requires_grad)


def zeros(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Any:
    """Zeros. Source: torch.zeros."""
    return full(_shape(size), 0, dtype=dtype or defaults.float_dtype, requires_grad=requires_grad)


def ones(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Any:
    """Ones. Source: torch.ones."""
    return full(_shape(size), 1, dtype=dtype or defaults.float_dtype, requires_grad=requires_grad)


def empty(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A tensor to be filled; here it holds zeros. Source: torch.empty."""
    return zeros(*size, dtype=dtype, requires_grad=requires_grad)


def zeros_like(x: TensorBase, *, dtype: DType | None = None, requires_grad: bool = False) -> Any:
    return zeros(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def ones_like(x: TensorBase, *, dtype: DType | None = None, requires_grad: bool = False) -> Any:
    return ones(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def full_like(x: TensorBase, fill_value: Any, *, dtype: DType | None = None) -> Any:
    return full(x.shape, fill_value, dtype=dtype or x.dtype)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: DType | None = None, requires_grad: bool = False
) -> Any:
    """start, start + step, ... below end. Source: torch.arange."""
    start, end = (0, start) if end is None else (start, end)
    if dtype is None:
        whole = all(isinstance(x, int) for x in (start, end, step))
        dtype = int64 if whole else defaults.float_dtype
    return from_array(np.arange(start, end, step).astype(dtype.numpy)).requires_grad_(requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: DType | None = None) -> Any:
    """`steps` numbers from start to end, both included. Source: torch.linspace."""
    return from_array(np.linspace(start, end, steps).astype((dtype or defaults.float_dtype).numpy))


def eye(n: int, m: int | None = None, *, dtype: DType | None = None, requires_grad: bool = False) -> Any:
    """The identity matrix. Source: torch.eye."""
    return from_array(np.eye(n, m, dtype=(dtype or defaults.float_dtype).numpy)).requires_grad_(requires_grad)


# -- random -----------------------------------------------------------------------------------------------------------


def _generator(generator: random.Generator | None) -> random.Generator:
    return generator if generator is not None else random.default_generator


def rand(
    *size: Any, generator: Any = None, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Uniform on [0, 1): PyTorch's CPU values for the same seed. Source: torch.rand."""
    dtype = dtype or defaults.float_dtype
    return from_array(_generator(generator).rand(_shape(size), dtype.numpy)).requires_grad_(requires_grad)


def randn(
    *size: Any, generator: Any = None, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Standard normal: PyTorch's CPU values for the same seed. Source: torch.randn."""
    dtype = dtype or defaults.float_dtype
    return from_array(_generator(generator).randn(_shape(size), dtype.numpy)).requires_grad_(requires_grad)


def randint(
    low: int, high: Any, size: Any = None, *, generator: Any = None, dtype: DType | None = None, device: Any = None
) -> Any:
    """Integers of [low, high): PyTorch's CPU values for the same seed. Source: torch.randint."""
    if size is None:
        low, high, size = 0, low, high
    dtype = dtype or int64
    return from_array(_generator(generator).randint(low, high, tuple(size), dtype.numpy))


def randperm(n: int, *, generator: Any = None, dtype: DType | None = None) -> Any:
    """A random order of 0..n-1: PyTorch's CPU values for the same seed. Source: torch.randperm."""
    return from_array(_generator(generator).randperm(n)).to(dtype or int64)


def rand_like(x: TensorBase, *, dtype: DType | None = None) -> Any:
    return rand(x.shape, dtype=dtype or x.dtype)


def randn_like(x: TensorBase, *, dtype: DType | None = None) -> Any:
    return randn(x.shape, dtype=dtype or x.dtype)


# -- joining ----------------------------------------------------------------------------------------------------------


@composite("cat")
def CAT(*parts: Any) -> Node:
    """The parts one after another; the last argument is the axis."""
    *nodes, axis = parts
    dtype = common_dtype(*nodes)
    return m.concat(tuple(cast(x, dtype) for x in nodes), axis)


@composite("stack")
def STACK(*parts: Any) -> Node:
    """The parts along a new axis; the last argument is the axis."""
    *nodes, axis = parts
    shape = nodes[0].type.shape
    for node in nodes[1:]:
        if node.type.shape != shape:
            raise ShapeError(f"stack: shapes {shape} and {node.type.shape} must be equal")
    new = (*shape[:axis], 1, *shape[axis:])
    return m.concat(tuple(m.reshape(x, new) for x in nodes), axis)


def cat(tensors: Sequence[TensorBase], dim: int = 0) -> Any:
    """Tensors one after another along an axis. Source: torch.cat."""
    if len(tensors) == 0:
        raise OptionError("cat: the sequence of tensors is empty; give at least one")
    if not all(x.ndim for x in tensors):
        raise ShapeError("cat: a 0-dimensional tensor has no axis to be joined along; use stack()")
    # PyTorch's old habit: a tensor of shape (0,) fits everywhere.
    first = next((x for x in tensors if tuple(x.shape) != (0,)), tensors[0])
    axis = first._axis(dim)
    empty_shape = tuple(0 if i == axis else n for i, n in enumerate(first.shape))
    nodes = (m.reshape(x._read(), empty_shape) if tuple(x.shape) == (0,) else x._read() for x in tensors)
    return wrap(record(CAT, tuple(nodes), (axis,)))


def stack(tensors: Sequence[TensorBase], dim: int = 0) -> Any:
    """Tensors of one shape along a new axis. Source: torch.stack."""
    if len(tensors) == 0:
        raise OptionError("stack: the sequence of tensors is empty; give at least one")
    return wrap(record(STACK, tuple(x._read() for x in tensors), (tensors[0]._axis(dim, extra=1),)))


def where(condition: TensorBase, a: Any, b: Any) -> Any:
    """a where the condition holds, else b. Source: torch.where."""
    other = next((x.dtype for x in (a, b) if isinstance(x, TensorBase)), None)
    return wrap(record(WHERE, (condition._read(), node_of(a, other), node_of(b, other))))
