"""Integrals by the trapezoidal rule."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, OptionError
from retrograd.tensor.dispatch import operand

__all__ = ["cumulative_trapezoid", "trapezoid", "trapz"]


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral along an axis, sum_i (x[i + 1] - x[i]) (y[i] + y[i + 1]) / 2.

    Args:
        y: values of the function.
        x: where they were taken: along the axis, or of a shape that broadcasts with that of `y`.
        dx: the distance of neighbours, if there is no `x`; 1 if left out.
        dim: the axis.

    Raises:
        OptionError: both `x` and `dx` are given. DTypeError: the values are booleans.

    Source: torch.trapezoid.

    >>> import retrograd as rg
    >>> rg.trapezoid(rg.tensor([1.0, 5.0, 10.0])), rg.trapezoid(rg.tensor([1.0, 5.0]), rg.tensor([0.0, 3.0]))
    (tensor(10.5000), tensor(9.))
    """
    sums, width = _neighbours("trapezoid", y, x, dx, dim)
    return (sums * width).sum(dim) / 2


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral from the first place to each one after it; one element less. See `trapezoid`.

    Source: torch.cumulative_trapezoid.

    >>> import retrograd as rg
    >>> rg.cumulative_trapezoid(rg.tensor([1.0, 5.0, 10.0]))
    tensor([ 3.0000, 10.5000])
    """
    sums, width = _neighbours("cumulative_trapezoid", y, x, dx, dim)
    return (sums * width).cumsum(dim) / 2


def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """Another name of `trapezoid`. Source: torch.trapz."""
    return trapezoid(y, x, dx=dx, dim=dim)


def _neighbours(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, Any]:
    """The sums of neighbouring values, and how far apart they are."""
    operand(name, y)
    if y.dtype is bool_:
        raise DTypeError(f"{name} takes numbers, and received bool; use .float() first")
    if x is not None and dx is not None:
        raise OptionError(f"{name}: give x or dx, and not both")
    axis = y._axis(dim)
    sums = _left(y, axis) + _right(y, axis)
    if x is None:
        return sums, 1 if dx is None else dx
    operand(name, x)
    if x.ndim == 1:
        x = x.reshape(-1, *[1] * (y.ndim - axis - 1))
    # Axes count from the last one, for x may have fewer.
    return sums, _right(x, axis - y.ndim) - _left(x, axis - y.ndim)


def _left(x: Any, axis: int) -> Any:
    return x.narrow(axis, 0, max(x.shape[axis] - 1, 0))


def _right(x: Any, axis: int) -> Any:
    return x.narrow(axis, min(1, x.shape[axis]), max(x.shape[axis] - 1, 0))
