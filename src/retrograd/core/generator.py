"""PyTorch's CPU random stream: the same seed gives the same numbers, bit for bit, drawn in the same order.

Every distribution below says how many words of the Mersenne Twister an element takes, because that is what keeps two
programs in step. What differs from PyTorch: on Intel processors PyTorch draws `bernoulli_(p)`, dropout and
`exponential_` from a stream of MKL; here every processor follows the stream that PyTorch has on all others.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core import box_muller
from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.fma import fma32, fma64
from retrograd.core.mersenne import STATE_LAYOUT, MersenneTwister
from retrograd.core.types import Shape

Array = npt.NDArray[Any]

DEFAULT_SEED: Final = 67280421310721
_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
_INT64: Final = np.dtype(np.int64)
# From this many numbers on PyTorch draws 64 bits, so that the remainder is not skewed.
_ONE_WORD_SPAN: Final = 1 << 28
# From this many elements on PyTorch permutes by another algorithm.
_RANDPERM_LIMIT: Final = (2**32 - 1) // 20


class Generator:
    """A source of random numbers with its own position in its own stream; PyTorch's `torch.Generator` for the CPU.

    All methods draw NumPy arrays. A generator may be used from several threads; each call draws a contiguous stretch.

    Args:
        seed: where the stream begins, from -2**63 to 2**64 - 1.

    Example:
        >>> generator = Generator(0)
        >>> generator.rand((3,))
        array([0.4962566 , 0.7682218 , 0.08847743], dtype=float32)
        >>> generator.randperm(5).tolist()
        [0, 4, 2, 1, 3]

    Source: PyTorch's `aten/src/ATen/core/DistributionsHelper.h` and `aten/src/ATen/native/cpu/DistributionTemplates.h`.
    """

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._lock = threading.RLock()
        self._words_drawn = 0
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of `seed`; a negative seed counts from 2**64, as in PyTorch.

        Returns:
            This generator.

        Raises:
            OptionError: the seed has more than 64 bits.
        """
        seed = int(seed)
        if not -(1 << 63) <= seed < (1 << 64):
            raise OptionError(f"the seed {seed} has more than 64 bits: take one from -2**63 to 2**64 - 1")
        with self._lock:
            self._seed = seed % (1 << 64)
            self._engine = MersenneTwister(self._seed)
            self._spare_normal: float | None = None
        return self

    def seed(self) -> int:
        """Begin a stream that nobody can foresee, and say which."""
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed with which the current stream began."""
        return self._seed

    # State

    def get_state(self) -> npt.NDArray[np.uint8]:
        """The position in the stream: 5056 bytes, the same that `torch.get_rng_state()` has."""
        record = np.zeros((), STATE_LAYOUT)
        with self._lock:
            self._engine.write_state(record)
            record["seed"] = self._seed
            record["has_normal"] = self._spare_normal is not None
            record["normal"] = self._spare_normal or 0.0
        return np.frombuffer(record.tobytes(), np.uint8).copy()

    def set_state(self, state: npt.ArrayLike) -> Generator:
        """Continue from a position that `get_state` (or PyTorch's) gave.

        Returns:
            This generator.

        Raises:
            OptionError: these are not 5056 bytes, or not those of a state.
        """
        data = np.asarray(state)
        if data.dtype != np.uint8 or data.size != STATE_LAYOUT.itemsize:
            raise OptionError(
                f"a random state is {STATE_LAYOUT.itemsize} elements of uint8, not {data.size} of {data.dtype}"
            )
        record = np.frombuffer(data.tobytes(), STATE_LAYOUT)[0]
        engine = MersenneTwister(0)
        engine.read_state(record)
        with self._lock:
            self._engine = engine
            self._seed = int(record["seed"])
            self._spare_normal = float(record["normal"]) if record["has_normal"] else None
        return self

    def clone_state(self) -> Generator:
        """A new generator at the same position."""
        return Generator().set_state(self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_state, (self.get_state(),)

    @property
    def draws(self) -> tuple[int, float | None]:
        """What changes with every draw: cheaper to compare than states."""
        return self._words_drawn, self._spare_normal

    # Words

    def raw(self, count: int) -> npt.NDArray[np.uint32]:
        """The next `count` words of the engine."""
        with self._lock:
            self._words_drawn += count
            return self._engine.raw(count)

    def raw64(self, count: int) -> npt.NDArray[np.uint64]:
        """The next `count` numbers of 64 bits; two words each, the high half first."""
        with self._lock:
            self._words_drawn += 2 * count
            return self._engine.raw64(count)

    def random_seed(self) -> int:
        """A seed of 63 bits for another generator; two words.

        A DataLoader draws one for its workers, and one more for its sampler when it shuffles.
        """
        return int(self.raw64(1)[0] & np.uint64(2**63 - 1))

    # Uniform numbers

    def rand(self, shape: Shape, dtype: npt.DTypeLike = _FLOAT32) -> Array:
        """Uniform on [0, 1); one word an element in float32, two in float64.

        Args:
            shape: of the result.
            dtype: float32 or float64.

        Raises:
            DTypeError: another dtype.
        """
        dtype = _floating(dtype, "rand")
        return self._uniform(_size(shape), dtype).reshape(shape)

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike = _FLOAT32) -> Array:
        """Uniform on [low, high); words as in `rand`.

        Raises:
            OptionError: `low` is above `high`.
            DTypeError: the dtype is not float32 or float64.
        """
        dtype = _floating(dtype, "uniform")
        if not low <= high:
            raise OptionError(f"uniform: low must not be above high, but low is {low} and high is {high}")
        start, end = dtype.type(low), dtype.type(high)
        fused = fma32 if dtype == _FLOAT32 else fma64
        return fused(self.rand(shape, dtype), end - start, start)

    def exponential(self, shape: Shape, rate: float = 1.0, dtype: npt.DTypeLike = _FLOAT32) -> Array:
        """Exponential with the given rate (PyTorch's `lambd`); two words an element in every dtype.

        Raises:
            OptionError: the rate is not positive.
            DTypeError: the dtype is not float32 or float64.
        """
        dtype = _floating(dtype, "exponential")
        if not rate > 0.0:
            raise OptionError(f"exponential: the rate must be above 0, but it is {rate}")
        uniform = self._uniform(_size(shape), _FLOAT64)
        return (-1.0 / rate * np.log1p(-uniform)).astype(dtype).reshape(shape)

    # Normal numbers

    def randn(self, shape: Shape, dtype: npt.DTypeLike = _FLOAT32) -> Array:
        """Normal with mean 0 and standard deviation 1; see `normal`."""
        return self.normal(shape, 0.0, 1.0, dtype)

    def normal(self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: npt.DTypeLike = _FLOAT32) -> Array:
        """Normal numbers.

        From 16 elements on, they are made in blocks of 16 from as many uniform numbers, and an incomplete last block
        is made anew from 16 further ones. Fewer are made in pairs of double precision, of which the second may be
        kept for the next call.

        Args:
            shape: of the result.
            mean, std: of the distribution.
            dtype: float32 or float64.

        Raises:
            OptionError: `std` is negative.
            DTypeError: another dtype.
        """
        dtype = _floating(dtype, "normal")
        if not std >= 0.0:
            raise OptionError(f"normal: std must not be negative, but it is {std}")
        size = _size(shape)
        if size < box_muller.BLOCK:
            flat = self._few_normal(size, mean, std).astype(dtype)
        else:
            flat = self._many_normal(size, mean, std, dtype)
        return flat.reshape(shape)

    # Integers and choices

    def randint(self, low: int, high: int, shape: Shape, dtype: npt.DTypeLike = _INT64) -> Array:
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
        span, size = high - low, _size(shape)
        words = self.raw(size).astype(np.uint64) if span < _ONE_WORD_SPAN else self.raw64(size)
        offsets = words % np.uint64(span) if span < 1 << 64 else words
        # Adding in 64 bits wraps around as PyTorch's addition does.
        values = offsets + np.uint64(low % (1 << 64))
        return values.astype(_INT64).astype(dtype).reshape(shape)

    def random(self, shape: Shape, dtype: npt.DTypeLike = _INT64) -> Array:
        """Integers from 0 to the largest that the dtype holds exactly, PyTorch's `Tensor.random_()`.

        Two words an element in int64 and float64, else one.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return (self.raw(_size(shape)) & np.uint32(1)).astype(dtype).reshape(shape)
        largest = 1 << (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else np.iinfo(dtype).max
        size = _size(shape)
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
        dtype = _floating(p.dtype, "bernoulli") if isinstance(p, np.ndarray) else _FLOAT64
        shape = chances.shape if shape is None else shape
        return np.asarray(self._uniform(_size(shape), dtype).reshape(shape) < chances)

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
        dtype = _floating(weights.dtype, "multinomial")
        _check_multinomial(weights, num_samples, replacement)
        if replacement and num_samples > 1:
            return self._multinomial_with_replacement(weights, num_samples)
        quotients = weights / self.exponential(weights.shape, 1.0, dtype)
        if num_samples == 1:
            return np.asarray(np.argmax(quotients, axis=-1, keepdims=True), np.int64)
        order = np.argsort(-quotients, axis=-1, kind="stable")
        return np.asarray(order[..., :num_samples], np.int64)

    # How the parts are drawn

    def _uniform(self, size: int, dtype: np.dtype[Any]) -> Array:
        """As many random bits as the dtype has digits, over 2 to that power: exact, and never 1."""
        if dtype == _FLOAT32:
            return (self.raw(size) & np.uint32(2**24 - 1)).astype(_FLOAT32) * np.float32(2.0**-24)
        return (self.raw64(size) & np.uint64(2**53 - 1)).astype(_FLOAT64) * 2.0**-53

    def _few_normal(self, size: int, mean: float, std: float) -> npt.NDArray[np.float64]:
        values: list[float] = []
        with self._lock:
            while len(values) < size:
                if self._spare_normal is None:
                    first, second = self._uniform(2, _FLOAT64).tolist()
                    deviate, self._spare_normal = box_muller.pair(first, second)
                else:
                    deviate, self._spare_normal = self._spare_normal, None
                values.append(deviate * std + mean)
        return np.array(values, _FLOAT64)

    def _many_normal(self, size: int, mean: float, std: float, dtype: np.dtype[Any]) -> Array:
        block = box_muller.BLOCK
        whole, rest = size // block * block, size % block
        uniform = self._uniform(size + (block if rest else 0), dtype)
        fill = box_muller.blocks_float32 if dtype == _FLOAT32 else box_muller.blocks_float64
        result = np.empty(size, dtype)
        result[:whole] = fill(uniform[:whole], mean, std)
        if rest:
            result[size - block :] = fill(uniform[size:], mean, std)
        return result

    def _multinomial_with_replacement(self, weights: Array, num_samples: int) -> npt.NDArray[np.int64]:
        rows = weights.reshape(-1, weights.shape[-1])
        cumulative = np.cumsum(rows, axis=1, dtype=rows.dtype)
        cumulative /= cumulative[:, -1:].copy()
        draws = self._uniform(len(rows) * num_samples, _FLOAT64).reshape(len(rows), num_samples)
        indices = [np.searchsorted(steps, row) for steps, row in zip(cumulative, draws, strict=True)]
        return np.array(indices, _INT64).reshape(*weights.shape[:-1], num_samples)


def _size(shape: Shape) -> int:
    size = 1
    for extent in shape:
        if extent < 0:
            raise OptionError(f"a shape must not have a negative extent, but this one is {shape}")
        size *= extent
    return size


def _floating(dtype: npt.DTypeLike, operation: str) -> np.dtype[Any]:
    found = np.dtype(dtype)
    if found not in (_FLOAT32, _FLOAT64):
        raise DTypeError(f"{operation}: takes float32 or float64, not {found}")
    return found


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


def _from_state(state: npt.NDArray[np.uint8]) -> Generator:
    return Generator().set_state(state)


default_generator: Final = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Begin the default generator's stream of `seed`; PyTorch's `torch.manual_seed`.

    Example:
        >>> manual_seed(0).rand((1,))
        array([0.4962566], dtype=float32)
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Begin an unforeseeable stream of the default generator, and say which; PyTorch's `torch.seed`."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed with which the default generator's stream began; PyTorch's `torch.initial_seed`."""
    return default_generator.initial_seed()


def get_rng_state() -> npt.NDArray[np.uint8]:
    """The default generator's position: 5056 bytes; PyTorch's `torch.get_rng_state`."""
    return default_generator.get_state()


def set_rng_state(state: npt.ArrayLike) -> None:
    """Continue the default generator from a position; PyTorch's `torch.set_rng_state`."""
    default_generator.set_state(state)
