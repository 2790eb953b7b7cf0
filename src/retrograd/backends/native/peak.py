"""What this machine can do at all: multiply-adds a second on registers, and bytes a second from memory."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable

import numpy as np

from retrograd.backends.native.compiler import Library, compile_object, host
from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.gemm_micro import Blocking, multiply_add
from retrograd.backends.native.ir import Module

_STEPS = 100_000
_ROUNDS = 20
# Larger than the last cache of most machines.
_COPIED_BYTES = 1 << 26
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)


def peak_kernel(dtype: str) -> tuple[Library, int]:
    """A kernel of multiply-adds on registers alone, and its number of floating-point operations."""
    blocking = Blocking.of(host().target, dtype)
    module = Module(host().target)
    f = module.function("peak", KERNEL_PARAMETERS)
    count = blocking.rows * blocking.vectors
    x, y = (f.load(f.at(f.args[2], place, blocking.register), blocking.register) for place in range(2))
    sums = [f.variable(blocking.register, float(index)) for index in range(count)]
    with f.loop(0, _STEPS):
        for total in sums:
            total.set(multiply_add(f, x, total.get(), y))
    for place, total in enumerate(sums):
        f.store(total.get(), f.at(f.args[2], place, blocking.register))
    return Library(compile_object(module.text())), 2 * _STEPS * count * blocking.lanes


@functools.cache
def flops_per_second(dtype: str) -> float:
    """Floating-point operations a second of one core, measured once a process (about 0.1 s).

    Args:
        dtype: "float32" or "float64".
    """
    library, flops = peak_kernel(dtype)
    memory = np.zeros(SCRATCH_BYTES + 64, np.uint8)
    scratch = -(-memory.ctypes.data // 64) * 64
    kernel = _KERNEL(library.address("peak"))
    return flops / _least_seconds(lambda: kernel(None, 0, scratch))


@functools.cache
def bytes_per_second() -> float:
    """Bytes a second that one core reads and writes beyond its caches, measured once a process."""
    source = np.ones(_COPIED_BYTES // 8)
    target = np.empty_like(source)
    return 2 * _COPIED_BYTES / _least_seconds(lambda: np.copyto(target, source))


def _least_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
