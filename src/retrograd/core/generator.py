"""PyTorch's CPU random stream: the same seed gives the same numbers, bit for bit, drawn in the same order.

Every distribution below says how many words of the Mersenne Twister an element takes, because that is what keeps two
programs in step. What differs from PyTorch: on Intel processors PyTorch draws `bernoulli_(p)`, dropout and
`exponential_` from a stream of MKL; here every processor follows the stream that PyTorch has on all others.
"""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core.distributions import Distributions
from retrograd.core.errors import OptionError
from retrograd.core.mersenne import STATE_LAYOUT, MersenneTwister

DEFAULT_SEED: Final = 67280421310721


class Generator(Distributions):
    """A source of random numbers with its own position in its own stream; PyTorch's `torch.Generator` for the CPU.

    All methods draw NumPy arrays; `core/draws.py` and `core/distributions.py` have them. A generator may be used from
    several threads; each call draws a contiguous stretch.

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
        super().__init__()
        self._times_seeded = 0
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of `seed`; a negative seed counts from 2**64, as in PyTorch.

        Returns:
            This generator.

        Raises:
            OptionError: the seed is no whole number, or has more than 64 bits.
        """
        try:
            seed = int(seed)
        except (TypeError, ValueError, OverflowError) as error:
            raise OptionError(f"manual_seed: a seed is a whole number, not {seed!r}") from error
        if not -(1 << 63) <= seed < (1 << 64):
            raise OptionError(f"the seed {seed} has more than 64 bits: take one from -2**63 to 2**64 - 1")
        with self._lock.held:
            self._seed = seed % (1 << 64)
            self._engine = MersenneTwister(self._seed)
            self._spare_normal = None
            self._streams = 0
            self._times_seeded += 1
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
        """The position in the stream: 5056 bytes, the same that `torch.get_rng_state()` has.

        How many streams of counter-based bits were taken stands in a field that PyTorch leaves 0.
        """
        record = np.zeros((), STATE_LAYOUT)
        with self._lock.held:
            self._engine.write_state(record)
            record["seed"] = self._seed
            record["has_normal"] = self._spare_normal is not None
            record["normal"] = self._spare_normal or 0.0
            record["streams"] = self._streams
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
        with self._lock.held:
            self._engine = engine
            self._seed = int(record["seed"])
            self._spare_normal = float(record["normal"]) if record["has_normal"] else None
            self._streams = int(record["streams"])
            self._times_seeded += 1
        return self

    def clone_state(self) -> Generator:
        """A new generator at the same position."""
        return Generator().set_state(self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_state, (self.get_state(),)

    @property
    def words_drawn(self) -> tuple[int, float | None, int]:
        """What changes with every draw of words and every new seed: cheaper to compare than states."""
        return self._words_drawn, self._spare_normal, self._times_seeded

    @property
    def draws(self) -> tuple[object, ...]:
        """What changes with every draw of any kind."""
        return *self.words_drawn, self._streams

    # Streams of counter-based bits

    @property
    def streams(self) -> int:
        """How many streams were taken since the seed was set."""
        return self._streams

    def take_stream(self, count: int = 1) -> int:
        """The number of a stream that nobody else has; of the first of `count` such streams."""
        with self._lock.held:
            self._streams += count
            return self._streams - count


def _from_state(state: npt.NDArray[np.uint8]) -> Generator:
    return Generator().set_state(state)


default_generator: Final = Generator()
default_generator.seed()
