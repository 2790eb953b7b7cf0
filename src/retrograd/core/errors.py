"""The errors retrograd raises. Each names the operation, what it received, the rule it broke and what to do."""

from __future__ import annotations


class RetrogradError(RuntimeError):
    """Base of every error of this library: a RuntimeError, as most of PyTorch's are."""


class ShapeError(RetrogradError, ValueError):
    """Shapes that do not fit the operation."""


class DTypeError(RetrogradError, TypeError):
    """A dtype that the operation does not take."""


class GraphError(RetrogradError):
    """A graph that cannot be differentiated or evaluated as asked."""


class OptionError(RetrogradError, ValueError):
    """An argument whose value is not allowed."""


class IndexRangeError(RetrogradError, IndexError):
    """An index outside its axis."""


class LinAlgError(RetrogradError):
    """A matrix that cannot be inverted or taken apart as asked."""


class InternalError(RetrogradError, AssertionError):
    """A broken invariant of the library itself: please report it."""
