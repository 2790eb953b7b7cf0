"""The Mersenne Twister MT19937, the engine of PyTorch's CPU generator, with its state in PyTorch's layout.

The numbers come from `numpy.random.RandomState`, whose stream NumPy has promised never to change.

Source: M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudorandom
number generator", ACM TOMACS 8 (1998).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core.errors import OptionError

WORDS: Final = 624

# The bytes of torch.get_rng_state(), field by field (C alignment, little endian).
STATE_LAYOUT: Final = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "normal", "streams", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", WORDS), "<f8", "<u8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5032, 5040],
        "itemsize": 5056,
    }
)


class MersenneTwister:
    """A stream of 32-bit words.

    Args:
        seed: 64 bits, of which the engine uses the low 32, as PyTorch's does.

    Example:
        >>> MersenneTwister(0).raw(3).tolist()
        [2357136044, 2546248239, 3071714933]
    """

    __slots__ = ("_seed", "_opened", "_fresh")

    def __init__(self, seed: int) -> None:
        self._seed = seed & 0xFFFFFFFF
        self._opened: np.random.RandomState | None = None
        self._fresh = True

    @property
    def _stream(self) -> np.random.RandomState:
        # Opened on first use, and reached through NumPy's lazy attribute: to import numpy.random takes 20 ms.
        if self._opened is None:
            self._opened = np.random.RandomState(self._seed)
        return self._opened

    def copy(self) -> MersenneTwister:
        """Another engine at the same place."""
        other = MersenneTwister(self._seed)
        other._stream.set_state(self._stream.get_state(legacy=False))
        other._fresh = self._fresh
        return other

    def raw(self, count: int) -> npt.NDArray[np.uint32]:
        """The next `count` words of the stream."""
        self._fresh = self._fresh and count == 0
        return self._stream.randint(0, 1 << 32, size=count, dtype=np.uint32)

    def raw64(self, count: int) -> npt.NDArray[np.uint64]:
        """The next `count` numbers of 64 bits, each made of two words, the high half first."""
        words = self.raw(2 * count).astype(np.uint64)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def write_state(self, record: Any) -> None:
        """Fill the engine's fields of one record of `STATE_LAYOUT`."""
        state: Any = self._stream.get_state(legacy=False)["state"]
        words, position = state["key"], int(state["pos"])
        # PyTorch's engine counts down what is left of the block and remakes the block when one is left.
        record["next"] = 0 if self._fresh else position
        record["left"] = WORDS + 1 - position if position < WORDS else 1
        record["seeded"] = 1
        record["words"] = words

    def read_state(self, record: Any) -> None:
        """Continue from the engine's fields of one record of `STATE_LAYOUT`.

        Raises:
            OptionError: the fields are not those of an engine.
        """
        left, position = int(record["left"]), int(record["next"])
        if not 1 <= left <= WORDS or (left > 1 and left + position != WORDS + 1):
            raise OptionError(f"the random state is damaged: {left} words left at position {position}")
        words = record["words"].astype(np.uint32)
        self._stream.set_state(("MT19937", words, WORDS if left == 1 else position, 0, 0.0))
        self._fresh = left == 1 and position == 0
