"""Kernels that run along an axis and carry a value: `cumsum`, `recurrence`, `cumarg`.

Arrays are seen as (outer, axis, inner). A tile is a block of the outer axis by one of the inner axis. Where the inner
axis has one element, what is carried stays in registers, else in scratch memory, a number a column. Floats are carried
as float64, and each operation is rounded by itself; booleans are added by `or` and multiplied by `and`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from retrograd.backends.native.along_axis import pointer_word, stride_words, word
from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.ir import F64, I64, Function, Module, Value, Variable
from retrograd.backends.native.kernel import FLOATS, Instruction
from retrograd.backends.native.loops_memory import from_memory, load_scalar, memory_type, to_memory
from retrograd.backends.native.scalar_ops import REGISTER_TYPES, compute
from retrograd.backends.native.target import Target

# Columns of a tile, at most: what is carried for them fits in the first level of cache.
MOST_COLUMNS = 1024


class RunningArg(IntEnum):
    """The argument words; strides count elements. FACTORS are those of a recurrence."""

    X = 0
    FACTORS = 1
    OUT = 2
    EXTENT = 3
    INNER = 4
    OUTER = 5
    OUTER_TILE = 6
    INNER_TILE = 7
    X_STRIDES = 8  # outer, axis, inner
    FACTORS_STRIDES = 11


class _Slot:
    """A carried value: a register, or for each column a place in scratch memory."""

    def __init__(self, f: Function, type_: str, place: int, single: bool) -> None:
        self.f, self.type = f, type_
        self.variable: Variable | None = f.variable(type_) if single else None
        self.column = f.const(0, I64)
        self._start = f.offset(f.args[2], place * MOST_COLUMNS * 8)

    def get(self) -> Value:
        if self.variable is not None:
            return self.variable.get()
        return self.f.load(self.f.at(self._start, self.column, self.type), self.type)

    def set(self, value: Value) -> None:
        if self.variable is not None:
            self.variable.set(value)
        else:
            self.f.store(value, self.f.at(self._start, self.column, self.type))


@dataclass
class _Place:
    """Where a step stands: the addresses of its operands, its position along the axis, whether it is the first."""

    x: Value
    factor: Value | None
    position: Value
    first: bool


# A step carries on, and gives what is stored, as it is in memory.
_Step = Callable[[Function, list[_Slot], _Place], Value]


def running_module(target: Target, kind: str, dtype: str, reverse: bool, single: bool) -> Module:
    """`kernel` runs along the axis; `kind` is cumsum, recurrence, cumarg.max or cumarg.min."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    types, step = _STEPS[kind.partition(".")[0]](dtype, kind)
    slots = [_Slot(f, type_, place, single) for place, type_ in enumerate(types)]
    x, factors, out = (pointer_word(f, n) for n in (RunningArg.X, RunningArg.FACTORS, RunningArg.OUT))
    extent, inner, outer, outer_tile, inner_tile = (
        word(f, number) for number in range(RunningArg.EXTENT, RunningArg.INNER_TILE + 1)
    )
    of_x, of_factors = stride_words(f, RunningArg.X_STRIDES), stride_words(f, RunningArg.FACTORS_STRIDES)
    element, result = memory_type(dtype), I64 if kind.startswith("cumarg") else memory_type(dtype)
    blocks = (inner + inner_tile - 1) // inner_tile
    first_row, first_column = f.args[1] // blocks * outer_tile, f.args[1] % blocks * inner_tile
    last_column = f.minimum(first_column + inner_tile, inner)

    def at(o: Value, k: Value, j: Value, first: bool) -> None:
        position = extent - 1 - k if reverse else k
        for slot in slots:
            slot.column = j - first_column
        places = [
            f.at(base, o * strides[0] + position * strides[1] + j * strides[2], element)
            for base, strides in ((x, of_x), (factors, of_factors))
        ]
        value = step(f, slots, _Place(places[0], places[1] if kind == "recurrence" else None, position, first))
        f.store(value, f.at(out, (o * extent + position) * inner + j, result))

    def row(o: Value, k: Value, first: bool) -> None:
        if single:
            at(o, k, f.const(0, I64), first)
            return
        with f.loop(first_column, last_column) as j:
            at(o, k, j, first)

    with f.loop(first_row, f.minimum(first_row + outer_tile, outer)) as o:
        row(o, f.const(0, I64), first=True)
        with f.loop(1, extent) as k:
            row(o, k, first=False)
    return module


def _loaded(f: Function, pointer: Value, dtype: str) -> Value:
    """A number as it is carried: as in memory, but a float32 as a float64."""
    value = f.load(pointer, memory_type(dtype))
    return f.convert("fpext", value, F64) if dtype == "float32" else value


def _narrow(f: Function, value: Value, dtype: str) -> Value:
    return f.convert("fptrunc", value, REGISTER_TYPES[dtype]) if dtype == "float32" else value


def _carried_type(dtype: str) -> str:
    return F64 if dtype in FLOATS else memory_type(dtype)


def _sum(dtype: str, a: Value, b: Value) -> Value:
    return a | b if dtype == "bool" else a + b


def _product(dtype: str, a: Value, b: Value) -> Value:
    return a & b if dtype == "bool" else a * b


def _cumsum(dtype: str, _: str) -> tuple[list[str], _Step]:
    def step(f: Function, slots: list[_Slot], place: _Place) -> Value:
        value = _loaded(f, place.x, dtype)
        total = value if place.first else _sum(dtype, slots[0].get(), value)
        slots[0].set(total)
        return _narrow(f, total, dtype)

    return [_carried_type(dtype)], step


def _recurrence(dtype: str, _: str) -> tuple[list[str], _Step]:
    def step(f: Function, slots: list[_Slot], place: _Place) -> Value:
        assert place.factor is not None
        value = _loaded(f, place.x, dtype)
        if not place.first:
            value = _sum(dtype, _product(dtype, _loaded(f, place.factor, dtype), slots[0].get()), value)
        slots[0].set(value)
        return _narrow(f, value, dtype)

    return [_carried_type(dtype)], step


def _cumarg(dtype: str, kind: str) -> tuple[list[str], _Step]:
    reaches, beyond = ("ge", "ogt") if kind.endswith("max") else ("le", "olt")

    def step(f: Function, slots: list[_Slot], place: _Place) -> Value:
        best, where = slots
        value = load_scalar(f, place.x, dtype)
        if place.first:
            best.set(to_memory(f, value))
            where.set(place.position)
            return place.position
        old = from_memory(f, best.get(), dtype)
        if dtype in FLOATS:
            # Nothing but another NaN comes after a NaN; what waits for the step before is short.
            further = f.select(f.compare(beyond, value, old), value, old)
            undefined = f.compare("uno", value, value)
            reached = f.select(undefined, value, further)
            taken = undefined | f.compare("oeq", value, reached)
        else:
            taken = compute(f, Instruction(reaches, "bool"), [value, old], dtype)
            reached = f.select(taken, value, old)
        best.set(to_memory(f, reached))
        found = f.select(taken, place.position, where.get())
        where.set(found)
        return found

    return [memory_type(dtype), I64], step


_STEPS: dict[str, Callable[[str, str], tuple[list[str], _Step]]] = {
    "cumsum": _cumsum,
    "recurrence": _recurrence,
    "cumarg": _cumarg,
}
