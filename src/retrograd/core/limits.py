"""finfo and iinfo: the limits of an element type."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from retrograd.core.dtype import DType, defaults
from retrograd.core.errors import DTypeError


class finfo:
    """The limits of a floating-point dtype; the default dtype if none is given.

    Attributes:
        bits: an element has.
        eps: the distance from 1 to the next larger number.
        min, max: the finite numbers at the ends.
        tiny, smallest_normal: the smallest positive number with all digits.
        resolution: 10 to the number of decimal digits that are always right, negative.

    Raises:
        DTypeError: the dtype is not floating-point.

    Source: torch.finfo.

    >>> from retrograd.core.dtype import bfloat16, float32
    >>> finfo(float32).max, finfo(bfloat16).eps
    (3.4028234663852886e+38, 0.0078125)
    """

    def __init__(self, type: DType | None = None) -> None:
        found = defaults.float_dtype if type is None else type
        if not found.is_floating_point:
            raise DTypeError(f"finfo: takes a floating-point dtype, and received {found.name}; use iinfo")
        limits = ml_dtypes.finfo(found.numpy)  # type: ignore[no-untyped-call]
        self.dtype = found.name
        self.bits = int(limits.bits)
        self.eps, self.resolution = float(limits.eps), float(f"{float(limits.resolution):.0e}")
        self.min, self.max = float(found.lowest), float(found.highest)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        numbers = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({numbers}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype.

    Attributes:
        bits: an element has.
        min, max: the numbers at the ends.

    Raises:
        DTypeError: the dtype is not one of integers.

    Source: torch.iinfo.

    >>> from retrograd.core.dtype import int16
    >>> iinfo(int16)
    iinfo(min=-32768, max=32767, dtype=int16)
    """

    def __init__(self, type: DType) -> None:
        if type.kind != 1:
            raise DTypeError(f"iinfo: takes a dtype of integers, and received {type.name}; use finfo")
        self.dtype = type.name
        self.bits = int(np.iinfo(type.numpy).bits)
        self.min, self.max = int(type.lowest), int(type.highest)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
