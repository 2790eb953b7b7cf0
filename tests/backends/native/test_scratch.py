"""What kernels work in takes no more memory than they touch, until the process's tensors take much more."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from retrograd.backends.native.cache import KernelCache
from retrograd.backends.native.compiler import host
from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES, WORD_BYTES
from retrograd.backends.native.ir import I64, Module
from retrograd.backends.native.scratch import HUGE_PAGE_BYTES, HUGE_SHARE, Scratch
from retrograd.backends.native.table import Launch, ProgramTable
from retrograd.backends.native.workers import Pool
from retrograd.core.buffer import allocator

RESIDENT = Path("/proc/self/statm")
NO_EXTERNALS = np.zeros(0, np.int64)
CACHE = KernelCache(None)


def kernel_text():
    """`fill`: write the first and the last word of scratch, and add them to counters[tile]."""
    module = Module(host().target)
    f = module.function("fill", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    last = f.at(scratch, SCRATCH_BYTES // WORD_BYTES - 1, I64)
    f.store(f.const(1, I64), scratch)
    f.store(f.const(2, I64), last)
    counter = f.at(args, tile, I64)
    f.store(f.load(counter, I64) + f.load(scratch, I64) + f.load(last, I64), counter)
    return module.text()


def filling(tiles):
    return ProgramTable.build([[Launch(CACHE.get("fill", kernel_text).address("fill"), (0,) * tiles, tiles)]])


def resident_bytes():
    return int(RESIDENT.read_text().split()[1]) * mmap.PAGESIZE


def test_it_takes_the_pages_that_are_touched(monkeypatch):
    if not RESIDENT.exists():
        pytest.skip("this system does not say how much memory a process takes")
    monkeypatch.setattr(allocator, "held_bytes", 0)
    program, pools = filling(1), [Pool(1) for _ in range(8)]
    before = resident_bytes()
    for pool in pools:
        pool.run(program, NO_EXTERNALS)
    assert resident_bytes() - before < 1 << 20, "sixteen pages, and the pools themselves"


@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_run_on_when_huge_pages_come(monkeypatch, threads):
    monkeypatch.setattr(allocator, "held_bytes", 0)
    program, pool = filling(5), Pool(threads)
    pool.run(program, NO_EXTERNALS)
    monkeypatch.setattr(allocator, "held_bytes", int(threads * HUGE_PAGE_BYTES / HUGE_SHARE))
    pool.run(program, NO_EXTERNALS)
    pool.run(program, NO_EXTERNALS)
    assert program.args(0, 0).tolist() == [9] * 5
    pool.close()


def test_parts_are_apart_and_begin_where_huge_pages_do():
    scratch = Scratch(3)
    places = [scratch.address(thread) for thread in range(3)]
    assert places[0] % HUGE_PAGE_BYTES == 0
    assert np.diff(places).tolist() == [SCRATCH_BYTES] * 2


def test_tensors_take_what_was_allocated_and_not_given_back():
    held = allocator.held_bytes
    address, owner = allocator.take(12_345_678)
    assert allocator.held_bytes == held + 12_345_678
    allocator.give(12_345_678, (address, owner))
    assert allocator.held_bytes == held + 12_345_678, "it is free, but held"
    assert allocator.take(12_345_678)[0] == address
