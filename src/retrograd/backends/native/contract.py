"""What kernels, program tables, the driver and the pool of threads agree on.

A kernel is `void kernel(ptr args, i64 tile, ptr scratch)`:

- `args` is an array of 64-bit words: pointers, extents, strides, whatever the kernel's generator put there;
- `tile` is one of `0 .. tiles - 1`; the tiles of a launch run in any order, on any threads, at the same time;
- `scratch` is `SCRATCH_BYTES` of memory that belongs to the running thread, aligned to `SCRATCH_ALIGNMENT`; what it
  holds when a tile begins is undefined.

A program is a table of phases in order; a phase is a set of launches that do not depend on one another. Every tile of
a phase ends before the next phase begins. A mark behind the last phase of a loop leads back to its first one, and moves
argument words on, so often as the loop has steps. The enumerations below number the words of the records in memory.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from retrograd.backends.native.ir import I64, PTR

SCRATCH_BYTES = 4 << 20
SCRATCH_ALIGNMENT = 64
KERNEL_PARAMETERS = (("args", PTR), ("tile", I64), ("scratch", PTR))

WORD_BYTES = 8
# Two lines of 64 bytes: x86 prefetches lines in pairs, and some ARM cores have lines of 128 bytes.
CACHE_LINE_WORDS = 16

# The cursor holds (sequence number of the open phase, tiles of it that nobody has claimed).
TILE_BITS = 24
MAX_TILES = (1 << TILE_BITS) - 1


class ProgramWord(IntEnum):
    """The header of a program table."""

    PHASES = 0
    PHASE_COUNT = 1  # how many phases a run goes through, those of loops once for each step
    RELOCATIONS = 2
    RELOCATION_COUNT = 3
    VARYING_COUNT = 4  # how many relocations, the first ones, change from step to step
    SERIAL = 5
    TIMED = 6


class PhaseWord(IntEnum):
    """A phase. After the last one stands a phase without tiles; the end of a loop has `LOOP_END` tiles."""

    LAUNCHES = 0  # at the end of a loop: the loop
    TILES = 1


class LoopWord(IntEnum):
    """A loop of phases."""

    FIRST = 0  # its first phase
    COUNT = 1
    DONE = 2  # how many steps are over; 0 before and after a run
    MOVES = 3
    MOVE_COUNT = 4


class MoveWord(IntEnum):
    """An argument word that a loop moves on after each step but the last, and back after that."""

    TARGET = 0
    STRIDE = 1
    SIGN = 2  # -1: the stride turns around each time


class LaunchWord(IntEnum):
    """A launch: one line of 64 bytes. Its tiles are `FIRST .. END - 1` of its phase."""

    KERNEL = 0
    ARGS = 1
    FIRST = 2
    END = 3
    NANOSECONDS = 4  # all tiles of all runs together; only counted when the program is timed


class RelocationWord(IntEnum):
    """A relocation; after it stand its terms, each an external's number and a multiplier."""

    TARGET = 0
    CONSTANT = 1
    TERM_COUNT = 2


class PoolWord(IntEnum):
    """The state that threads share. Words written at different moments by different threads lie on different lines."""

    CURSOR = 0
    UNFINISHED = 1 * CACHE_LINE_WORDS
    PHASE = 2 * CACHE_LINE_WORDS
    TIMED = PHASE + 1
    WAKE = 3 * CACHE_LINE_WORDS
    SLEEPERS = WAKE + 1
    SHUTDOWN = WAKE + 2
    STOP = 4 * CACHE_LINE_WORDS
    DONE = STOP + 1
    RUNS = STOP + 2  # how many calls of `run` are over
    WORKERS = 5 * CACHE_LINE_WORDS
    SCRATCH = WORKERS + 1


POOL_WORDS = 6 * CACHE_LINE_WORDS
PROGRAM_WORDS = CACHE_LINE_WORDS
PHASE_WORDS = 2
LOOP_END = -1
LOOP_WORDS = 5
MOVE_WORDS = 3
LAUNCH_WORDS = 8
RELOCATION_WORDS = 3
TERM_WORDS = 2


def aligned_words(count: int) -> NDArray[np.int64]:
    """`count` zeroed words that begin on a cache line."""
    block = np.zeros(count + CACHE_LINE_WORDS, np.int64)
    skip = -block.ctypes.data // WORD_BYTES % CACHE_LINE_WORDS
    return block[skip : skip + count]
