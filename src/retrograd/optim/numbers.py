"""The numbers of an update (learning rate, decay, ...): one small run-time input, so that no value is structure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import float64
from retrograd.core.node import Node, input_node
from retrograd.core.types import tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const_offset
from retrograd.ops.movement import broadcast_to, reshape, slice_


class NumbersBuffer(Buffer):
    """The numbers of one update in memory.

    Attributes:
        later: the numbers so many steps from now; None: always the same ones.
        advance: tells the optimizer that so many further steps were taken without it.
    """

    __slots__ = ("advance", "later")

    later: Callable[[int], Sequence[float]] | None
    advance: Callable[[int], None] | None

    def content(self) -> bytes:
        """The numbers as `packed` gives them."""
        return self.array().tobytes()


def packed(numbers: Sequence[float]) -> bytes:
    return struct.pack(f"={len(numbers)}d", *numbers)


def numbers_node(
    numbers: Sequence[float],
    later: Callable[[int], Sequence[float]] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Node:
    """The numbers as a float64 vector; captured loops ask `later` for those of the steps to come."""
    type_ = tensor_type((len(numbers),), float64)
    buffer = NumbersBuffer(type_)
    buffer.later, buffer.advance = later, advance
    buffer.write(packed(numbers))
    return input_node(type_, buffer)


def numbers_of(vector: Node, count: int) -> list[Node]:
    """The elements of such a vector."""
    return [reshape(slice_(vector, (const_offset(i),), (1,), (1,)), ()) for i in range(count)]


def spread(number: Node, x: Node) -> Node:
    """A number with the shape and dtype of x."""
    return broadcast_to(e.cast(number, x.type.dtype), x.type.shape)


def scaled(number: Node, x: Node) -> Node:
    """A number, rounded to the dtype of x, times x."""
    return e.mul(spread(number, x), x)
