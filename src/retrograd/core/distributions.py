"""Distributions, drawn in PyTorch's order and rounding; each says how many words an element takes.

Source: PyTorch's `aten/src/ATen/core/TransformationHelper.h` and `aten/src/ATen/native/Distributions.cpp`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from retrograd.core.draws import FLOAT32, FLOAT64, INT64, Array, Draws, floating, size_of
from retrograd.core.errors import OptionError
from retrograd.core.types import Shape

_EPSILON = float(np.finfo(np.float64).eps)


class Distributions(Draws):
    """Everything that PyTorch draws besides uniform, normal and whole numbers."""

    def bernoulli(self, p: float | Array, shape: Shape | None = None) -> npt.NDArray[np.bool_]:
        """True with probability `p`.

        Args:
            p: one probability for all elements (two words an element), or an array of them (one word an element in
                float32, two in float64).
            shape: of the result; that of `p` where it is left out.

        Raises:
            OptionError: a probability outside [0, 1].
            DTypeError: an array that is neither float32 nor float64.
        """
        chances = np.asarray(p)
        if not np.all((chances >= 0) & (chances <= 1)):
            raise OptionError("bernoulli: each probability must lie in [0, 1]")
        dtype = floating(p.dtype, "bernoulli") if isinstance(p, np.ndarray) else FLOAT64
        shape = chances.shape if shape is None else shape
        return np.asarray(self._uniform(size_of(shape), dtype).reshape(shape) < chances)

    # Transformations of a uniform number of double precision: two words an element in every dtype

    def exponential(self, shape: Shape, rate: float = 1.0, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """Exponential with the given rate (PyTorch's `lambd`): -log(1 - u) / rate.

        Raises:
            OptionError: the rate is not positive.
            DTypeError: the dtype is not floating-point.
        """
        dtype = floating(dtype, "exponential")
        if not rate > 0.0:
            raise OptionError(f"exponential: the rate must be above 0, but it is {rate}")
        uniform = self._uniform(size_of(shape), FLOAT64)
        return self._finished(-1.0 / rate * _exactly(math.log1p, np.log1p, -uniform, dtype), shape, dtype)

    def cauchy(self, shape: Shape, median: float = 0.0, sigma: float = 1.0, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """Cauchy with the given median and half-width: median + sigma tan(pi (u - 1/2)).

        Raises:
            OptionError: sigma is not positive.
            DTypeError: the dtype is not floating-point.
        """
        dtype = floating(dtype, "cauchy")
        if not sigma > 0.0:
            raise OptionError(f"cauchy: sigma must be above 0, but it is {sigma}")
        uniform = np.clip(self._uniform(size_of(shape), FLOAT64), _EPSILON, 1 - _EPSILON)
        tangent = _exactly(math.tan, np.tan, math.pi * (uniform - 0.5), dtype)
        return self._finished(median + sigma * tangent, shape, dtype)

    def geometric(self, shape: Shape, p: float, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """How many trials of probability `p` it takes to succeed: ceil(log(u) / log(1 - p)).

        Raises:
            OptionError: `p` is not within (0, 1).
        """
        if not 0.0 < p < 1.0:
            raise OptionError(f"geometric: p must lie within (0, 1), but it is {p}")
        uniform = self._uniform(size_of(shape), FLOAT64)
        with np.errstate(divide="ignore"):
            trials = np.ceil(np.log(uniform) / math.log1p(-p))
        return self._finished(trials, shape, np.dtype(dtype))

    def log_normal(self, shape: Shape, mean: float = 1.0, std: float = 2.0, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """exp of normal numbers, which are made in pairs of double precision, as few `normal` ones are.

        Raises:
            OptionError: `std` is not positive.
            DTypeError: the dtype is not floating-point.
        """
        dtype = floating(dtype, "log_normal")
        if not std > 0.0:
            raise OptionError(f"log_normal: std must be above 0, but it is {std}")
        normal = self._few_normal(size_of(shape), mean, std)
        return self._finished(_exactly(_exponential, np.exp, normal, dtype), shape, dtype)

    @staticmethod
    def _finished(values: Array, shape: Shape, dtype: np.dtype[Any]) -> Array:
        with np.errstate(over="ignore"):
            return values.astype(FLOAT32 if dtype.itemsize == 2 else dtype).astype(dtype, copy=False).reshape(shape)

    # Counts

    def poisson(self, rates: Array) -> Array:
        """Poisson numbers: by multiplying uniform ones (Knuth) below a rate of 10, from there on by transformed
        rejection (Hoermann, 1993). Two words for each uniform number that it takes.

        Args:
            rates: any shape, floating-point.

        Raises:
            OptionError: a negative rate, or one that is not a number.
            DTypeError: the rates are not floating-point.
        """
        dtype = floating(rates.dtype, "poisson")
        if not np.all(rates >= 0):
            raise OptionError("poisson: each rate must be at least 0")
        with self._lock.held:
            uniform = Feed(self)
            counts = [_poisson(rate, uniform) for rate in rates.astype(FLOAT64).ravel().tolist()]
            uniform.close()
        return self._finished(np.array(counts, FLOAT64), rates.shape, dtype)

    # Choices

    def multinomial(self, weights: Array, num_samples: int, replacement: bool = False) -> npt.NDArray[np.int64]:
        """Indices drawn in proportion to weights.

        Without replacement, or for one sample, each weight is divided by an exponential number (two words each) and
        the largest quotients win; else each sample takes two words and is looked up in the cumulative weights.

        Args:
            weights: shape (categories,) or (rows, categories), float32 or float64; they need not add up to 1.
            num_samples: how many to draw in each row.
            replacement: whether an index may be drawn again.

        Returns:
            Shape (num_samples,) or (rows, num_samples).

        Raises:
            OptionError: weights that are negative, infinite, not a number or all zero, or too few to draw from.
            DTypeError: weights that are neither float32 nor float64.
        """
        dtype = floating(weights.dtype, "multinomial")
        _check_multinomial(weights, num_samples, replacement)
        if replacement and num_samples > 1:
            return self._multinomial_with_replacement(weights, num_samples)
        quotients = weights / self.exponential(weights.shape, 1.0, dtype)
        if num_samples == 1:
            return np.asarray(np.argmax(quotients, axis=-1, keepdims=True), np.int64)
        order = np.argsort(-quotients, axis=-1, kind="stable")
        return np.asarray(order[..., :num_samples], np.int64)

    def _multinomial_with_replacement(self, weights: Array, num_samples: int) -> npt.NDArray[np.int64]:
        rows = weights.reshape(-1, weights.shape[-1])
        cumulative = np.cumsum(rows, axis=1, dtype=rows.dtype)
        cumulative /= cumulative[:, -1:].copy()
        draws = self._uniform(len(rows) * num_samples, FLOAT64).reshape(len(rows), num_samples)
        indices = [np.searchsorted(steps, row) for steps, row in zip(cumulative, draws, strict=True)]
        return np.array(indices, INT64).reshape(*weights.shape[:-1], num_samples)


class Feed(Iterator[float]):
    """Uniform numbers of double precision one by one, drawn ahead from a copy of the engine."""

    _BLOCK = 1024

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._ahead = draws._engine.copy()
        self._numbers: Iterator[float] = iter(())
        self._taken = 0

    def __next__(self) -> float:
        self._taken += 1
        for number in self._numbers:
            return number
        words = self._ahead.raw64(self._BLOCK) & np.uint64(2**53 - 1)
        self._numbers = iter((words.astype(FLOAT64) * 2.0**-53).tolist())
        return next(self._numbers)

    def close(self) -> None:
        """Take from the engine what was used."""
        self._draws.raw64(self._taken)


def _poisson(rate: float, uniform: Iterator[float]) -> float:
    if rate == 0:
        return 0
    if rate >= 10:
        return _poisson_by_rejection(rate, uniform)
    limit, product, count = math.exp(-rate), next(uniform), 0
    while product > limit:
        product *= next(uniform)
        count += 1
    return count


def _poisson_by_rejection(rate: float, uniform: Iterator[float]) -> float:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    sure = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = next(uniform) - 0.5, next(uniform)
        distance = 0.5 - abs(u)
        count = math.floor((2 * a / distance + b) * u + rate + 0.43) if distance else -1
        if distance >= 0.07 and v <= sure:
            return count
        if count < 0 or (distance < 0.013 and v > distance):
            continue
        accepted = math.log(v) + math.log(inverse_alpha) - math.log(a / (distance * distance) + b) if v else -math.inf
        if accepted <= -rate + count * math.log(rate) - math.lgamma(count + 1):
            return count


def _exponential(x: float) -> float:
    return math.exp(x) if x < 709.78 else math.inf


def _exactly(function: Callable[[float], float], vectorized: Callable[[Array], Array], x: Array, dtype: Any) -> Array:
    """A function as the C library rounds it: where the result is rounded to fewer digits, NumPy's does as well."""
    if dtype != FLOAT64:
        return np.asarray(vectorized(x))
    return np.fromiter(map(function, x.tolist()), FLOAT64, len(x))


def _check_multinomial(weights: Array, num_samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise OptionError(f"multinomial: the weights must have 1 or 2 dimensions, not {weights.ndim}")
    if num_samples <= 0:
        raise OptionError(f"multinomial: the number of samples must be above 0, but it is {num_samples}")
    categories = weights.shape[-1]
    if not replacement and num_samples > categories:
        raise OptionError(f"multinomial: {num_samples} samples without replacement from {categories} categories")
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise OptionError("multinomial: a weight is infinite, not a number, or below 0")
    if not np.all(weights.sum(axis=-1) > 0):
        raise OptionError("multinomial: the weights of a row add up to 0")
