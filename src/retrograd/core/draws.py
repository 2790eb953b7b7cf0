"""Draws: words of the Mersenne Twister, and uniform, normal and whole numbers made of them as PyTorch makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ml_dtypes
import numpy as np
import numpy.typing as npt

from retrograd.core import box_muller
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import from_numpy_dtype
from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.fma import fma32, fma64
from retrograd.core.fork import ForkSafeLock
from retrograd.core.mersenne import MersenneTwister
from retrograd.core.types import Shape, tensor_type

Array = npt.NDArray[Any]

FLOAT32: Final = np.dtype(np.float32)
FLOAT64: Final = np.dtype(np.float64)
INT64: Final = np.dtype(np.int64)
# From this many numbers on PyTorch draws 64 bits, so that the remainder is not skewed.
_ONE_WORD_SPAN: Final = 1 << 28
# What is made of uniform numbers is made of so many at a time, a multiple of Box and Muller's block: they stay in the
# processor's cache, and take little memory beside the result.
_PART: Final = 1 << 14
# From this many elements on PyTorch permutes by another algorithm.
_RANDPERM_LIMIT: Final = (2**32 - 1) // 20


class Draws:
    """A stream of words, and what is made of them."""

    _engine: MersenneTwister
    _spare_normal: float | None

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._words_drawn = 0

    # Words

    def raw(self, count: int) -> npt.NDArray[np.uint32]:
        """The next `count` words of the engine."""
        with self._lock.held:
            self._words_drawn += count
            return self._engine.raw(count)

    def raw64(self, count: int) -> npt.NDArray[np.uint64]:
        """The next `count` numbers of 64 bits; two words each, the high half first."""
        with self._lock.held:
            self._words_drawn += 2 * count
            return self._engine.raw64(count)

    def random_seed(self) -> int:
        """A seed of 63 bits for another generator; two words.

        A DataLoader draws one for its workers, and one more for its sampler when it shuffles.
        """
        return int(self.raw64(1)[0] & np.uint64(2**63 - 1))

    # Uniform numbers

    def rand(self, shape: Shape, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """Uniform on [0, 1); two words an element in float64, else one.

        Args:
            shape: of the result.
            dtype: of floating-point numbers; those of 16 bits are rounded from float32.

        Raises:
            DTypeError: another dtype.
        """
        dtype = floating(dtype, "rand")
        result = _room(shape, dtype)
        self._fill(result.reshape(-1), lambda numbers: _within(numbers, 0.0, 1.0, dtype))
        return result

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """Uniform on [low, high); words as in `rand`.

        Raises:
            OptionError: `low` is above `high`.
            DTypeError: the dtype is not floating-point.
        """
        dtype = floating(dtype, "uniform")
        if not low <= high:
            raise OptionError(f"uniform: low must not be above high, but low is {low} and high is {high}")
        exact = precision(dtype)
        start, end = exact.type(low), exact.type(high)
        fused = fma32 if exact == FLOAT32 else fma64
        result = _room(shape, dtype)
        self._fill(result.reshape(-1), lambda numbers: _within(fused(numbers, end - start, start), low, high, dtype))
        return result

    # Normal numbers

    def randn(self, shape: Shape, dtype: npt.DTypeLike = FLOAT32) -> Array:
        """Normal with mean 0 and standard deviation 1; see `normal`."""
        return self.normal(shape, 0.0, 1.0, dtype)

    def normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: npt.DTypeLike = FLOAT32,
        one_by_one: bool = False,
    ) -> Array:
        """Normal numbers.

        From 16 elements on, they are made in blocks of 16 from as many uniform numbers, and an incomplete last block
        is made anew from 16 further ones. Fewer are made in pairs of double precision, of which the second may be
        kept for the next call.

        Args:
            shape: of the result.
            mean, std: of the distribution.
            dtype: of floating-point numbers; those of 16 bits are rounded from float32.
            one_by_one: make them in pairs however many there are, as PyTorch does where memory is not contiguous.

        Raises:
            OptionError: `std` is negative.
            DTypeError: another dtype.
        """
        dtype = floating(dtype, "normal")
        if not std >= 0.0:
            raise OptionError(f"normal: std must not be negative, but it is {std}")
        size = size_of(shape)
        if one_by_one or size < box_muller.BLOCK:
            return self._few_normal(size, mean, std).astype(precision(dtype)).astype(dtype, copy=False).reshape(shape)
        return self._many_normal(shape, mean, std, dtype).astype(dtype, copy=False)

    # Integers

    def randint(self, low: int, high: int, shape: Shape, dtype: npt.DTypeLike = INT64) -> Array:
        """Integers from `low` to `high - 1`; one word an element, two where the range has 2**28 numbers or more.

        Raises:
            OptionError: the range is empty or leaves the dtype.
        """
        dtype = np.dtype(dtype)
        if not low < high:
            raise OptionError(f"randint: low must be below high, but low is {low} and high is {high}")
        limits = np.iinfo(dtype) if dtype.kind in "iu" else None
        if limits is not None and not (limits.min <= low and high - 1 <= limits.max):
            raise OptionError(f"randint: the numbers from {low} to {high - 1} do not all fit {dtype}")
        span, size = high - low, size_of(shape)
        words = self.raw(size).astype(np.uint64) if span < _ONE_WORD_SPAN else self.raw64(size)
        offsets = words % np.uint64(span) if span < 1 << 64 else words
        # Adding in 64 bits wraps around as PyTorch's addition does.
        values = offsets + np.uint64(low % (1 << 64))
        return values.astype(INT64).astype(dtype).reshape(shape)

    def random(self, shape: Shape, dtype: npt.DTypeLike = INT64) -> Array:
        """Integers from 0 to the largest that the dtype holds exactly, PyTorch's `Tensor.random_()`.

        Two words an element in int64 and float64, else one.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return (self.raw(size_of(shape)) & np.uint32(1)).astype(dtype).reshape(shape)
        mantissa: Callable[[Any], Any] = ml_dtypes.finfo
        largest = int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1 << (mantissa(dtype).nmant + 1)
        size = size_of(shape)
        words = self.raw64(size) if dtype.itemsize == 8 else self.raw(size).astype(np.uint64)
        return (words % np.uint64(largest + 1)).astype(dtype).reshape(shape)

    def randperm(self, n: int) -> npt.NDArray[np.int64]:
        """A random order of the numbers from 0 to `n - 1` (Fisher and Yates); n - 1 words.

        Raises:
            OptionError: `n` is negative, or past the 214,748,364 up to which PyTorch uses this algorithm.
        """
        if not 0 <= n < _RANDPERM_LIMIT:
            raise OptionError(f"randperm: n must be from 0 to {_RANDPERM_LIMIT - 1}, but it is {n}")
        order = list(range(n))
        steps = np.arange(max(n - 1, 0))
        partners = steps + self.raw(len(steps)) % (n - steps)
        for place, partner in enumerate(partners.tolist()):
            order[place], order[partner] = order[partner], order[place]
        return np.array(order, np.int64)

    # How the parts are drawn

    def _fill(self, result: Array, make: Callable[[Array], Array]) -> None:
        """Write what `make` makes of as many uniform numbers, one of each."""
        exact = precision(result.dtype)
        with self._lock.held:
            for start in range(0, len(result), _PART):
                part = result[start : start + _PART]
                part[:] = make(self._uniform(len(part), exact))

    def _uniform(self, size: int, dtype: np.dtype[Any]) -> Array:
        """As many random bits as the dtype has digits, over 2 to that power: exact, and never 1."""
        if dtype == FLOAT32:
            return (self.raw(size) & np.uint32(2**24 - 1)).astype(FLOAT32) * np.float32(2.0**-24)
        return (self.raw64(size) & np.uint64(2**53 - 1)).astype(FLOAT64) * 2.0**-53

    def _few_normal(self, size: int, mean: float, std: float) -> npt.NDArray[np.float64]:
        values: list[float] = []
        with self._lock.held:
            while len(values) < size:
                if self._spare_normal is None:
                    first, second = self._uniform(2, FLOAT64).tolist()
                    deviate, self._spare_normal = box_muller.pair(first, second)
                else:
                    deviate, self._spare_normal = self._spare_normal, None
                values.append(deviate)
        return fma64(np.array(values, FLOAT64), std, mean)

    def _many_normal(self, shape: Shape, mean: float, std: float, dtype: np.dtype[Any]) -> Array:
        block, exact = box_muller.BLOCK, precision(dtype)
        result = _room(shape, exact)
        flat = result.reshape(-1)
        whole, rest = len(flat) // block * block, len(flat) % block
        # Of 16 bits PyTorch does not draw the incomplete block before it draws the last one anew.
        left_out = 0 if dtype.itemsize == 2 else rest
        make = box_muller.blocks_float32 if exact == FLOAT32 else box_muller.blocks_float64
        with self._lock.held:
            self._fill(flat[:whole], lambda numbers: make(numbers, mean, std))
            if rest:
                self._uniform(left_out, exact)
                flat[-block:] = make(self._uniform(block, exact), mean, std)
        return result


def _room(shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array to be filled, in the memory of a buffer: a tensor can take it over as it is."""
    size_of(shape)
    found = from_numpy_dtype(dtype)
    assert found is not None
    return Buffer(tensor_type(tuple(shape), found)).array()


def _within(values: Array, low: float, high: float, dtype: np.dtype[Any]) -> Array:
    """Numbers rounded to a dtype; those that rounding has brought to the end are at the start, as in PyTorch."""
    rounded = values.astype(dtype, copy=False)
    reached = rounded >= dtype.type(high)
    return np.where(reached, dtype.type(low), rounded) if reached.any() else rounded


def size_of(shape: Shape) -> int:
    """How many elements there are.

    Raises:
        OptionError: a negative extent.
    """
    size = 1
    for extent in shape:
        if extent < 0:
            raise OptionError(f"a shape must not have a negative extent, but this one is {shape}")
        size *= extent
    return size


def floating(dtype: npt.DTypeLike, operation: str) -> np.dtype[Any]:
    """The NumPy dtype, which must be one of floating-point numbers.

    Raises:
        DTypeError: it is another one.
    """
    found = np.dtype(dtype)
    known = from_numpy_dtype(found)
    if known is None or not known.is_floating_point:
        raise DTypeError(f"{operation}: takes floating-point numbers, not {found}")
    return found


def precision(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which numbers of a dtype are made: numbers of 16 bits are float32 first."""
    return FLOAT32 if dtype.itemsize == 2 else dtype
