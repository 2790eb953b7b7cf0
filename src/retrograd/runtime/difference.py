"""A difference: a node whose result is not what it should be, as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from retrograd.core.dtype import bfloat16, float16, float32, float64, from_numpy_dtype
from retrograd.core.errors import InternalError
from retrograd.core.graph import Origin
from retrograd.core.operation import ControlFlow
from retrograd.core.signature import Signature
from retrograd.core.types import TensorType
from retrograd.runtime import devices

Array = np.ndarray[Any, Any]

_FLOATS: Final = (float16, bfloat16, float32, float64)


@dataclass(frozen=True)
class Difference:
    """A node whose result is not what it should be.

    Attributes:
        operation: of the node, with its attributes.
        inputs, output: their types.
        place: "node 3 of 12", with the loops that it is in.
        origin: what of the user's program it comes from, the outermost first.
        alone: whether it differs from its definition when it runs by itself, and not from itself in the program.
        index: of the element with the largest difference.
        made, expected: what the backend has there, and what should be there.
        largest: that difference; infinite if one of the two is no number.
        allowed: how much would be right there.
        count: how many elements differ too much.
    """

    operation: str
    inputs: tuple[TensorType, ...]
    output: TensorType
    place: str
    origin: Origin
    alone: bool
    index: tuple[int, ...]
    made: Any
    expected: Any
    largest: float
    allowed: float
    count: int

    def __str__(self) -> str:
        takes = ", ".join(map(repr, self.inputs))
        against = "its NumPy definition" if self.alone else "the same node run by itself"
        lines = [
            f"{self.place}: {self.operation}({takes}) -> {self.output!r} differs from {against}",
            f"  it comes from {' > '.join(self.origin) or self.operation}",
            f"  largest difference {self.largest:g}, where {self.allowed:g} is allowed, at {list(self.index)}: "
            f"{devices.state.name} {self.made!r}, expected {self.expected!r}",
            f"  {self.count} of {self.output.size} elements differ too much",
        ]
        return "\n".join(lines)


class DifferenceError(InternalError):
    """A backend computes something else than the definition says.

    Attributes:
        difference: what, and where.
    """

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"{devices.state.name} backend: {difference}")
        self.difference = difference

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.difference,)


def bits_differ(a: Array, b: Array) -> Array:
    """Where two arrays of one type differ in any bit, where all NaNs are one."""
    bits = np.dtype(f"u{a.itemsize}")
    differ = np.asarray(a, order="C").view(bits) != np.asarray(b, order="C").view(bits)
    if from_numpy_dtype(a.dtype) in _FLOATS:
        differ &= ~(np.isnan(a) & np.isnan(b))
    return np.asarray(differ)


def title_of(signature: Signature) -> str:
    """An operation with what of its attributes is short."""
    name, attributes = signature.operation.name, signature.attributes
    if not attributes or isinstance(signature.operation, ControlFlow):
        return name
    return f"{name} {{{', '.join(map(repr, attributes))}}}"


def describe(
    operation: str,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    origin: Origin,
    place: str,
    alone: bool,
    made: Array,
    expected: Array,
    wrong: Array,
    allowed: Array | float,
) -> Difference:
    """The largest of the differences that are too large."""
    with np.errstate(all="ignore"):
        distance = np.abs(made.astype(np.float64) - expected.astype(np.float64))
    distance = np.where(np.isnan(distance), np.inf, distance)
    index = np.unravel_index(int(np.argmax(np.where(wrong, distance, -1.0))), distance.shape)
    return Difference(
        operation=operation,
        inputs=inputs,
        output=output,
        place=place,
        origin=origin,
        alone=alone,
        index=tuple(map(int, index)),
        made=made[index].item(),
        expected=expected[index].item(),
        largest=float(distance[index]),
        allowed=float(np.broadcast_to(allowed, distance.shape)[index]),
        count=int(wrong.sum()),
    )
