"""The part of the driver that goes through phases: loops, and phases on one thread."""

from __future__ import annotations

from retrograd.backends.native.contract import (
    KERNEL_PARAMETERS,
    LAUNCH_WORDS,
    MOVE_WORDS,
    PHASE_WORDS,
    LaunchWord,
    LoopWord,
    MoveWord,
    PhaseWord,
)
from retrograd.backends.native.driver_words import at, do, get, internal
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value, Variable


def define_advance(module: Module) -> None:
    """At the end of a step of a loop: the phase that comes next. Only one thread is about, and every tile is done."""
    f = internal(module, "advance", [("phase", PTR)], PTR)
    (phase,) = f.args
    loop = get(f, phase, PhaseWord.LAUNCHES, PTR)
    count, moves = get(f, loop, LoopWord.COUNT), get(f, loop, LoopWord.MOVE_COUNT) * MOVE_WORDS
    done = get(f, loop, LoopWord.DONE) + 1
    again = f.compare("slt", done, count)
    first = get(f, loop, LoopWord.MOVES, PTR)
    with f.loop(0, f.select(again, moves, 0), MOVE_WORDS) as i:
        _move(f, f.at(first, i, I64), f.const(1, I64))
    # Back: as many times as it moved, or once more if it turned around an odd number of times.
    turns = (count - 1) & 1
    with f.loop(0, f.select(again, 0, moves), MOVE_WORDS) as i:
        move = f.at(first, i, I64)
        turning = f.compare("slt", get(f, move, MoveWord.SIGN), 0)
        _move(f, move, f.select(turning, turns, f.const(1, I64) - count))
    f.store(f.select(again, done, 0), at(f, loop, LoopWord.DONE))
    f.ret(f.select(again, get(f, loop, LoopWord.FIRST, PTR), f.at(phase, PHASE_WORDS, I64)))


def _move(f: Function, move: Value, times: Value) -> None:
    """Move an argument word so many strides; a stride that turns around does so if it was taken."""
    stride, sign = get(f, move, MoveWord.STRIDE), get(f, move, MoveWord.SIGN)
    target = get(f, move, MoveWord.TARGET, PTR)
    f.store(f.load(target, I64) + stride * times, target)
    f.store(f.select(f.compare("eq", times, 0), stride, stride * sign), at(f, move, MoveWord.STRIDE))


def pass_loop_ends(f: Function, phase: Variable) -> None:
    """From ends of loops go on to the phase that comes next."""
    with f.repeat() as again:
        again.break_if(f.compare("sge", get(f, phase.get(), PhaseWord.TILES), 0))
        following = f.call(f.module.functions["advance"], phase.get(), returns=PTR)
        assert following is not None
        phase.set(following)


def define_run_phases(module: Module) -> None:
    """Every tile of every launch on the calling thread, with nothing atomic."""
    f = internal(module, "run_phases", [("phases", PTR), ("scratch", PTR), ("timed", I64)])
    phases, scratch, timed = f.args
    phase = f.variable(PTR, phases)
    with f.repeat() as again:
        pass_loop_ends(f, phase)
        all_tiles = get(f, phase.get(), PhaseWord.TILES)
        again.break_if(f.compare("eq", all_tiles, 0))
        launch = f.variable(PTR, get(f, phase.get(), PhaseWord.LAUNCHES, PTR))
        with f.repeat() as launches:
            end = get(f, launch.get(), LaunchWord.END)
            with f.loop(0, end - get(f, launch.get(), LaunchWord.FIRST)) as tile:
                do(f, "run_tile", launch.get(), tile, scratch, timed)
            launches.break_if(f.compare("eq", end, all_tiles))
            launch.set(f.at(launch.get(), LAUNCH_WORDS, I64))
        phase.set(f.at(phase.get(), PHASE_WORDS, I64))


def define_run_block(module: Module) -> None:
    """A kernel: tile i runs the phases to which argument word i points."""
    f = module.function("run_block", KERNEL_PARAMETERS)
    args, tile, scratch = f.args
    do(f, "run_phases", f.load(f.at(args, tile, I64), PTR), scratch, f.const(0, I64))
