"""Gamma numbers: by Marsaglia and Tsang's rejection (2000), as PyTorch draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core import box_muller
from retrograd.core.distributions import Feed
from retrograd.core.draws import FLOAT32, FLOAT64, Draws, floating, precision
from retrograd.core.errors import OptionError

Array = npt.NDArray[Any]
# PyTorch writes these as numbers of single precision.
_THIRD: Final = float(np.float32(1) / np.float32(3))
_SQUEEZE: Final = float(np.float32(0.0331))


def standard_gamma(draws: Draws, concentration: Array) -> Array:
    """A number with density x^(a - 1) exp(-x) / Gamma(a) for each a.

    It takes two words for each uniform number, and as many for a normal one on average, until one is accepted.

    Args:
        draws: the stream.
        concentration: a, of any shape, not negative.

    Returns:
        Of the same shape and dtype.

    Raises:
        OptionError: one is negative, or not a number. DTypeError: they are not floating-point.
    """
    dtype = floating(concentration.dtype, "gamma")
    if not np.all(concentration >= 0):
        raise OptionError("gamma: each concentration must be at least 0")
    exact = precision(dtype)
    with draws._lock.held:
        uniform = Feed(draws)
        normal = _normal(draws, uniform)
        values = [_gamma(a, exact, uniform, normal) for a in concentration.astype(exact).ravel()]
        uniform.close()
    made = np.maximum(np.array(values, FLOAT64).astype(exact), np.finfo(exact).tiny)
    return np.asarray(made.astype(dtype).reshape(concentration.shape))


def _normal(draws: Draws, uniform: Iterator[float]) -> Callable[[], float]:
    """Normal numbers one by one; they come in pairs, of which one may be left over from before."""

    def take() -> float:
        spare = draws._spare_normal
        if spare is not None:
            draws._spare_normal = None
            return spare
        first, second = next(uniform), next(uniform)
        deviate, draws._spare_normal = box_muller.pair(first, second)
        return deviate

    return take


def _gamma(a: Any, dtype: np.dtype[Any], uniform: Iterator[float], normal: Callable[[], float]) -> float:
    if a == 0:
        return 0.0
    scale = 1.0
    if a < 1:
        scale = (1 - next(uniform)) ** float(dtype.type(1) / a)
        a = a + dtype.type(1)
    d = float(a - dtype.type(_THIRD)) if dtype == FLOAT32 else float(a) - _THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal()
        y = 1 + c * x
        if y <= 0:
            continue
        v, u, square = y * y * y, 1 - next(uniform), x * x
        if u < 1 - _SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
