"""Numbers that know how far rounding may take what a program makes of them: running error analysis.

A value stands in extended precision beside its `spread`: computed with unit rounding errors eps, it lies within
c eps spread, to the first order. Every operation hands the spreads of its operands on, and adds what it rounds itself:
|result|, and for a sum or a product of matrices sum |terms|. Inputs are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

Array = np.ndarray[Any, Any]
Number = Any
Axes = int | tuple[int, ...] | None
EXACT = np.longdouble
needs_extended_precision = pytest.mark.skipif(
    bool(np.finfo(EXACT).eps > np.finfo(np.float64).eps / 100), reason="NumPy has no numbers wider than float64 here"
)


class Bounded:
    """An array with the spread of each of its elements."""

    def __init__(self, value: Any, spread: Any = 0.0) -> None:
        self.value = np.asarray(value, EXACT)
        self.spread = np.broadcast_to(np.asarray(spread, EXACT), self.value.shape)

    def __add__(self, other: Number) -> Bounded:
        other = _bounded(other)
        value = self.value + other.value
        return Bounded(value, self.spread + other.spread + np.abs(value))

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.spread)

    def __sub__(self, other: Number) -> Bounded:
        return self + -_bounded(other)

    def __rsub__(self, other: Number) -> Bounded:
        return _bounded(other) - self

    def __mul__(self, other: Number) -> Bounded:
        return self._product(np.multiply, _bounded(other))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Number) -> Bounded:
        other = _bounded(other)
        value = self.value / other.value
        carried = (self.spread + np.abs(value) * other.spread) / np.abs(other.value)
        return Bounded(value, carried + np.abs(value))

    def __rtruediv__(self, other: Number) -> Bounded:
        return _bounded(other) / self

    def __matmul__(self, other: Bounded) -> Bounded:
        return self._product(np.matmul, other)

    def _product(self, multiply: Any, other: Bounded) -> Bounded:
        a, b = np.abs(self.value), np.abs(other.value)
        carried = multiply(self.spread, b) + multiply(a, other.spread)
        return Bounded(multiply(self.value, other.value), carried + multiply(a, b))

    # -- sums ----------------------------------------------------------------------------------------------------------

    def sum(self, axis: Axes = None, keepdims: bool = True) -> Bounded:
        terms = self.spread + np.abs(self.value)
        return Bounded(self.value.sum(axis, keepdims=keepdims), terms.sum(axis, keepdims=keepdims))

    def mean(self, axis: Axes = None, keepdims: bool = True) -> Bounded:
        total = self.sum(axis, keepdims)
        return total / (self.value.size / max(total.value.size, 1))

    def cumsum(self, axis: int) -> Bounded:
        return Bounded(self.value.cumsum(axis), (self.spread + np.abs(self.value)).cumsum(axis))

    def added_at(self, places: Any, shape: tuple[int, ...]) -> Bounded:
        """Zeros, to which each element is added at its place, as NumPy indexes."""
        value, spread = np.zeros(shape, EXACT), np.zeros(shape, EXACT)
        np.add.at(value, places, self.value)
        np.add.at(spread, places, self.spread + np.abs(self.value))
        return Bounded(value, spread)

    # -- functions -----------------------------------------------------------------------------------------------------

    def exp(self) -> Bounded:
        value = np.exp(self.value)
        return Bounded(value, value * (1 + self.spread))

    def log(self) -> Bounded:
        value = np.log(self.value)
        return Bounded(value, self.spread / self.value + np.abs(value))

    def sqrt(self) -> Bounded:
        value = np.sqrt(self.value)
        return Bounded(value, self.spread / (2 * value) + value)

    def tanh(self) -> Bounded:
        value = np.tanh(self.value)
        return Bounded(value, self.spread * (1 - value * value) + np.abs(value))

    def sigmoid(self) -> Bounded:
        return 1 / (1 + (-self).exp())

    # -- movements, which round nothing --------------------------------------------------------------------------------

    def max(self, axis: int) -> Bounded:
        place = np.expand_dims(self.value.argmax(axis), axis)
        return Bounded(np.take_along_axis(self.value, place, axis), np.take_along_axis(self.spread, place, axis))

    def __getitem__(self, index: Any) -> Bounded:
        return Bounded(self.value[index], self.spread[index])

    def reshape(self, *shape: int) -> Bounded:
        return Bounded(self.value.reshape(shape), self.spread.reshape(shape))

    def transpose(self, *axes: int) -> Bounded:
        return Bounded(self.value.transpose(axes), self.spread.transpose(axes))

    @property
    def mT(self) -> Bounded:
        return Bounded(self.value.mT, self.spread.mT)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


def stacked(parts: Sequence[Bounded], axis: int) -> Bounded:
    return Bounded(np.stack([p.value for p in parts], axis), np.stack([p.spread for p in parts], axis))


def _bounded(x: Number) -> Bounded:
    return x if isinstance(x, Bounded) else Bounded(x)
