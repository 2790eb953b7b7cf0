"""Factories of numbers in order: ranges, evenly spaced numbers, and the identity matrix."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core.device import require_cpu
from retrograd.core.dtype import DType, defaults, int64
from retrograd.core.errors import ShapeError
from retrograd.tensor.dispatch import deliver
from retrograd.tensor.reading import Reading
from retrograd.tensor.tensor import from_array

__all__ = ["arange", "eye", "linspace", "logspace", "range"]


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Reading) else value


def _range_dtype(numbers: Sequence[Any]) -> DType:
    return int64 if all(isinstance(x, (int, np.integer)) for x in numbers) else defaults.float_dtype


def _finished(array: Any, dtype: DType, device: Any, requires_grad: bool, out: Any) -> Any:
    require_cpu(device)
    if out is not None:
        return deliver("out", from_array(array, out.dtype), out)
    return from_array(array, dtype).requires_grad_(requires_grad)


def _stepped(start: Any, step: Any, count: int) -> Any:
    array = np.arange(count)
    return array if start == 0 and step == 1 and start.__class__ is step.__class__ is int else start + step * array


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """start, start + step, ... before end; `arange(end)` begins at 0.

    Args:
        start, end, step: numbers.
        dtype: int64 if all three are integers, else the default dtype, if left out.
        device: "cpu" or None.
        requires_grad: whether gradients are wanted.
        layout, pin_memory: accepted for PyTorch's sake.
        out: a tensor that the result is written to.

    Raises:
        ShapeError: step is 0, or leads away from end.

    Source: torch.arange.

    >>> import retrograd as rg
    >>> rg.arange(3), rg.arange(1.0, 2.5, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000, 2.0000]))
    """
    start, end, step = numbers = [_number(x) for x in ((0, start, step) if end is None else (start, end, step))]
    _require_way("arange", start, end, step)
    kind = _range_dtype(numbers)
    # Whole numbers beyond the 53 bits of a float stay exact.
    count = -(-(end - start) // step) if kind is int64 else math.ceil((end - start) / step)
    return _finished(_stepped(start, step, int(count)), dtype or kind, device, requires_grad, out)


def range(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
) -> Any:
    """As `arange`, but the end is included, and the default dtype is that of floats. Source: torch.range."""
    start, end, step = (_number(x) for x in (start, end, step))
    _require_way("range", start, end, step)
    array = _stepped(start, step, math.floor((end - start) / step) + 1)
    return _finished(array, dtype or defaults.float_dtype, device, requires_grad, out)


def _require_way(name: str, start: Any, end: Any, step: Any) -> None:
    if not all(math.isfinite(x) for x in (start, end, step)) or step == 0 or (end - start) * step < 0:
        raise ShapeError(f"{name}: from {start} to {end} there is no way in steps of {step}")


def _spaced(start: Any, end: Any, steps: int, dtype: DType) -> Any:
    """Evenly spaced numbers in the arithmetic of the dtype, the second half counted from the end."""
    if operator.index(steps) < 0:
        raise ShapeError(f"the number of steps must not be negative, and is {steps}")
    kind = dtype.numpy.type if dtype.is_floating_point else np.float64
    low, high = (kind(dtype.numpy.type(x)) for x in (start, end))
    step = (high - low) / kind(max(steps - 1, 1))
    place = np.arange(steps)
    up, down = low + step * place.astype(kind), high - step * (steps - 1 - place).astype(kind)
    return np.where(place < steps // 2, up, down) if steps != 1 else np.asarray([low])


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """`steps` numbers from start to end, both included, evenly spaced. Source: torch.linspace.

    >>> import retrograd as rg
    >>> rg.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    dtype = dtype or defaults.float_dtype
    return _finished(_spaced(_number(start), _number(end), steps, dtype), dtype, device, requires_grad, out)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """base ** x for `steps` evenly spaced x from start to end, both included. Source: torch.logspace.

    >>> import retrograd as rg
    >>> rg.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    dtype = dtype or defaults.float_dtype
    exponents = _spaced(_number(start), _number(end), steps, dtype)
    with np.errstate(all="ignore"):
        powers = np.power(np.float64(base), exponents)
    return _finished(powers, dtype, device, requires_grad, out)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """A matrix with ones on the diagonal, n x m, or n x n. Source: torch.eye.

    >>> import retrograd as rg
    >>> rg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    m = n if m is None else m
    if min(n, m) < 0:
        raise ShapeError(f"eye: the extents {n} and {m} must not be negative")
    dtype = dtype or defaults.float_dtype
    return _finished(np.eye(n, m, dtype=dtype.numpy), dtype, device, requires_grad, out)
