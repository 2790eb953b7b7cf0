"""Fused multiply-add, which NumPy lacks: a * b + c rounded once, as the processor's instruction does.

Source: T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971), for
the error of a product; D. E. Knuth, TAOCP 2, section 4.2.2, for the error of a sum.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_SPLITTER: Final = 2.0**27 + 1.0


def fma32(a: Any, b: Any, c: Any) -> npt.NDArray[np.float32]:
    """a * b + c in float32: the product of two float32 is exact in float64.

    Args:
        a, b, c: float32 arrays, or numbers that float32 holds exactly.

    Returns:
        The result, in the common shape.

    Example:
        >>> x = np.float32(1) + np.float32(2**-12)
        >>> float(fma32(x, x, -1)) == 2**-11 + 2**-24, float(x * x - np.float32(1)) == 2**-11
        (True, True)
    """
    return np.asarray(np.asarray(a, np.float64) * b + c, np.float32)


def fma64(a: npt.NDArray[np.float64], b: float, c: float) -> npt.NDArray[np.float64]:
    """a * b + c in float64, from the rounding errors of the product and of the sum.

    Args:
        a: any shape; below 1e300 in size, as are the numbers.
        b, c: numbers.

    Returns:
        The shape of `a`.

    Example:
        >>> x = 1 + 2**-30
        >>> float(fma64(np.array(x), x, -1.0)) == 2**-29 + 2**-60, x * x - 1.0 == 2**-29
        (True, True)
    """
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(np.float64(b))
    product_error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    total = product + c
    part = total - product
    total_error = (product - (total - part)) + (c - part)
    return np.asarray(total + (product_error + total_error))


def _split(value: Any) -> tuple[Any, Any]:
    """Two numbers of half the digits that add up to `value`."""
    scaled = _SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high
