"""Where a number stopped being finite: the operation, what it received, and the line of the user's program."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.errors import RetrogradError
from retrograd.core.node import Node

Array = np.ndarray[Any, Any]
_LIBRARY: Final = str(Path(__file__).parents[1])


class NotFiniteError(RetrogradError, FloatingPointError, RuntimeError):
    """An operation, or its gradient, made a NaN or an infinity."""


@dataclass(frozen=True, slots=True)
class Site:
    """A line of the user's program."""

    file: str
    line: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        return f"{self.file}:{self.line}" + (f": {text}" if text else "")


def user_site() -> Site | None:
    """The innermost line that is being run and does not belong to the library."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_LIBRARY):
            return Site(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


# Where nodes were recorded, while somebody looks for what is not finite.
sites: WeakKeyDictionary[Node, Site | None] = WeakKeyDictionary()


def values_of(node: Node) -> Array | None:
    """The elements of a node that has its value."""
    buffer = node.buffer
    if isinstance(buffer, Scalar):
        return np.asarray(buffer.value, node.type.dtype.numpy)
    return buffer.array() if isinstance(buffer, Buffer) else None


def is_new(made: Array, received: Sequence[Array]) -> bool:
    """Whether a NaN, or an infinity, is in a result that no operand had one like it: a NaN explains both."""
    if made.dtype.kind != "f" or np.isfinite(made).all():
        return False
    floats = [x for x in received if x.dtype.kind == "f"]
    if any(np.isnan(x).any() for x in floats):
        return False
    return bool(np.isnan(made).any()) or not any(np.isinf(x).any() for x in floats)


def summary(values: Array) -> str:
    """Type and range of an array, and how much of it is not finite.

    >>> summary(np.array([1.0, np.inf, -2.0]))
    'float64[3] in [-2, 1], 1 of 3 not finite'
    """
    shape = ", ".join(map(str, values.shape))
    text = f"{values.dtype.name}[{shape}]"
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if finite.size:
        text += f" in [{finite.min():g}, {finite.max():g}]"
    missing = values.size - finite.size
    return f"{text}, {missing} of {values.size} not finite" if missing else text


def made(what: str, values: Array) -> str:
    """What an operation made, in words."""
    bad = values[~np.isfinite(values)]
    kind = f"{values.dtype.name}[{', '.join(map(str, values.shape))}]"
    return f"{what} made {bad.flat[0]} ({bad.size} of {values.size} elements of {kind} not finite)"


def received(name: str, values: Sequence[Array]) -> str:
    """What an operation received, in words."""
    return "".join(f"\n  {name} {place}: {summary(x)}" for place, x in enumerate(values))


def recorded(site: Site | None) -> str:
    return f"\n  recorded at {site}" if site is not None else "\n  recorded before the search began"
