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
from enum import IntEnum

from retrograd.backends.native.contract import (
    KERNEL_PARAMETERS,
    LAUNCH_WORDS,
    MAX_TILES,
    MOVE_WORDS,
    PHASE_WORDS,
    RELOCATION_WORDS,
    TERM_WORDS,
    TILE_BITS,
    LaunchWord,
    LoopWord,
    MoveWord,
    PhaseWord,
    PoolWord,
    ProgramWord,
    RelocationWord,
)
from retrograd.backends.native.ir import I32, I64, PTR, VOID, Function, Module, Value
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
    _advance(module)
    _proceed(module)
    _execute(module)
    _relocate(module)
    _run_phases(module)
    _run_block(module)
    _run_serial(module)
    _run_parallel(module)
    _step(module)
    _run(module)
    _run_many(module)
    _worker(module)
    _wake(module)
    return module.text()


# -- building blocks --------------------------------------------------------------------------------------------------


def _at(f: Function, record: Value, word: IntEnum) -> Value:
    return f.at(record, int(word), I64)


def _get(f: Function, record: Value, word: IntEnum, type_: str = I64) -> Value:
    return f.load(_at(f, record, word), type_)


def _external(f: Function, name: str, returns: str, *args: Value) -> Value | None:
    f.module.declare(f"declare {returns} @{name}({', '.join(arg.type for arg in args)})")
    return f.call(Value(f, PTR, f"@{name}"), *args, returns=returns)


def _local(f: Function, name: str, *args: Value) -> Value:
    """Call a function of the driver that returns a word."""
    result = f.call(f.module.functions[name], *args, returns=I64)
    assert result is not None
    return result


def _do(f: Function, name: str, *args: Value) -> None:
    """Call a function of the driver that returns nothing."""
    f.call(f.module.functions[name], *args)


def _internal(module: Module, name: str, params: list[tuple[str, str]], returns: str = VOID) -> Function:
    return module.function(name, params, returns, internal=True)


def _futex(f: Function, number: int, word: Value, operation: int, value: Value) -> None:
    f.module.declare("declare i64 @syscall(i64, ...)")
    unused = [f.const(0, PTR), f.const(0, PTR), f.const(0, I32)]
    args = [f.const(number, I64), word, f.const(operation, I32), value, *unused]
    f.call(Value(f, PTR, "@syscall"), *args, returns="i64 (i64, ...)")


def _timespec(f: Function) -> Value:
    return Value(f, PTR, f.variable("[2 x i64]").slot)


# -- time and waiting -------------------------------------------------------------------------------------------------


def _clock(module: Module, platform: Platform) -> None:
    """Nanoseconds of a clock that never goes back."""
    f = _internal(module, "clock", [], I64)
    time = _timespec(f)
    _external(f, "clock_gettime", I32, f.const(platform.monotonic_clock, I32), time)
    f.ret(f.load(time, I64) * NANOSECONDS_PER_SECOND + f.load(f.at(time, 1, I64), I64))


def _wait(module: Module, platform: Platform) -> None:
    """Let a moment pass: the `polls`-th of a wait, from 1 on."""
    f = _internal(module, "wait", [("polls", I64)])
    (polls,) = f.args
    if platform.pause is not None:
        name, args = platform.pause
        module.declare(f"declare void @{name}({args.split(' ')[0]})")
        f.line(f"call void @{name}({args})")
    with f.when(f.compare("sgt", polls, POLLS_BEFORE_YIELD)):
        _external(f, "sched_yield", I32)


def _wake_some(module: Module, platform: Platform) -> None:
    """Wake at most `limit` sleeping workers.

    A worker adds itself to the sleepers and is taken off by whoever wakes it. One that found work in the last moment
    stays counted, which costs a needless system call later; the count is never less than the number asleep.
    """
    f = _internal(module, "wake_some", [("pool", PTR), ("limit", I64)])
    pool, limit = f.args
    sleepers = _at(f, pool, PoolWord.SLEEPERS)
    with f.repeat() as again:
        asleep = f.atomic_load(sleepers, I64, "seq_cst")
        again.break_if(f.compare("eq", asleep, 0))
        count = f.minimum(asleep, limit)
        taken = f.compare_exchange(sleepers, asleep, asleep - count, "seq_cst")
        with f.when(taken):
            word = _at(f, pool, PoolWord.WAKE)
            f.atomic_update("add", word, 1, I32, "seq_cst")
            if platform.futex is not None:
                _futex(f, platform.futex, word, FUTEX_WAKE_PRIVATE, f.convert("trunc", count, I32))
        again.break_if(taken)


def _sleep(module: Module, platform: Platform) -> None:
    """Sleep until woken, unless the wake word is no longer `seen`, there is work, or the pool shuts down.

    Whoever opens a phase stores the cursor, then looks for sleepers; a sleeper adds itself, then looks at the cursor.
    All four are sequentially consistent, so that at least one of the two sees the other.
    """
    f = _internal(module, "sleep", [("pool", PTR), ("seen", I32)])
    pool, seen = f.args
    f.atomic_update("add", _at(f, pool, PoolWord.SLEEPERS), 1, I64, "seq_cst")
    unclaimed = f.atomic_load(_at(f, pool, PoolWord.CURSOR), I64, "seq_cst") & MAX_TILES
    shutdown = f.atomic_load(_at(f, pool, PoolWord.SHUTDOWN), I64, "seq_cst")
    with f.when(f.compare("eq", unclaimed | shutdown, 0)):
        if platform.futex is not None:
            _futex(f, platform.futex, _at(f, pool, PoolWord.WAKE), FUTEX_WAIT_PRIVATE, seen)
        else:
            nap = _timespec(f)
            f.store(f.const(0, I64), nap)
            f.store(f.const(NAP_NANOSECONDS, I64), f.at(nap, 1, I64))
            _external(f, "nanosleep", I32, nap, f.const(0, PTR))


# -- tiles and phases -------------------------------------------------------------------------------------------------


def _run_tile(module: Module) -> None:
    f = _internal(module, "run_tile", [("launch", PTR), ("tile", I64), ("scratch", PTR), ("timed", I64)])
    launch, tile, scratch, timed = f.args
    is_timed = f.compare("ne", timed, 0)
    begin = f.variable(I64, 0)
    with f.when(is_timed):
        begin.set(_local(f, "clock"))
    f.call(_get(f, launch, LaunchWord.KERNEL, PTR), _get(f, launch, LaunchWord.ARGS, PTR), tile, scratch)
    with f.when(is_timed):
        spent = _local(f, "clock") - begin.get()
        f.atomic_update("add", _at(f, launch, LaunchWord.NANOSECONDS), spent, I64, "monotonic")


def _claim(module: Module) -> None:
    """Claim a tile: the cursor as it was, or 0 if the open phase has no tile left."""
    f = _internal(module, "claim", [("pool", PTR)], I64)
    (pool,) = f.args
    cursor = _at(f, pool, PoolWord.CURSOR)
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
    f = _internal(module, "open", [("pool", PTR), ("phase", PTR), ("sequence", I64)])
    pool, phase, sequence = f.args
    tiles = _get(f, phase, PhaseWord.TILES)
    f.store(phase, _at(f, pool, PoolWord.PHASE))
    f.atomic_store(tiles, _at(f, pool, PoolWord.UNFINISHED), I64, "monotonic")
    f.atomic_store((sequence << TILE_BITS) | tiles, _at(f, pool, PoolWord.CURSOR), I64, "seq_cst")
    with f.when(f.compare("sgt", tiles, 1)):
        _do(f, "wake_some", pool, tiles - 1)


def _advance(module: Module) -> None:
    """At the end of a step of a loop: the phase that comes next. Only one thread is about, and no tile is unfinished."""
    f = _internal(module, "advance", [("phase", PTR)], PTR)
    (phase,) = f.args
    loop = _get(f, phase, PhaseWord.LAUNCHES, PTR)
    count, moves = _get(f, loop, LoopWord.COUNT), _get(f, loop, LoopWord.MOVE_COUNT) * MOVE_WORDS
    done = _get(f, loop, LoopWord.DONE) + 1
    again = f.compare("slt", done, count)
    first = _get(f, loop, LoopWord.MOVES, PTR)
    with f.loop(0, f.select(again, moves, 0), MOVE_WORDS) as i:
        _move(f, f.at(first, i, I64), f.const(1, I64))
    # Back: as many times as it moved, or once more if it turned around an odd number of times.
    turns = (count - 1) & 1
    with f.loop(0, f.select(again, 0, moves), MOVE_WORDS) as i:
        move = f.at(first, i, I64)
        turning = f.compare("slt", _get(f, move, MoveWord.SIGN), 0)
        _move(f, move, f.select(turning, turns, f.const(1, I64) - count))
    f.store(f.select(again, done, 0), _at(f, loop, LoopWord.DONE))
    f.ret(f.select(again, _get(f, loop, LoopWord.FIRST, PTR), f.at(phase, PHASE_WORDS, I64)))


def _move(f: Function, move: Value, times: Value) -> None:
    """Move an argument word so many strides; a stride that turns around does so if it was taken."""
    stride, sign = _get(f, move, MoveWord.STRIDE), _get(f, move, MoveWord.SIGN)
    target = _get(f, move, MoveWord.TARGET, PTR)
    f.store(f.load(target, I64) + stride * times, target)
    f.store(f.select(f.compare("eq", times, 0), stride, stride * sign), _at(f, move, MoveWord.STRIDE))


def _next_phase(f: Function, phase: Value) -> Value:
    result = f.call(f.module.functions["advance"], phase, returns=PTR)
    assert result is not None
    return result


def _proceed(module: Module) -> None:
    """Run the phases of one tile that come next, in which nobody could help, and open the first that has more."""
    params = [("pool", PTR), ("phase", PTR), ("sequence", I64), ("scratch", PTR), ("timed", I64)]
    f = _internal(module, "proceed", params)
    pool, first, first_sequence, scratch, timed = f.args
    phase, sequence = f.variable(PTR, first), f.variable(I64, first_sequence)
    with f.repeat() as again:
        with f.repeat() as skip:
            skip.break_if(f.compare("sge", _get(f, phase.get(), PhaseWord.TILES), 0))
            phase.set(_next_phase(f, phase.get()))
        again.break_if(f.compare("ne", _get(f, phase.get(), PhaseWord.TILES), 1))
        _do(f, "run_tile", _get(f, phase.get(), PhaseWord.LAUNCHES, PTR), f.const(0, I64), scratch, timed)
        phase.set(f.at(phase.get(), PHASE_WORDS, I64))
        sequence.set(sequence.get() + 1)
    _do(f, "open", pool, phase.get(), sequence.get())


def _execute(module: Module) -> None:
    """Run a claimed tile and all that can still be claimed; who reports the last tile of a phase opens the next.

    Tiles are reported together: a phase cannot end before, so all of them belong to the phase of the first.
    """
    f = _internal(module, "execute", [("pool", PTR), ("ticket", I64), ("scratch", PTR)])
    pool, first_ticket, scratch = f.args
    phase = _get(f, pool, PoolWord.PHASE, PTR)
    timed = _get(f, pool, PoolWord.TIMED)
    tiles = _get(f, phase, PhaseWord.TILES)
    launch = f.variable(PTR, _get(f, phase, PhaseWord.LAUNCHES, PTR))
    ticket, count = f.variable(I64, first_ticket), f.variable(I64, 0)
    with f.repeat() as again:
        tile = tiles - (ticket.get() & MAX_TILES)
        with f.repeat() as search:
            search.break_if(f.compare("slt", tile, _get(f, launch.get(), LaunchWord.END)))
            launch.set(f.at(launch.get(), LAUNCH_WORDS, I64))
        _do(f, "run_tile", launch.get(), tile - _get(f, launch.get(), LaunchWord.FIRST), scratch, timed)
        count.set(count.get() + 1)
        ticket.set(_local(f, "claim", pool))
        again.break_if(f.compare("eq", ticket.get(), 0))
    unfinished = f.atomic_update("sub", _at(f, pool, PoolWord.UNFINISHED), count.get(), I64, "acq_rel")
    with f.when(f.compare("eq", unfinished, count.get())):
        sequence = f.binary("lshr", first_ticket, TILE_BITS) + 1
        _do(f, "proceed", pool, f.at(phase, PHASE_WORDS, I64), sequence, scratch, timed)


# -- programs ---------------------------------------------------------------------------------------------------------


def _relocate(module: Module) -> None:
    """Write the first `count` relocated words: a constant plus multiples of externals."""
    f = _internal(module, "relocate", [("program", PTR), ("externals", PTR), ("count", I64)])
    program, externals, count = f.args
    position = f.variable(PTR, _get(f, program, ProgramWord.RELOCATIONS, PTR))
    with f.loop(0, count):
        record = position.get()
        terms = f.at(record, RELOCATION_WORDS, I64)
        term_words = _get(f, record, RelocationWord.TERM_COUNT) * TERM_WORDS
        total = f.variable(I64, _get(f, record, RelocationWord.CONSTANT))
        with f.loop(0, term_words, TERM_WORDS) as i:
            term = f.at(terms, i, I64)
            external = f.load(f.at(externals, f.load(term, I64), I64), I64)
            total.set(total.get() + external * f.load(f.at(term, 1, I64), I64))
        f.store(total.get(), _get(f, record, RelocationWord.TARGET, PTR))
        position.set(f.at(terms, term_words, I64))


def _run_phases(module: Module) -> None:
    """Every tile of every launch on the calling thread, with nothing atomic."""
    f = _internal(module, "run_phases", [("phases", PTR), ("scratch", PTR), ("timed", I64)])
    phases, scratch, timed = f.args
    phase = f.variable(PTR, phases)
    with f.repeat() as again:
        with f.repeat() as skip:
            skip.break_if(f.compare("sge", _get(f, phase.get(), PhaseWord.TILES), 0))
            phase.set(_next_phase(f, phase.get()))
        all_tiles = _get(f, phase.get(), PhaseWord.TILES)
        again.break_if(f.compare("eq", all_tiles, 0))
        launch = f.variable(PTR, _get(f, phase.get(), PhaseWord.LAUNCHES, PTR))
        with f.repeat() as launches:
            end = _get(f, launch.get(), LaunchWord.END)
            with f.loop(0, end - _get(f, launch.get(), LaunchWord.FIRST)) as tile:
                _do(f, "run_tile", launch.get(), tile, scratch, timed)
            launches.break_if(f.compare("eq", end, all_tiles))
            launch.set(f.at(launch.get(), LAUNCH_WORDS, I64))
        phase.set(f.at(phase.get(), PHASE_WORDS, I64))


def _run_block(module: Module) -> None:
    """A kernel: tile i runs the phases to which argument word i points."""
    f = module.function("run_block", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    _do(f, "run_phases", f.load(f.at(args, tile, I64), PTR), scratch, f.const(0, I64))


def _run_serial(module: Module) -> None:
    f = _internal(module, "run_serial", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    phases, scratch = _get(f, program, ProgramWord.PHASES, PTR), _get(f, pool, PoolWord.SCRATCH, PTR)
    _do(f, "run_phases", phases, scratch, _get(f, program, ProgramWord.TIMED))


def _run_parallel(module: Module) -> None:
    f = _internal(module, "run_parallel", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    cursor = _at(f, pool, PoolWord.CURSOR)
    scratch = _get(f, pool, PoolWord.SCRATCH, PTR)
    timed = _get(f, program, ProgramWord.TIMED)
    f.store(timed, _at(f, pool, PoolWord.TIMED))
    # Between runs nobody but the next launcher writes the cursor.
    first = f.binary("lshr", f.atomic_load(cursor, I64, "monotonic"), TILE_BITS) + 1
    end = (first + _get(f, program, ProgramWord.PHASE_COUNT)) << TILE_BITS
    _do(f, "proceed", pool, _get(f, program, ProgramWord.PHASES, PTR), first, scratch, timed)
    polls = f.variable(I64, 0)
    with f.repeat() as again:
        again.break_if(f.compare("eq", f.atomic_load(cursor, I64, "acquire"), end))
        ticket = _local(f, "claim", pool)
        idle = f.compare("eq", ticket, 0)
        polls.set(f.select(idle, polls.get() + 1, 0))
        with f.when(idle):
            _do(f, "wait", polls.get())
        with f.when(f.compare("ne", ticket, 0)):
            _do(f, "execute", pool, ticket, scratch)


def _step(module: Module) -> None:
    f = _internal(module, "step", [("pool", PTR), ("program", PTR)])
    pool, program = f.args
    alone = f.compare("eq", _get(f, pool, PoolWord.WORKERS), 0)
    serial = f.compare("ne", _get(f, program, ProgramWord.SERIAL), 0) | alone
    with f.when(serial):
        _do(f, "run_serial", pool, program)
    with f.when(serial ^ True):
        _do(f, "run_parallel", pool, program)


def _run(module: Module) -> None:
    f = module.function("run", [("pool", PTR), ("program", PTR), ("externals", PTR)])
    pool, program, externals = f.args
    _do(f, "relocate", program, externals, _get(f, program, ProgramWord.RELOCATION_COUNT))
    _do(f, "step", pool, program)


def _run_many(module: Module) -> None:
    """Run `count` steps, or fewer if the stop word is set; after each, `moves` (number, increment) move externals."""
    params = [("pool", PTR), ("program", PTR), ("externals", PTR), ("moves", PTR), ("move_count", I64), ("count", I64)]
    f = module.function("run_many", params, I64)
    pool, program, externals, moves, move_count, count = f.args
    varying = _get(f, program, ProgramWord.VARYING_COUNT)
    published = _at(f, pool, PoolWord.DONE)
    _do(f, "relocate", program, externals, _get(f, program, ProgramWord.RELOCATION_COUNT))
    done = f.variable(I64, 0)
    with f.repeat() as again:
        again.break_if(f.compare("eq", done.get(), count))
        again.break_if(f.compare("ne", f.atomic_load(_at(f, pool, PoolWord.STOP), I64, "monotonic"), 0))
        _do(f, "step", pool, program)
        with f.loop(0, move_count * TERM_WORDS, TERM_WORDS) as i:
            move = f.at(moves, i, I64)
            external = f.at(externals, f.load(move, I64), I64)
            f.store(f.load(external, I64) + f.load(f.at(move, 1, I64), I64), external)
        _do(f, "relocate", program, externals, varying)
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
        ticket = _local(f, "claim", pool)
        with f.when(f.compare("ne", ticket, 0)):
            _do(f, "execute", pool, ticket, scratch)
            polls.set(0)
        with f.when(f.compare("eq", ticket, 0)):
            again.break_if(f.compare("ne", f.atomic_load(_at(f, pool, PoolWord.SHUTDOWN), I64, "monotonic"), 0))
            polls.set(polls.get() + 1)
            _do(f, "wait", polls.get())
            with f.when(f.compare("eq", polls.get(), 1)):
                # A wake word that changes from here on keeps the worker from sleeping: it spins anew.
                seen.set(f.atomic_load(_at(f, pool, PoolWord.WAKE), I32, "seq_cst"))
                deadline.set(_local(f, "clock") + WORKER_SPIN_NANOSECONDS)
            look = f.compare("eq", polls.get() % POLLS_PER_CLOCK, 0)
            with f.when(look), f.when(f.compare("sgt", _local(f, "clock"), deadline.get())):
                _do(f, "sleep", pool, seen.get())
                polls.set(0)


def _wake(module: Module) -> None:
    """Get every worker to look for work, ahead of a run that is about to come."""
    f = module.function("wake", [("pool", PTR)])
    (pool,) = f.args
    f.atomic_update("add", _at(f, pool, PoolWord.WAKE), 1, I32, "seq_cst")
    _do(f, "wake_some", pool, f.const(MAX_TILES, I64))
