"""The pool: the threads that run programs.

Workers are Python threads that enter the driver once and stay there without the interpreter's lock until the pool
shuts down. The thread that calls `run` works as well, so a pool of one thread has no workers.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograd.backends.native.cache import kernel_cache
from retrograd.backends.native.compiler import host
from retrograd.backends.native.contract import POOL_WORDS, WORD_BYTES, PoolWord, aligned_words
from retrograd.backends.native.cores import default_num_threads
from retrograd.backends.native.driver import driver_text
from retrograd.backends.native.scratch import Scratch
from retrograd.backends.native.table import ProgramTable
from retrograd.core.buffer import allocator
from retrograd.core.interrupt import defer

Words = NDArray[np.int64]

# `run_many` returns to the interpreter about this often, to let Ctrl-C and other signals in.
SLICE_NANOSECONDS = 30_000_000
# A slice has at most this many times the steps of the one before, however quick that was.
SLICE_GROWTH = 16


@dataclass(frozen=True)
class Driver:
    """The driver's entry points. Calls release the interpreter's lock."""

    run: Callable[[int, int, int], None]
    run_many: Callable[[int, int, int, int, int, int], int]
    worker: Callable[[int, int], None]
    wake: Callable[[int], None]


@functools.lru_cache(maxsize=1)
def driver() -> Driver:
    machine = host()
    code = kernel_cache().get("driver", lambda: driver_text(machine.target, machine.triple))
    pointer, word = ctypes.c_void_p, ctypes.c_int64

    def entry(name: str, returns: type | None, *params: type) -> Any:
        return ctypes.CFUNCTYPE(returns, *params)(code.address(name))

    return Driver(
        run=entry("run", None, pointer, pointer, pointer),
        run_many=entry("run_many", word, pointer, pointer, pointer, pointer, word, word),
        worker=entry("worker", None, pointer, pointer),
        wake=entry("wake", None, pointer),
    )


class Pool:
    """Threads that run program tables, one program at a time.

    Args:
        threads: how many threads run a program, the caller's included; None takes `default_num_threads()`.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._count = _checked(threads) if threads is not None else default_num_threads()
        self._dismiss: weakref.finalize[..., Pool] | None = None
        self._state = aligned_words(POOL_WORDS)
        self._address = int(self._state.ctypes.data)
        self._runs = ctypes.c_int64.from_buffer(self._state, WORD_BYTES * PoolWord.RUNS)  # type: ignore[arg-type]
        _pools.add(self)

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, program: ProgramTable, externals: Words) -> None:
        """Run a program once. Runs from several threads take turns."""
        self.run_at(program.address, checked_externals(program, externals))

    def run_at(self, program: int, externals: int) -> None:
        """The same by addresses: of the program, and of externals that were checked.

        What a signal's handler raises meanwhile waits (`core/interrupt.py`) until the results are noted.
        """
        with _turn:
            if self._dismiss is None or allocator.held_bytes >= self._scratch.enough:
                self._start()
            runs = self._runs.value
            try:
                self._run(self._address, program, externals)
            except BaseException as error:
                # Whatever a signal's handler raises, the driver has told whether the program has run.
                if self._runs.value == runs:
                    raise
                defer(error)

    def run_many(self, program: ProgramTable, externals: Words, increments: Words, count: int) -> int:
        """Run a program `count` times; after each time `externals += increments`.

        Signals are let in every few hundredths of a second, between two steps: when this raises KeyboardInterrupt,
        `steps_done` steps have been done, wholly, and `externals` stands where the next one would begin.

        Returns:
            How many steps were done: fewer than `count` if `stop` was called meanwhile.
        """
        address = checked_externals(program, externals)
        if increments.shape != externals.shape or increments.dtype != np.int64:
            raise ValueError(f"increments must be int64 of shape {externals.shape}")
        with _turn:
            self._start()
            moves = program.moves(increments)
            self._state[PoolWord.STOP] = self._state[PoolWord.DONE] = 0
            size = 1
            while self.steps_done < count:
                size = min(size, count - self.steps_done)
                begin = time.perf_counter_ns()
                ran = driver().run_many(self._address, program.address, address, moves.ctypes.data, len(moves), size)
                if ran < size:
                    break
                growth = SLICE_NANOSECONDS / max(1, time.perf_counter_ns() - begin)
                size = max(1, int(size * min(growth, SLICE_GROWTH)))
            return self.steps_done

    @property
    def steps_done(self) -> int:
        """How many steps the last `run_many` has done so far; any thread may look."""
        return int(self._state[PoolWord.DONE])

    def stop(self) -> None:
        """Ask the `run_many` in progress on another thread to return after the step that is running."""
        self._state[PoolWord.STOP] = 1

    def wake(self) -> None:
        """Get sleeping workers to look for work: for callers that know of a run to come."""
        if self._dismiss is not None:
            driver().wake(self._address)

    # -- threads ------------------------------------------------------------------------------------------------------

    @property
    def threads(self) -> int:
        """How many threads run a program. Changing it waits for the run in progress."""
        return self._count

    @threads.setter
    def threads(self, count: int) -> None:
        _checked(count)
        with _turn:
            self.close()
            self._count = count

    def close(self) -> None:
        """End the workers. The next run makes new ones."""
        with _turn:
            if self._dismiss is not None:
                self._dismiss()
                self._dismiss = None

    def _start(self) -> None:
        if self._dismiss is None:
            crew = _Crew(self._state, self._count)
            self._scratch, self._run = crew.scratch, driver().run
            # Called by `close`, when the pool is collected, or when the interpreter exits, whichever comes first.
            self._dismiss = weakref.finalize(self, crew.dismiss)
            crew.start()
        if allocator.held_bytes >= self._scratch.enough:
            self._scratch.take_huge_pages()


class _Crew:
    """A pool's workers and every thread's scratch."""

    def __init__(self, state: Words, count: int) -> None:
        self._state = state
        self.scratch = Scratch(count)
        state[PoolWord.SCRATCH] = self.scratch.address(0)
        state[PoolWord.SHUTDOWN] = 0
        state[PoolWord.WORKERS] = count - 1
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"retrograd-{number}", daemon=True)
            for number in range(1, count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def dismiss(self) -> None:
        self._state[PoolWord.SHUTDOWN] = 1
        driver().wake(int(self._state.ctypes.data))
        for thread in self._threads:
            if thread.is_alive():  # not if an interrupt came before it was started
                thread.join()

    def _work(self, number: int) -> None:
        driver().worker(int(self._state.ctypes.data), self.scratch.address(number))


# -- the process's pool -----------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def pool() -> Pool:
    """The pool that programs run on, made on first use."""
    return Pool()


def set_num_threads(count: int) -> None:
    """Set how many threads run a program, the caller's included."""
    pool().threads = count


def get_num_threads() -> int:
    """How many threads run a program, the caller's included."""
    return pool().threads


def _checked(count: int) -> int:
    if count < 1:
        raise ValueError(f"the number of threads must be a positive integer, not {count}")
    return count


def checked_externals(program: ProgramTable, externals: Words) -> int:
    """The address of the externals, which may be given to that program.

    Raises:
        ValueError: they are too few, or lie in memory in another way.
    """
    if externals.dtype != np.int64 or not externals.flags.c_contiguous or externals.size < program.external_count:
        raise ValueError(f"externals must be at least {program.external_count} contiguous int64 words")
    # As `externals.ctypes.data` has it, in a tenth of the time.
    return ctypes.addressof(ctypes.c_char.from_buffer(externals)) if externals.size else 0  # type: ignore[arg-type]


# -- forks ------------------------------------------------------------------------------------------------------------

# Only the forking thread lives on in a child. So a fork waits for the run in progress, and no worker is alive at that
# moment; parent and child make new ones at their next run. Reentrant, for a fork inside a signal handler during a run.
_turn = threading.RLock()
_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _before_fork() -> None:
    _turn.acquire()
    for each in list(_pools):
        each.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_turn.release, after_in_child=_turn.release)
