"""Binomial numbers: by geometric waiting times where few are expected, else by Hoermann's rejection (1993), as PyTorch
draws them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core.distributions import Feed
from retrograd.core.draws import FLOAT64, Draws, floating
from retrograd.core.errors import OptionError

Array = npt.NDArray[Any]
_FEW: Final = 10.0
_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2 * math.pi)


def binomial(draws: Draws, count: Array, probability: Array) -> Array:
    """How many of n trials succeed, for each n and probability; two words for each uniform number that it takes.

    Args:
        draws: the stream.
        count: n, whole numbers in a floating-point dtype, of any shape.
        probability: of one success, of the same shape and dtype.

    Returns:
        Of the same shape and dtype.

    Raises:
        OptionError: a count is negative, or a probability outside of [0, 1]. DTypeError: they are not floating-point.
    """
    dtype = floating(count.dtype, "binomial")
    if not np.all(count >= 0):
        raise OptionError("binomial: each count must be at least 0")
    if not np.all((probability >= 0) & (probability <= 1)):
        raise OptionError("binomial: each probability must lie in [0, 1]")
    with draws._lock.held:
        uniform = Feed(draws)
        pairs = zip(count.astype(FLOAT64).ravel().tolist(), probability.astype(FLOAT64).ravel().tolist(), strict=True)
        values = [_binomial(n, p, uniform) for n, p in pairs]
        uniform.close()
    return np.array(values, FLOAT64).astype(dtype).reshape(count.shape)


def _binomial(n: float, p: float, uniform: Iterator[float]) -> float:
    if n == 0 or p == 0:
        return 0.0
    if p == 1:
        return n
    if p > 0.5:
        return n - _of_the_rarer(n, 1 - p, uniform)
    return _of_the_rarer(n, p, uniform)


def _of_the_rarer(n: float, p: float, uniform: Iterator[float]) -> float:
    return _by_rejection(n, p, uniform) if n * p >= _FEW else _by_waiting(n, p, uniform)


def _by_waiting(n: float, p: float, uniform: Iterator[float]) -> float:
    """How many waiting times for a success fit into n trials."""
    log_failure, trials, successes = math.log1p(-p), 0.0, 0.0
    while True:
        u = next(uniform)
        trials += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trials > n:
            return successes
        successes += 1


def _by_rejection(n: float, p: float, uniform: Iterator[float]) -> float:
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    sure, odds = 0.92 - 4.2 / b, p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    mode = math.floor((n + 1) * p)
    while True:
        u, v = next(uniform) - 0.5, next(uniform)
        distance = 0.5 - abs(u)
        k = math.floor((2 * a / distance + b) * u + n * p + 0.5) if distance else -1
        if not 0 <= k <= n:
            continue
        if distance >= 0.07 and v <= sure:
            return float(k)
        height = math.log(v * alpha / (a / (distance * distance) + b)) if v else -math.inf
        if height <= _log_ratio(n, odds, mode, k):
            return float(k)


def _log_ratio(n: float, odds: float, mode: float, k: float) -> float:
    """The logarithm of P(k) / P(mode), by Stirling's formula."""
    ways = (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
    ways += (n + 1) * math.log((n - mode + 1) / (n - k + 1))
    ways += (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
    return ways + _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k)


def _tail(k: float) -> float:
    """log k! less the leading terms of Stirling's formula."""
    if k <= 9:
        return math.lgamma(k + 1) - (_HALF_LOG_TWO_PI + (k + 0.5) * math.log(k + 1) - (k + 1))
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
