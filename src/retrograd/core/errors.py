"""The errors retrograd raises. Each names the operation, what it received, the rule it broke and what to do."""

from __future__ import annotations


class RetrogradError(Exception):
    """Base of every error of this library."""


class ShapeError(RetrogradError, RuntimeError):
    """Shapes that do not fit the operation. A RuntimeError too, as in PyTorch."""


class DTypeError(RetrogradError, TypeError):
    """A dtype that the operation does not take."""


class GraphError(RetrogradError, RuntimeError):
    """A graph that cannot be differentiated or evaluated as asked."""


class OptionError(RetrogradError, ValueError):
    """An argument whose value is not allowed."""


class IndexRangeError(RetrogradError, IndexError):
    """An index outside its axis."""


class InternalError(RetrogradError, AssertionError):
    """A broken invariant of the library itself: please report it."""
