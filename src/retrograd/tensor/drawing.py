"""What functions that draw random numbers share: their generator, and the order in which memory is filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core import generator as generators
from retrograd.core.device import require_cpu
from retrograd.core.dtype import DType, defaults
from retrograd.core.errors import DTypeError
from retrograd.core.types import Shape
from retrograd.tensor.base import TensorBase
from retrograd.tensor.dispatch import deliver
from retrograd.tensor.tensor import over_array

Array = np.ndarray[Any, Any]


def generator_of(generator: generators.Generator | None) -> generators.Generator:
    """The one that is given, or the default one."""
    return generators.default_generator if generator is None else generator


def finished(array: Array, device: Any, requires_grad: bool, out: Any = None) -> Any:
    """What was drawn, as the tensor that was asked for."""
    require_cpu(device)
    made = over_array(array)
    if out is not None:
        return deliver("out", made, out)
    return made.requires_grad_() if requires_grad else made


def float_dtype_of(dtype: DType | None, out: Any) -> DType:
    """The dtype that is given, or that of `out`, or the default one."""
    return dtype if dtype is not None else defaults.float_dtype if out is None else out.dtype


def memory_order(x: TensorBase) -> Shape:
    """The axes as they follow one another in memory, outermost first: numbers are drawn in this order."""
    strides = x.stride()
    return tuple(sorted(range(x.ndim), key=lambda axis: -strides[axis]))


def drawn_like(x: TensorBase, draw: Callable[[Shape], Array]) -> Array:
    """What `draw` gives for the shape that memory has, with the axes where the tensor has them."""
    order = memory_order(x)
    shape = x._type_shape()
    return np.asarray(draw(tuple(shape[axis] for axis in order)).transpose(np.argsort(order)))


def normal_like(x: TensorBase, mean: float, std: float, kind: Any, generator: Any) -> Array:
    """Normal numbers for a tensor; PyTorch draws those of a scattered one one by one."""
    scattered = not x.is_contiguous()
    return drawn_like(x, lambda shape: generator_of(generator).normal(shape, mean, std, kind, one_by_one=scattered))


def probabilities_of(name: str, x: TensorBase) -> Array:
    """The elements as an array in which chances can be compared."""
    if not x.dtype.is_floating_point:
        raise DTypeError(f"{name}: takes floating-point numbers, and received {x.dtype.name}; use .float() first")
    values = x._value()
    return values.astype(np.float32) if x.dtype.is_half else np.array(values)
