"""Normal deviates from uniform ones (Box and Muller, 1958), rounded exactly as PyTorch's CPU kernels round.

PyTorch fills a large float32 tensor in blocks of 16 with the single-precision logarithm, sine and cosine of Cephes, in
which each step of a polynomial is a fused multiply-add. The same steps are taken here, so that the same seed gives the
same bits on every CPU; NumPy's own `log` and `cos` differ in the last place, and from one CPU to another.

Source: S. Moshier, Cephes Mathematical Library, single/logf.c and single/sinf.c, for the coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core.fma import fma32, fma64

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

BLOCK: Final = 16
_HALF_BLOCK: Final = BLOCK // 2


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(np.float32(value)) for value in values)


# Highest power first.
_LOG: Final = _rounded(
    [
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ]
)
_SIN: Final = _rounded([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1])
_COS: Final = _rounded([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2])
# ln 2 and pi/4 in parts, so that a product with a small integer is exact.
_LN2_HIGH: Final = 0.693359375
_LN2_LOW: Final = np.float32(-2.12194440e-4)
_QUARTER_PI_PARTS: Final = _rounded([-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8])


def _polynomial(coefficients: Sequence[float], x: Float32Array) -> Float32Array:
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = fma32(value, x, coefficient)
    return np.asarray(value)


def _log(values: Float32Array) -> Float32Array:
    mantissa, exponent = np.frexp(values)
    is_low = mantissa < np.float32(math.sqrt(0.5))
    e = (exponent - is_low).astype(np.float32)
    x = (mantissa - np.float32(1)) + np.where(is_low, mantissa, np.float32(0))
    square = x * x
    y = _polynomial(_LOG, x) * x
    y = fma32(y, square, e * _LN2_LOW)
    y = fma32(-square, 0.5, y)
    return fma32(e, _LN2_HIGH, x + y)


def _sine_and_cosine(angle: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Sine and cosine of angles in [0, 2 pi]."""
    octant = ((angle * np.float32(4 / math.pi)).astype(np.int32) + 1) & -2
    x = angle
    for part in _QUARTER_PI_PARTS:
        x = fma32(octant, part, x)
    square = x * x
    cosine = fma32(_polynomial(_COS, square) * square, square, square * np.float32(-0.5)) + np.float32(1)
    sine = fma32(_polynomial(_SIN, square) * square, x, x)
    is_swapped = (octant & 2) != 0
    sines = np.where(is_swapped, cosine, sine)
    cosines = np.where(is_swapped, sine, cosine)
    is_negative_sine = (octant & 4) != 0
    is_negative_cosine = ((octant + 2) & 4) != 0
    return np.where(is_negative_sine, -sines, sines), np.where(is_negative_cosine, -cosines, cosines)


def blocks_float32(uniform: Float32Array, mean: float, std: float) -> Float32Array:
    """Normal deviates from uniform ones in blocks of 16: the first 8 of a block give radii, the last 8 angles.

    Args:
        uniform: shape (16 n,), in [0, 1).
        mean, std: of the result.

    Returns:
        Shape (16 n,).

    Example:
        >>> blocks_float32(np.full(16, 0.5, np.float32), 0.0, 1.0)[0]
        np.float32(-1.17741)
    """
    pairs = uniform.reshape(-1, BLOCK)
    radius = np.sqrt(np.float32(-2) * _log(np.float32(1) - pairs[:, :_HALF_BLOCK]))
    sine, cosine = _sine_and_cosine(np.float32(2 * math.pi) * pairs[:, _HALF_BLOCK:])
    deviates = np.concatenate([radius * cosine, radius * sine], axis=1).reshape(-1)
    if mean == 0.0 and std == 1.0:
        return deviates
    return fma32(deviates, float(np.float32(std)), float(np.float32(mean)))


def blocks_float64(uniform: Float64Array, mean: float, std: float) -> Float64Array:
    """As `blocks_float32` in double precision, by the platform's own functions.

    Example:
        >>> round(float(blocks_float64(np.full(16, 0.5), 0.0, 1.0)[0]), 6)
        -1.17741
    """
    pairs = uniform.reshape(-1, BLOCK)
    radius = np.sqrt(-2.0 * np.log(1.0 - pairs[:, :_HALF_BLOCK]))
    angle = 2.0 * math.pi * pairs[:, _HALF_BLOCK:]
    deviates = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return fma64(deviates.reshape(-1), std, mean)


def pair(first: float, second: float) -> tuple[float, float]:
    """Two normal deviates from two uniform ones, as PyTorch makes them one by one for small tensors.

    Example:
        >>> [round(value, 6) for value in pair(0.5, 0.5)]
        [-1.17741, 0.0]
    """
    radius = math.sqrt(-2.0 * math.log1p(-second))
    angle = 2.0 * math.pi * first
    return radius * math.cos(angle), radius * math.sin(angle)
