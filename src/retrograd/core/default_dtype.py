"""The default dtype: that of Python floats, of factories, and of what is computed from integers."""

from __future__ import annotations

from retrograd.core.dtype import DType, defaults
from retrograd.core.errors import DTypeError
from retrograd.core.operation import forget_signatures


def get_default_dtype() -> DType:
    """The floating-point dtype of new tensors when none is given. Source: torch.get_default_dtype.

    >>> get_default_dtype()
    retrograd.float32
    """
    return defaults.float_dtype


def set_default_dtype(d: DType) -> None:
    """Make `d` the dtype of Python floats, of factories, and of what is computed from integers.

    Args:
        d: a floating-point dtype.

    Raises:
        DTypeError: it is not floating-point.

    Source: torch.set_default_dtype.

    >>> from retrograd.core.dtype import float32, float64
    >>> set_default_dtype(float64)
    >>> get_default_dtype()
    retrograd.float64
    >>> set_default_dtype(float32)
    """
    if not isinstance(d, DType) or not d.is_floating_point:
        raise DTypeError(f"set_default_dtype: expected a floating-point dtype, received {d!r}")
    if d is not defaults.float_dtype:
        # What bodies of composites make of integers hangs on it.
        forget_signatures()
        defaults.float_dtype = d
