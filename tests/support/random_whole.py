"""The instructions of random programs of whole numbers, booleans and movements: results without rounding errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import retrograd as rg

T = TypeVar("T")
Value = Any
DTYPES = ("int64", "int32", "int16", "int8", "uint8", "bool")
SHAPES = (
    (4, 6),
    (6, 4),
    (1, 6),
    (4, 1),
    (6,),
    (2, 4, 6),
    (1,),
    (),
    (5, 1, 3),
    (2, 3, 4, 5),
    (0, 3),
    (17,),
    (33, 40),
    (64, 80),
)


class Choices:
    """What an instruction picks, by numbers: the same numbers, the same picks.

    Attributes:
        values: all that there are so far.
    """

    def __init__(self, values: Sequence[Value], numbers: Sequence[int]) -> None:
        self.values = values
        self._numbers = iter(numbers)

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._numbers, 0) % len(options)]

    def below(self, count: int) -> int:
        return next(self._numbers, 0) % count

    def other(self, accepts: Callable[[Value], bool]) -> Value | None:
        fitting = [x for x in self.values if accepts(x)]
        return self.pick(fitting) if fitting else None

    def axis(self, x: Value) -> int:
        return self.below(x.ndim)


OPERATIONS: dict[str, Callable[[Choices, Value], Value]] = {}


def _operation(make: Callable[[Choices, Value], Value]) -> None:
    OPERATIONS[make.__name__] = make


def _along(make: Callable[[Choices, Value, int], Value]) -> None:
    """For values that have elements along an axis; others are left as they are."""

    def along(c: Choices, x: Value) -> Value:
        axis = c.axis(x) if x.ndim else 0
        return make(c, x, axis) if x.ndim and x.shape[axis] else x

    OPERATIONS[make.__name__] = along


def _broadcasts(x: Value) -> Callable[[Value], bool]:
    def fits(y: Value) -> bool:
        return all(m == n or 1 in (m, n) for m, n in zip(reversed(x.shape), reversed(y.shape), strict=False))

    return fits


def _is_bool(x: Value) -> bool:
    return bool(x.dtype == rg.bool)


# -- element by element -----------------------------------------------------------------------------------------------


@_operation
def combined(c: Choices, x: Value) -> Value:
    """With a value that may have another dtype."""
    y = c.other(_broadcasts(x))
    names = ["add", "mul", "bitwise_and", "bitwise_or", "bitwise_xor", "eq", "ne", "lt", "ge"]
    names += [] if _is_bool(x) or _is_bool(y) else ["sub", "floor_divide", "remainder"]
    name = c.pick(names)
    if name in ("floor_divide", "remainder"):
        y = rg.where(y == 0, rg.ones_like(y), y)
    return getattr(rg, name)(x, y)


@_operation
def met(c: Choices, x: Value) -> Value:
    """With a value made to have the same dtype."""
    y = c.other(_broadcasts(x)).to(x.dtype)
    names = ["maximum", "minimum", "where", *([] if _is_bool(x) else ["gcd", "lcm"])]
    name = c.pick(names)
    return rg.where(x > y, x, y) if name == "where" else getattr(rg, name)(x, y)


@_operation
def changed(c: Choices, x: Value) -> Value:
    if _is_bool(x):
        return ~x
    options = (
        lambda: -x, lambda: x.abs(), lambda: x.sign(), lambda: ~x, lambda: x << 1, lambda: x >> 2, lambda: x**3,
        lambda: x.clamp(2, 9),
    )  # fmt: skip
    return c.pick(options)()


@_operation
def cast(c: Choices, x: Value) -> Value:
    return x.to(getattr(rg, c.pick(DTYPES)))


# -- movements --------------------------------------------------------------------------------------------------------


@_operation
def folded(c: Choices, x: Value) -> Value:
    return x.reshape(2, -1) if c.pick([True, False]) and x.numel() and x.numel() % 2 == 0 else x.reshape(-1)


@_operation
def permuted(c: Choices, x: Value) -> Value:
    axes, order = list(range(x.ndim)), []
    while axes:
        order.append(axes.pop(c.below(len(axes))))
    return x.permute(*order)


@_operation
def stacked(c: Choices, x: Value) -> Value:
    return rg.stack([x, x], c.below(x.ndim + 1))


@_along
def flipped(c: Choices, x: Value, axis: int) -> Value:
    return x.flip(axis) if c.pick([True, False]) else x.roll(c.below(5) - 2, axis)


@_along
def sliced(c: Choices, x: Value, axis: int) -> Value:
    index = [slice(None)] * x.ndim
    index[axis] = slice(c.below(x.shape[axis]), None, c.pick([1, 2, 3]))
    return x[tuple(index)]


@_along
def windowed(c: Choices, x: Value, axis: int) -> Value:
    return x.unfold(axis, 1 + c.below(min(x.shape[axis], 4)), c.pick([1, 2]))


@_along
def joined(c: Choices, x: Value, axis: int) -> Value:
    return rg.cat([x, x.flip(axis)], axis)


@_along
def written(c: Choices, x: Value, axis: int) -> Value:
    y = x.clone()
    y.narrow(axis, c.below(x.shape[axis]), 1).fill_(1)
    return y


# -- along an axis ----------------------------------------------------------------------------------------------------


@_along
def reduced(c: Choices, x: Value, axis: int) -> Value:
    keep = c.pick([True, False])
    return c.pick([lambda: x.sum(axis, keep), lambda: x.amax(axis, keep), lambda: x.amin(axis, keep)])()


@_operation
def reduced_over_axes(c: Choices, x: Value) -> Value:
    axes = tuple(axis for axis in range(x.ndim) if c.pick([True, False]))
    return x.sum(axes) if axes else x


@_along
def running(c: Choices, x: Value, axis: int) -> Value:
    return c.pick([lambda: x.cumsum(axis), lambda: x.cumprod(axis), lambda: x.cummax(axis)[c.below(2)]])()


@_along
def ordered(c: Choices, x: Value, axis: int) -> Value:
    return x.sort(axis, stable=True)[c.below(2)]


@_along
def selected(c: Choices, x: Value, axis: int) -> Value:
    count = x.shape[axis]
    places = rg.tensor([c.below(count) for _ in range(3)])
    return x.index_select(axis, places)


@_along
def added(c: Choices, x: Value, axis: int) -> Value:
    places = rg.tensor([c.below(x.shape[axis]) for _ in range(x.shape[axis])])
    return x.index_add(axis, places, x)


@_operation
def multiplied(c: Choices, x: Value) -> Value:
    if _is_bool(x) or x.ndim < 2:
        return x

    def fits(y: Value) -> bool:
        return y.dtype == x.dtype and y.ndim == x.ndim and y.shape[:-1] == (*x.shape[:-2], x.shape[-1])

    y = c.other(fits)
    return x @ x.transpose(-1, -2) if y is None else x @ y
