"""Threefry-2x32, a counter-based random generator: a bijection of counters that looks like noise, chosen by a key.

There is no state to advance: the bits at a position are computed from the position, on any thread, in any order. The
derivation of keys and the choice of bits are those of JAX (`jax.random.fold_in` and `jax.random.bits` with 32 bits),
so that a seed and a stream name the same bits there.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

ROUNDS: Final = 20
ROTATIONS: Final = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY: Final = 0x1BD11BDA

Words = npt.NDArray[np.uint32]


def threefry(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Words, Words]:
    """The two words at a counter.

    Args:
        key, counter: pairs of uint32 words, high before low; their shapes broadcast.

    Example:
        >>> [hex(word) for word in threefry((np.uint32(0), np.uint32(0)), (np.uint32(0), np.uint32(0)))]
        ['0x6b200159', '0x99ba4efe']
    """
    k0, k1 = (np.asarray(word, np.uint32) for word in key)
    schedule = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
    with np.errstate(over="ignore"):
        x0, x1 = np.asarray(counter[0], np.uint32) + k0, np.asarray(counter[1], np.uint32) + k1
        for done in range(1, ROUNDS + 1):
            turn = ROTATIONS[(done - 1) % len(ROTATIONS)]
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(turn)) | (x1 >> np.uint32(32 - turn))) ^ x0
            if done % 4 == 0:
                injection = done // 4
                x0 = x0 + schedule[injection % 3]
                x1 = x1 + (schedule[(injection + 1) % 3] + np.uint32(injection))
    return x0, x1


def halves(numbers: Any) -> tuple[Words, Words]:
    """The high and the low words of 64-bit integers."""
    whole = np.asarray(numbers).astype(np.int64).view(np.uint64)
    return (whole >> np.uint64(32)).astype(np.uint32), whole.astype(np.uint32)


def derive_key(seed: Any, stream: Any) -> npt.NDArray[np.int64]:
    """The key of a stream of a seed: 64 bits, as int64."""
    high, low = threefry(halves(seed), halves(stream))
    return np.asarray((high.astype(np.uint64) << np.uint64(32) | low).view(np.int64))


def bits_at(key: Any, position: Any) -> npt.NDArray[np.int32]:
    """32 random bits at each position of a key's stream, as int32."""
    x0, x1 = threefry(halves(key), halves(position))
    return np.asarray((x0 ^ x1).view(np.int32))
