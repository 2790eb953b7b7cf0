"""The driver: generated code that runs a program table on all threads of the pool.

Threads agree through one atomic word, the cursor: the sequence number of the open phase above, the number of its
unclaimed tiles below. A tile is claimed by a compare-and-swap that takes one off. Every phase of every run has a
sequence number of its own, so a thread that was descheduled between looking and claiming finds another cursor and
fails; and a thread that did claim keeps its phase, hence the program, from ending until it reports the tile. So no
thread touches a program that may be gone, and nobody ever waits for a thread that has claimed nothing.

Memory order: opening a phase stores the cursor with release; a claim acquires it, and as claims are read-modify-write
operations they pass the opener's release on to later claims. Reporting tiles is acquire and release, so the thread
that reports the last one has seen what all tiles wrote, and hands it on with the next cursor.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.contract import (
    LAUNCH_WORDS,
    MAX_TILES,
    PHASE_WORDS,
    RELOCATION_WORDS,
    TERM_WORDS,
    TILE_BITS,
    LaunchWord,
    PhaseWord,
    PoolWord,
    ProgramWord,
    RelocationWord,
)
from retrograd.backends.native.driver_loops import define_advance, define_run_block, define_run_phases, pass_loop_ends
from retrograd.backends.native.driver_words import at, do, external, get, internal, local
from retrograd.backends.native.ir import I32, I64, PTR, Function, Module, Value
from retrograd.backends.native.target import Target

# How long a worker without work looks for some before it sleeps. Waking it costs about as much as this.
WORKER_SPIN_NANOSECONDS = 150_000
# A waiting thread pauses this many times between two looks at the clock, ...
POLLS_PER_CLOCK = 64
# ... and offers its core to others only after as many, several milliseconds: whoever it waits for mostly runs on
# another core. Yielding soon lets threads on a busy machine fall out of step, each off its core when the other is on:
# beside a process on every core half of all runs took twice as long.
POLLS_BEFORE_YIELD = 2_000_000
# Where there is no futex, a sleeping worker looks for work this often.
NAP_NANOSECONDS = 200_000

FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE = 128, 129
NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Platform:
    """What the driver needs of the operating system and the processor.

    Attributes:
        futex: number of the system call, or None where there is none.
        monotonic_clock: number of the clock for `clock_gettime`.
        pause: name of the instruction's intrinsic and its arguments, or None; it tells the core that a loop waits.
    """

    futex: int | None
    monotonic_clock: int
    pause: tuple[str, str] | None


def platform_of(triple: str) -> Platform:
    """The platform that a target triple names.

    Raises:
        NotImplementedError: the system is not POSIX.
    """
    if "windows" in triple:
        raise NotImplementedError(f"the native driver needs a POSIX system; this is {triple}")
    machine = triple.partition("-")[0]
    x86, arm = machine == "x86_64", machine in ("aarch64", "arm64")
    linux = "linux" in triple
    futex = {"x86_64": 202, "aarch64": 98}.get(machine) if linux else None
    pause = ("llvm.x86.sse2.pause", "") if x86 else ("llvm.aarch64.hint", "i32 1") if arm else None
    return Platform(futex, monotonic_clock=1 if linux else 6, pause=pause)


def driver_text(target: Target, triple: str) -> str:
    """The driver as LLVM IR; its entry points are `run`, `run_many`, `worker` and `wake`."""
    module = Module(target)
    platform = platform_of(triple)
    _clock(module, platform)
    _wait(module, platform)
    _wake_some(module, platform)
    _sleep(module, platform)
    _run_tile(module)
    _claim(module)
    _open(module)
    define_advance(module)
    _proceed(module)
    _execute(module)
    _relocate(module)
    define_run_phases(module)
    define_run_block(module)
    _run_serial(module)
    _run_parallel(module)
    _step(module)
    _run(module)
    _run_many(module)
    _worker(module)
    _wake(module)
    return module.text()


# -- time and waiting -------------------------------------------------------------------------------------------------


def _futex(f: Function, number: int, word: Value, operation: int, value: Value) -> None:
    f.module.declare("declare i64 @syscall(i64, ...)")
    unused = [f.const(0, PTR), f.const(0, PTR), f.const(0, I32)]
    args = [f.const(number, I64), word, f.const(operation, I32), value, *unused]
    f.call(Value(f, PTR, "@syscall"), *args, returns="i64 (i64, ...)")


def _timespec(f: Function) -> Value:
    return Value(f, PTR, f.variable("[2 x i64]").slot)


def _clock(module: Module, platform: Platform) -> None:
    """Nanoseconds of a clock that never goes back."""
    f = internal(module, "clock", [], I64)
    time = _timespec(f)
    external(f, "clock_gettime", I32, f.const(platform.monotonic_clock, I32), time)
    f.ret(f.load(time, I64) * NANOSECONDS_PER_SECOND + f.load(f.at(time, 1, I64), I64))


def _wait(module: Module, platform: Platform) -> None:
    """Let a moment pass: the `polls`-th of a wait, from 1 on."""
    f = internal(module, "wait", [("polls", I64)])
    (polls,) = f.args
    if platform.pause is not None:
        name, args = platform.pause
        module.declare(f"declare void @{name}({args.split(' ')[0]})")
        f.line(f"call void @{name}({args})")
    with f.when(f.compare("sgt", polls, POLLS_BEFORE_YIELD)):
        external(f, "sched_yield", I32)


def _wake_some(module: Module, platform: Platform) -> None:
    """Wake at most `limit` sleeping workers.

    A worker adds itself to the sleepers and is taken off by whoever wakes it. One that found work in the last moment
    stays counted, which costs a needless system call later; the count is never less than the number asleep.
    """
    f = internal(module, "wake_some", [("pool", PTR), ("limit", I64)])
    pool, limit = f.args
    sleepers = at(f, pool, PoolWord.SLEEPERS)
    with f.repeat() as again:
        asleep = f.atomic_load(sleepers, I64, "seq_cst")
        again.break_if(f.compare("eq", asleep, 0))
        count = f.minimum(asleep, limit)
        taken = f.compare_exchange(sleepers, asleep, asleep - count, "seq_cst")
        with f.when(taken):
            word = at(f, pool, PoolWord.WAKE)
            f.atomic_update("add", word, 1, I32, "seq_cst")
            if platform.futex is not None:
                _futex(f, platform.futex, word, FUTEX_WAKE_PRIVATE, f.convert("trunc", count, I32))
        again.break_if(taken)


def _sleep(module: Module, platform: Platform) -> None:
    """Sleep until woken, unless the wake word is no longer `seen`, there is work, or the pool shuts down.

    Whoever opens a phase stores the cursor, then looks for sleepers; a sleeper adds itself, then looks at the cursor.
    All four are sequentially consistent, so that at least one of the two sees the other.
    """
    f = internal(module, "sleep", [("pool", PTR), ("seen", I32)])
    pool, seen = f.args
    f.atomic_update("add", at(f, pool, PoolWord.SLEEPERS), 1, I64, "seq_cst")
    unclaimed = f.atomic_load(at(f, pool, PoolWord.CURSOR), I64, "seq_cst") & MAX_TILES
    shutdown = f.atomic_load(at(f, pool, PoolWord.SHUTDOWN), I64, "seq_cst")
    with f.when(f.compare("eq", unclaimed | shutdown, 0)):
        if platform.futex is not None:
            _futex(f, platform.futex, at(f, pool, PoolWord.WAKE), FUTEX_WAIT_PRIVATE, seen)
        else:
            nap = _timespec(f)
            f.store(f.const(0, I64), nap)
            f.store(f.const(NAP_NANOSECONDS, I64), f.at(nap, 1, I64))
            external(f, "nanosleep", I32, nap, f.const(0, PTR))


# -- tiles and phases -------------------------------------------------------------------------------------------------


def _run_tile(module: Module) -> None:
    f = internal(module, "run_tile", [("launch", PTR), ("tile", I64), ("scratch", PTR), ("timed", I64)])
    launch, tile, scratch, timed = f.args
    is_timed = f.compare("ne", timed, 0)
    begin = f.variable(I64, 0)
    with f.when(is_timed):
        begin.set(local(f, "clock"))
    f.call(get(f, launch, LaunchWord.KERNEL, PTR), get(f, launch, LaunchWord.ARGS, PTR), tile, scratch)
    with f.when(is_timed):
        spent = local(f, "clock") - begin.get()
        f.atomic_update("add", at(f, launch, LaunchWord.NANOSECONDS), spent, I64, "monotonic")


def _claim(module: Module) -> None:
    """Claim a tile: the cursor as it was, or 0 if the open phase has no tile left."""
    f = internal(module, "claim", [("pool", PTR)], I64)
    (pool,) = f.args
    cursor = at(f, pool, PoolWord.CURSOR)
    ticket = f.variable(I64, 0)
    with f.repeat() as again:
        seen = f.atomic_load(cursor, I64, "monotonic")
        again.break_if(f.compare("eq", seen & MAX_TILES, 0))
        claimed = f.compare_exchange(cursor, seen, seen - 1, "acquire")
        ticket.set(f.select(claimed, seen, 0))
        again.break_if(claimed)
    f.ret(ticket.get())


def _open(module: Module) -> None:
    """Let all threads claim tiles of a phase; a phase without tiles ends the run.

    The program may be gone as soon as the cursor is stored.
    """
    f = internal(module, "open", [("pool", PTR), ("phase", PTR), ("sequence", I64)])
    pool, phase, sequence = f.args
    tiles = get(f, phase, PhaseWord.TILES)
    f.store(phase, at(f, pool, PoolWord.PHASE))
    f.atomic_store(tiles, at(f, pool, PoolWord.UNFINISHED), I64, "monotonic")
    f.atomic_store((sequence << TILE_BITS) | tiles, at(f, pool, PoolWord.CURSOR), I64, "seq_cst")
    with f.when(f.compare("sgt", tiles, 1)):
        do(f, "wake_some", pool, tiles - 1)


def _proceed(module: Module) -> None:
    """Run the phases of one tile that come next, in which nobody could help, and open the first that has more."""
    params = [("pool", PTR), ("phase", PTR), ("sequence", I64), ("scratch", PTR), ("timed", I64)]
    f = internal(module, "proceed", params)
    pool, first, first_sequence, scratch, timed = f.args
    phase, sequence = f.variable(PTR, first), f.variable(I64, first_sequence)
    with f.repeat() as again:
        pass_loop_ends(f, phase)
        again.break_if(f.compare("ne", get(f, phase.get(), PhaseWord.TILES), 1))
        do(f, "run_tile", get(f, phase.get(), PhaseWord.LAUNCHES, PTR), f.const(0, I64), scratch, timed)
        phase.set(f.at(phase.get(), PHASE_WORDS, I64))
        sequence.set(sequence.get() + 1)
    do(f, "open", pool, phase.get(), sequence.get())


def _execute(module: Module) -> None:
    """Run a claimed tile and all that can still be claimed; who reports the last tile of a phase opens the next.

    Tiles are reported together: a phase cannot end before, so all of them belong to the phase of the first.
    """
    f = internal(module, "execute", [("pool", PTR), ("ticket", I64), ("scratch", PTR)])
    pool, first_ticket, scratch = f.args
    phase = get(f, pool, PoolWord.PHASE, PTR)
    timed = get(f, pool, PoolWord.TIMED)
    tiles = get(f, phase, PhaseWord.TILES)
    launch = f.variable(PTR, get(f, phase, PhaseWord.LAUNCHES, PTR))
    ticket, count = f.variable(I64, first_ticket), f.variable(I64, 0)
    with f.repeat() as again:
        tile = tiles - (ticket.get() & MAX_TILES)
        with f.repeat() as search:
            search.break_if(f.compare("slt", tile, get(f, launch.get(), LaunchWord.END)))
            launch.set(f.at(launch.get(), LAUNCH_WORDS, I64))
        do(f, "run_tile", launch.get(), tile - get(f, launch.get(), LaunchWord.FIRST), scratch, timed)
        count.set(count.get() + 1)
        ticket.set(local(f, "claim", pool))
        again.break_if(f.compare("eq", ticket.get(), 0))
    unfinished = f.atomic_update("sub", at(f, pool, PoolWord.UNFINISHED), count.get(), I64, "acq_rel")
    with f.when(f.compare("eq", unfinished, count.get())):
        sequence = f.binary("lshr", first_ticket, TILE_BITS) + 1
        do(f, "proceed", pool, f.at(phase, PHASE_WORDS, I64), sequence, scratch, timed)


# -- programs ---------------------------------------------------------------------------------------------------------


def _relocate(module: Module) -> None:
    """Write the first `count` relocated words: a constant plus multiples of externals."""
    f = internal(module, "relocate", [("program", PTR), ("externals", PTR), ("count", I64)])
    program, externals, count = f.args
    position = f.variable(PTR, get(f, program, ProgramWord.RELOCATIONS, PTR))
    with f.loop(0, count):
        record = position.get()
        terms = f.at(record, RELOCATION_WORDS, I64)
        term_words = get(f, record, RelocationWord.TERM_COUNT) * TERM_WORDS
        total = f.variable(I64, get(f, record, RelocationWord.CONSTANT))
        with f.loop(0, term_words, TERM_WORDS) as i:
            term = f.at(terms, i, I64)
            external = f.load(f.at(externals, f.load(term, I64), I64), I64)
            total.set(total.get() + external * f.load(f.at(term, 1, I64), I64))
        f.store(total.get(), get(f, record, RelocationWord.TARGET, PTR))
        position.set(f.at(terms, term_words, I64))


def _run_serial(module: Module) -> None:
    f = internal(module, "run_serial", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    phases, scratch = get(f, program, ProgramWord.PHASES, PTR), get(f, pool, PoolWord.SCRATCH, PTR)
    do(f, "run_phases", phases, scratch, get(f, program, ProgramWord.TIMED))


def _run_parallel(module: Module) -> None:
    f = internal(module, "run_parallel", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    cursor = at(f, pool, PoolWord.CURSOR)
    scratch = get(f, pool, PoolWord.SCRATCH, PTR)
    timed = get(f, program, ProgramWord.TIMED)
    f.store(timed, at(f, pool, PoolWord.TIMED))
    # Between runs nobody but the next launcher writes the cursor.
    first = f.binary("lshr", f.atomic_load(cursor, I64, "monotonic"), TILE_BITS) + 1
    end = (first + get(f, program, ProgramWord.PHASE_COUNT)) << TILE_BITS
    do(f, "proceed", pool, get(f, program, ProgramWord.PHASES, PTR), first, scratch, timed)
    polls = f.variable(I64, 0)
    with f.repeat() as again:
        again.break_if(f.compare("eq", f.atomic_load(cursor, I64, "acquire"), end))
        ticket = local(f, "claim", pool)
        idle = f.compare("eq", ticket, 0)
        polls.set(f.select(idle, polls.get() + 1, 0))
        with f.when(idle):
            do(f, "wait", polls.get())
        with f.when(f.compare("ne", ticket, 0)):
            do(f, "execute", pool, ticket, scratch)


def _step(module: Module) -> None:
    f = internal(module, "step", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    alone = f.compare("eq", get(f, pool, PoolWord.WORKERS), 0)
    serial = f.compare("ne", get(f, program, ProgramWord.SERIAL), 0) | alone
    with f.when(serial):
        do(f, "run_serial", pool, program)
    with f.when(serial ^ True):
        do(f, "run_parallel", pool, program)


def _run(module: Module) -> None:
    f = module.function("run", [("pool", PTR), ("program", PTR), ("externals", PTR)])
    pool, program, externals = f.args
    do(f, "relocate", program, externals, get(f, program, ProgramWord.RELOCATION_COUNT))
    do(f, "step", pool, program)
    f.store(get(f, pool, PoolWord.RUNS) + 1, at(f, pool, PoolWord.RUNS))


def _run_many(module: Module) -> None:
    """Run `count` steps, or fewer if the stop word is set; after each, `moves` (number, increment) move externals."""
    params = [("pool", PTR), ("program", PTR), ("externals", PTR), ("moves", PTR), ("move_count", I64), ("count", I64)]
    f = module.function("run_many", params, I64)
    pool, program, externals, moves, move_count, count = f.args
    varying = get(f, program, ProgramWord.VARYING_COUNT)
    published = at(f, pool, PoolWord.DONE)
    do(f, "relocate", program, externals, get(f, program, ProgramWord.RELOCATION_COUNT))
    done = f.variable(I64, 0)
    with f.repeat() as again:
        again.break_if(f.compare("eq", done.get(), count))
        again.break_if(f.compare("ne", f.atomic_load(at(f, pool, PoolWord.STOP), I64, "monotonic"), 0))
        do(f, "step", pool, program)
        with f.loop(0, move_count * TERM_WORDS, TERM_WORDS) as i:
            move = f.at(moves, i, I64)
            external = f.at(externals, f.load(move, I64), I64)
            f.store(f.load(external, I64) + f.load(f.at(move, 1, I64), I64), external)
        do(f, "relocate", program, externals, varying)
        done.set(done.get() + 1)
        f.atomic_store(f.load(published, I64) + 1, published, I64, "monotonic")
    f.ret(done.get())


# -- workers ----------------------------------------------------------------------------------------------------------


def _worker(module: Module) -> None:
    """Claim and run tiles until the pool shuts down; sleep after a while without work."""
    f = module.function("worker", [("pool", PTR), ("scratch", PTR)])
    pool, scratch = f.args
    polls, deadline, seen = f.variable(I64, 0), f.variable(I64, 0), f.variable(I32, 0)
    with f.repeat() as again:
        ticket = local(f, "claim", pool)
        with f.when(f.compare("ne", ticket, 0)):
            do(f, "execute", pool, ticket, scratch)
            polls.set(0)
        with f.when(f.compare("eq", ticket, 0)):
            again.break_if(f.compare("ne", f.atomic_load(at(f, pool, PoolWord.SHUTDOWN), I64, "monotonic"), 0))
            polls.set(polls.get() + 1)
            do(f, "wait", polls.get())
            with f.when(f.compare("eq", polls.get(), 1)):
                # A wake word that changes from here on keeps the worker from sleeping: it spins anew.
                seen.set(f.atomic_load(at(f, pool, PoolWord.WAKE), I32, "seq_cst"))
                deadline.set(local(f, "clock") + WORKER_SPIN_NANOSECONDS)
            look = f.compare("eq", polls.get() % POLLS_PER_CLOCK, 0)
            with f.when(look), f.when(f.compare("sgt", local(f, "clock"), deadline.get())):
                do(f, "sleep", pool, seen.get())
                polls.set(0)


def _wake(module: Module) -> None:
    """Get every worker to look for work, ahead of a run that is about to come."""
    f = module.function("wake", [("pool", PTR)])
    (pool,) = f.args
    f.atomic_update("add", at(f, pool, PoolWord.WAKE), 1, I32, "seq_cst")
    do(f, "wake_some", pool, f.const(MAX_TILES, I64))
