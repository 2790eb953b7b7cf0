"""The pool survives what programs, users and the operating system do to it."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from retrograd.backends.native import workers
from retrograd.backends.native.cache import KernelCache
from retrograd.backends.native.compiler import host
from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.ir import I64, PTR, Module
from retrograd.backends.native.table import Launch, ProgramTable
from retrograd.backends.native.workers import Pool

NO_EXTERNALS = np.zeros(0, np.int64)
CACHE = KernelCache(None)


def kernels_text():
    """`count`: counters[tile] += 1. `work`: spend args[0] multiplications."""
    module = Module(host().target)
    f = module.function("count", KERNEL_PARAMETERS)
    args, tile, _ = f.args
    counter = f.at(f.load(args, PTR), tile, I64)
    f.store(f.load(counter, I64) + 1, counter)

    f = module.function("work", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    value = f.variable(I64, tile)
    with f.loop(0, f.load(args, I64)):
        value.set(value.get() * 6364136223846793005 + 1)
    f.store(value.get(), scratch)
    return module.text()


def kernel(name):
    return CACHE.get("tests", kernels_text).address(name)


def counting(counters, *tiles):
    return ProgramTable.build([[Launch(kernel("count"), (counters.ctypes.data,), n)] for n in tiles])


def workers_alive():
    return sum(thread.name.startswith("retrograd-") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def no_other_workers():
    """End the workers of the process's own pool, which tests before may have started; its next run makes new ones."""
    workers.pool().close()


@pytest.fixture(params=[1, 2, 4])
def pool(request):
    pool = Pool(request.param)
    yield pool
    pool.close()
    assert workers_alive() == 0


def test_importing_starts_nothing_and_loads_no_llvm():
    code = (
        "import sys, threading, retrograd.backends.native.workers\n"
        "assert not any(name.startswith('llvmlite') for name in sys.modules)\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_thread_makes_no_worker():
    pool = Pool(1)
    pool.run(counting(np.zeros(9, np.int64), 9), NO_EXTERNALS)
    assert workers_alive() == 0


def test_short_programs_that_are_freed_at_once(pool):
    counters = np.zeros(8, np.int64)
    for number in range(3000):
        pool.run(counting(counters, 2, 1, 8) if number % 2 else counting(counters, 8), NO_EXTERNALS)
    assert counters.tolist() == [6000, 4500] + [3000] * 6


def test_workers_that_sleep_between_runs_come_back(pool):
    counters = np.zeros(64, np.int64)
    program = counting(counters, 64, 64)
    for number in range(60):
        if number % 3 == 0:
            time.sleep(0.002)
        if number % 2:
            pool.wake()
        pool.run(program, NO_EXTERNALS)
    assert (counters == 120).all()


def test_changing_the_number_of_threads_between_runs():
    pool = Pool(2)
    counters = np.zeros(16, np.int64)
    program = counting(counters, 16, 16)
    for number in range(40):
        pool.threads = 1 + number % 4
        pool.run(program, NO_EXTERNALS)
        assert workers_alive() == pool.threads - 1
    assert (counters == 80).all()
    pool.close()


def test_a_pool_that_is_collected_ends_its_workers():
    pool = Pool(3)
    pool.run(counting(np.zeros(4, np.int64), 4), NO_EXTERNALS)
    assert workers_alive() == 2
    del pool
    gc.collect()
    assert workers_alive() == 0


def test_threads_take_turns(pool):
    counters = np.zeros(32, np.int64)
    program = counting(counters, 32, 1, 32)

    def use():
        for _ in range(300):
            pool.run(program, NO_EXTERNALS)
        pool.run_many(program, NO_EXTERNALS, NO_EXTERNALS, 300)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert counters.tolist() == [3 * 2400] + [2 * 2400] * 31


def test_stop_ends_run_many_after_a_whole_step(pool):
    counters = np.zeros(4, np.int64)
    program = counting(counters, 4)
    stopper = threading.Thread(target=lambda: (_until(lambda: pool.steps_done > 100), pool.stop()))
    stopper.start()
    done = pool.run_many(program, NO_EXTERNALS, NO_EXTERNALS, 10**12)
    stopper.join()
    assert 100 < done < 10**12
    assert counters.tolist() == [done] * 4
    assert pool.run_many(program, NO_EXTERNALS, NO_EXTERNALS, 5) == 5


def _until(condition):
    while not condition():
        time.sleep(0.001)


def test_ctrl_c_leaves_whole_steps(pool):
    counters = np.zeros(4, np.int64)
    program = counting(counters, 4)
    externals = np.zeros(1, np.int64)
    timer = threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pool.run_many(program, externals, np.ones(1, np.int64), 10**12)
    assert time.monotonic() - begin < 2
    timer.join()
    assert counters.tolist() == [pool.steps_done] * 4
    assert externals[0] == pool.steps_done > 0
    pool.run(program, externals)
    assert counters[0] == pool.steps_done + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork(pool):
    counters = np.zeros(64, np.int64)
    program = counting(counters, 64, 2)
    pool.run(program, NO_EXTERNALS)
    child = os.fork()
    if child == 0:
        pool.run(program, NO_EXTERNALS)
        right = counters[0] == 4 and workers_alive() == pool.threads - 1
        os._exit(0 if right else 1)
    pool.run(program, NO_EXTERNALS)
    assert counters[0] == 4 and counters[63] == 2
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_while_another_thread_runs(pool):
    counters = np.zeros(64, np.int64)
    program = counting(counters, 64, 2)
    ending = threading.Event()

    def use():
        while not ending.is_set():
            pool.run(program, NO_EXTERNALS)

    user = threading.Thread(target=use)
    user.start()
    for _ in range(5):
        child = os.fork()
        if child == 0:
            before = counters.copy()
            pool.run(program, NO_EXTERNALS)
            os._exit(0 if (counters - before)[63] == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0
    ending.set()
    user.join()


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "del pool"])
def test_the_interpreter_exits_with_workers_running(ending):
    code = (
        "import sys, numpy as np\n"
        "from retrograd.backends.native.workers import Pool\n"
        "from retrograd.backends.native.table import ProgramTable\n"
        "pool = Pool(4)\n"
        "pool.run(ProgramTable.build([]), np.zeros(0, np.int64))\n" + ending
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_progress_beside_processes_that_burn_every_core():
    burn = [sys.executable, "-c", "while True: pass"]
    program = ProgramTable.build([[Launch(kernel("work"), (20_000,), 4)] for _ in range(10)])
    pool = Pool(2)
    burners = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        begin = time.monotonic()
        for _ in range(20):
            pool.run(program, NO_EXTERNALS)
        # About 20 ms of work for one undisturbed thread: stalls of a time slice per phase would take seconds.
        assert time.monotonic() - begin < 2
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
        pool.close()


def test_a_number_of_threads_below_one_is_refused():
    with pytest.raises(ValueError, match="positive"):
        Pool(0)
    pool = Pool(1)
    with pytest.raises(ValueError, match="positive"):
        pool.threads = 0
