"""The driver runs program tables: phases in order, each tile once, relocated arguments, counted steps."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from retrograd.backends.native.cache import KernelCache
from retrograd.backends.native.compiler import host
from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_ALIGNMENT, SCRATCH_BYTES
from retrograd.backends.native.driver import driver_text, platform_of
from retrograd.backends.native.ir import I64, PTR, Module
from retrograd.backends.native.table import Launch, ProgramTable, Relocation
from retrograd.backends.native.target import TARGETS
from retrograd.backends.native.workers import Pool

NO_EXTERNALS = np.zeros(0, np.int64)
CACHE = KernelCache(None)


def kernels_text():
    """Three kernels: `count`: counters[tile] += 1; `stamp`: out[tile] = sum(in[:n]) + 1; `probe`: where scratch is."""
    module = Module(host().target)
    f = module.function("count", KERNEL_PARAMETERS)
    args, tile, _ = f.args
    counter = f.at(f.load(args, PTR), tile, I64)
    f.store(f.load(counter, I64) + 1, counter)

    f = module.function("stamp", KERNEL_PARAMETERS)
    args, tile, _ = f.args
    source, size = f.load(f.at(args, 1, I64), PTR), f.load(f.at(args, 2, I64), I64)
    total = f.variable(I64, 1)
    with f.loop(0, size) as i:
        total.set(total.get() + f.load(f.at(source, i, I64), I64))
    f.store(total.get(), f.at(f.load(args, PTR), tile, I64))

    f = module.function("probe", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    f.store(tile, f.at(scratch, SCRATCH_BYTES // 8 - 1, I64))
    f.store(f.convert("ptrtoint", scratch, I64), f.at(f.load(args, PTR), tile, I64))
    return module.text()


def kernel(name):
    return CACHE.get("tests", kernels_text).address(name)


@pytest.fixture(scope="module", params=[1, 2, 4])
def pool(request):
    pool = Pool(request.param)
    yield pool
    pool.close()


def counting(counters, *tiles, serial=False):
    """A program with a phase of one launch for each number of tiles."""
    phases = [[Launch(kernel("count"), (counters.ctypes.data,), n)] for n in tiles]
    return ProgramTable.build(phases, serial=serial)


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("tiles", [(1,), (2,), (0,), (1000,), (1, 1, 1), (3, 0, 1, 64, 1, 1, 5), (1, 7), (7, 1)])
def test_each_tile_runs_once(pool, tiles, serial):
    counters = np.zeros(1000, np.int64)
    pool.run(counting(counters, *tiles, serial=serial), NO_EXTERNALS)
    expected = [sum(tile < n for n in tiles) for tile in range(1000)]
    assert counters.tolist() == expected


def test_a_phase_holds_several_launches_some_of_them_empty(pool):
    a, b = np.zeros(5, np.int64), np.zeros(5, np.int64)
    count = kernel("count")
    launches = [Launch(count, (a.ctypes.data,), n) for n in (0, 2, 0, 5)] + [Launch(count, (b.ctypes.data,), 3)]
    pool.run(ProgramTable.build([[], launches, [], [Launch(count, (b.ctypes.data,), 0)]]), NO_EXTERNALS)
    assert a.tolist() == [2, 2, 1, 1, 1]
    assert b.tolist() == [1, 1, 1, 0, 0]


def test_a_program_without_phases_runs(pool):
    pool.run(ProgramTable.build([]), NO_EXTERNALS)


def test_a_phase_sees_all_that_the_phase_before_wrote(pool):
    widths = [5, 1, 9, 1, 1, 16, 2, 7] * 10
    rows = [np.zeros(max(widths), np.int64) for _ in widths]
    phases = []
    for i, width in enumerate(widths):
        before = (rows[i - 1].ctypes.data, widths[i - 1]) if i else (0, 0)
        phases.append([Launch(kernel("stamp"), (rows[i].ctypes.data, *before), width)])
    program = ProgramTable.build(phases)
    expected = [1]
    for width in widths[:-1]:
        expected.append((expected[-1] * width + 1) % 2**64)
    for _ in range(50):
        for row in rows:
            row[:] = 0
        pool.run(program, NO_EXTERNALS)
        assert [int(np.uint64(row[0])) for row in rows[:15]] == expected[:15]
        assert all((row[:width] == row[0]).all() for row, width in zip(rows, widths, strict=True))


def test_scratch_is_aligned_whole_and_one_a_thread(pool):
    where = np.zeros(200, np.int64)
    pool.run(ProgramTable.build([[Launch(kernel("probe"), (where.ctypes.data,), 200)]]), NO_EXTERNALS)
    assert (where % SCRATCH_ALIGNMENT == 0).all()
    places = np.unique(where)
    assert 1 <= len(places) <= pool.threads
    assert (np.diff(places) >= SCRATCH_BYTES).all()


words = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=60, deadline=None)
@given(
    externals=st.lists(words, min_size=1, max_size=6),
    drawn=st.lists(st.tuples(words, st.lists(st.tuples(st.integers(0, 5), words), max_size=4)), max_size=8),
    increments=st.lists(words, min_size=6, max_size=6),
    steps=st.integers(1, 4),
)
def test_relocations_are_sums_of_products_of_externals(externals, drawn, increments, steps):
    size = len(externals)
    relocations = [
        Relocation(0, i % 2, i // 2, constant, tuple((index % size, factor) for index, factor in terms))
        for i, (constant, terms) in enumerate(drawn)
    ]
    launches = [Launch(kernel("count"), (7,) * 5, 0)] * 2
    program = ProgramTable.build([launches], relocations, serial=True)
    values, step = np.array(externals, np.int64), np.array(increments[:size], np.int64)
    pool = Pool(1)

    def check(now):
        for r in relocations:
            expected = r.constant + sum(now[index] * factor for index, factor in r.terms)
            assert (int(program.args(0, r.launch)[r.word]) - expected) % 2**64 == 0
        relocated = {(r.launch, r.word) for r in relocations}
        others = [program.args(0, n)[i] for n in range(2) for i in range(5) if (n, i) not in relocated]
        assert all(word == 7 for word in others)

    pool.run(program, values)
    check(externals)
    assert pool.run_many(program, values, step, steps) == steps
    moved = [value + steps * by for value, by in zip(externals, increments, strict=False)]
    assert [(int(value) - by) % 2**64 for value, by in zip(values, moved, strict=True)] == [0] * size
    check(moved)


def test_run_many_moves_externals_after_each_step(pool):
    counters = np.zeros(300, np.int64)
    program = ProgramTable.build([[Launch(kernel("count"), (0,), 3)]], [Relocation(0, 0, 0, 16, ((1, 8),))])
    externals = np.array([5, counters.ctypes.data // 8 - 2], np.int64)
    assert pool.run_many(program, externals, np.array([0, 3], np.int64), 100) == pool.steps_done == 100
    assert (counters == 1).all()
    assert externals.tolist() == [5, counters.ctypes.data // 8 + 298]
    # Other increments afterwards: the relocation no longer varies.
    assert pool.run_many(program, externals - 300, np.array([1, 0], np.int64), 10) == 10
    assert counters[:4].tolist() == [11, 11, 11, 1]


def test_timing_is_off_until_asked_for(pool):
    counters = np.zeros(100, np.int64)
    program = counting(counters, 100, 1)
    pool.run(program, NO_EXTERNALS)
    assert program.nanoseconds == [[0], [0]]
    program.timed = True
    pool.run(program, NO_EXTERNALS)
    assert program.timed and all(launch > 0 for phase in program.nanoseconds for launch in phase)
    program.reset_nanoseconds()
    assert program.nanoseconds == [[0], [0]]


def test_tables_reject_what_the_driver_cannot_run():
    with pytest.raises(ValueError, match="phase 1 must have"):
        ProgramTable.build([[], [Launch(1, (), 2**23), Launch(1, (), 2**23)]])
    with pytest.raises(ValueError, match="no launch fewer"):
        ProgramTable.build([[Launch(1, (), -1), Launch(1, (), 3)]])
    for place in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)]:
        with pytest.raises(ValueError, match="not there"):
            ProgramTable.build([[Launch(1, (4,), 1)]], [Relocation(*place, 0, ())])
    with pytest.raises(ValueError, match="negative"):
        ProgramTable.build([[Launch(1, (4,), 1)]], [Relocation(0, 0, 0, 0, ((-1, 1),))])


def test_externals_are_checked():
    program = ProgramTable.build([[Launch(kernel("count"), (0,), 1)]], [Relocation(0, 0, 0, 0, ((3, 1),))])
    pool = Pool(1)
    for wrong in (np.zeros(3, np.int64), np.zeros(4), np.zeros(8, np.int64)[::2]):
        with pytest.raises(ValueError, match="at least 4 contiguous int64"):
            pool.run(program, wrong)
    with pytest.raises(ValueError, match="increments"):
        pool.run_many(program, np.zeros(4, np.int64), np.zeros(3, np.int64), 1)


@pytest.mark.parametrize(
    "triple",
    ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "arm64-apple-darwin23.0.0", "riscv64-unknown-linux-gnu"],
)
def test_the_driver_is_generated_for_every_posix_system(triple):
    text = driver_text(TARGETS[-1], triple)
    assert ("@syscall" in text) == (triple.split("-")[0] in ("x86_64", "aarch64"))
    assert ("@nanosleep" in text) != ("@syscall" in text)
    assert ("x86" in text) == triple.startswith("x86_64")


def test_windows_is_refused():
    with pytest.raises(NotImplementedError, match="POSIX"):
        platform_of("x86_64-pc-windows-msvc")
