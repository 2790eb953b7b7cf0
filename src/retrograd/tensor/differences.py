"""Derivatives of sampled functions by differences of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.cumulation import diff
from retrograd.tensor.dispatch import operand
from retrograd.tensor.joining import cat

__all__ = ["gradient"]


def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The derivatives of a function of which there are values on a grid, along each axis.

    Inside, the second-order formula of both neighbours: (f(x + h) - f(x - h)) / (2 h) for equal distances; at the ends,
    one-sided formulas of order `edge_order`.

    Args:
        input: the values.
        spacing: the distance of neighbours; or one for each axis; or for each axis a tensor of coordinates,
            (extent,).
        dim: the axes; all of them where None.
        edge_order: 1 or 2.

    Returns:
        For each axis, a tensor of the shape of the input.

    Raises:
        OptionError: another `edge_order`, or not as many spacings as axes, or an axis twice. ShapeError: an axis has
            no more than `edge_order` elements, or not as many as there are coordinates.

    Source: torch.gradient.

    >>> import retrograd as rg
    >>> rg.gradient(rg.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    >>> rg.gradient(rg.tensor([0.0, 1.0, 9.0]), spacing=(rg.tensor([0.0, 1.0, 3.0]),), edge_order=2)
    (tensor([0., 2., 6.]),)
    """
    operand("gradient", input)
    if edge_order not in (1, 2):
        raise OptionError(f"gradient: edge_order must be 1 or 2, and is {edge_order}")
    axes = _axes(input, dim)
    return tuple(
        _derivative(input, axis, h, edge_order) for axis, h in zip(axes, _spacings(spacing, axes), strict=True)
    )


def _axes(x: Any, dim: Any) -> list[int]:
    given = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    axes = []
    for axis in given:
        if not -x.ndim <= axis < x.ndim:
            raise OptionError(f"gradient: there is no axis {axis} of shape {tuple(x.shape)}")
        axes.append(axis % x.ndim)
    if len(set(axes)) < len(axes):
        raise OptionError(f"gradient: an axis stands twice in dim, {dim}")
    return axes


def _spacings(spacing: Any, axes: Sequence[int]) -> list[Any]:
    if isinstance(spacing, TensorBase) and spacing.ndim:
        raise OptionError("gradient: coordinates are given as a tuple, a tensor for each axis")
    if isinstance(spacing, (int, float, TensorBase)):
        return [spacing] * len(axes)
    found = list(spacing)
    if len(found) != len(axes):
        raise OptionError(
            f"gradient: {len(found)} spacings and {len(axes)} axes; give one for each, or a single number"
        )
    return found


def _derivative(f: Any, axis: int, h: Any, edge_order: int) -> Any:
    extent = f.shape[axis]
    if extent <= edge_order:
        raise ShapeError(
            f"gradient: axis {axis} has {extent} elements; edge_order={edge_order} takes {edge_order + 1} at least"
        )
    if isinstance(h, TensorBase) and h.ndim:
        if tuple(h.shape) != (extent,):
            raise ShapeError(f"gradient: axis {axis} has {extent} elements, and coordinates of shape {tuple(h.shape)}")
        return _uneven(f, axis, diff(h), edge_order)

    def at(place: int) -> Any:
        return f.narrow(axis, place % extent, 1)

    inside = (f.narrow(axis, 2, extent - 2) - f.narrow(axis, 0, extent - 2)) / 2
    if edge_order == 1:
        first, last = at(1) - at(0), at(-1) - at(-2)
    else:
        first = 2 * at(1) - 1.5 * at(0) - 0.5 * at(2)
        last = 1.5 * at(-1) - 2 * at(-2) + 0.5 * at(-3)
    return cat([first, inside, last], axis) / h


def _uneven(f: Any, axis: int, width: Any, edge_order: int) -> Any:
    """By parabolas through neighbours, whose distances are `width`."""
    extent = f.shape[axis]
    after = [1] * (f.ndim - axis - 1)

    def at(start: int, count: int) -> Any:
        return f.narrow(axis, start, count)

    def distance(start: int, count: int) -> Any:
        return width.narrow(0, start, count).reshape(count, *after)

    def parabola(start: int, count: int, place: int) -> Any:
        """The derivative at one of three neighbours, by the formula of Lagrange."""
        a, b = distance(start, count), distance(start + 1, count)
        left, middle, right = (at(start + i, count) for i in range(3))
        if place == 0:
            return (a + b) / (a * b) * middle - (2 * a + b) / (a * (a + b)) * left - a / (b * (a + b)) * right
        if place == 1:
            return a / (b * (a + b)) * right + (b - a) / (a * b) * middle - b / (a * (a + b)) * left
        return (2 * b + a) / (b * (a + b)) * right - (a + b) / (a * b) * middle + b / (a * (a + b)) * left

    inside = [parabola(0, extent - 2, 1)] if extent > 2 else []
    if edge_order == 1:
        first = (at(1, 1) - at(0, 1)) / distance(0, 1)
        last = (at(extent - 1, 1) - at(extent - 2, 1)) / distance(extent - 2, 1)
    else:
        first, last = parabola(0, 1, 0), parabola(extent - 3, 1, 2)
    return cat([first, *inside, last], axis)
