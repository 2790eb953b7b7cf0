"""The loops of a kernel over a rectangle of rows and columns, by what it reduces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrograd.backends.native.ir import Function, Value, Variable
from retrograd.backends.native.loops_memory import Lanes, Stash
from retrograd.backends.native.loops_plan import Plan, Stage
from retrograd.backends.native.loops_values import Evaluator, Place, Scope
from retrograd.backends.native.scalar_ops import REGISTER_TYPES, combine, constant, identity

# The order of a sum along the inner axis: vector j is added to accumulator j % 4, and these are added pairwise.
ACCUMULATORS = 4
# A pass of few instructions a vector is unrolled, a long one has enough independent work in one vector.
LIGHT_WEIGHT, MEDIUM_WEIGHT = 10, 24


@dataclass(frozen=True)
class Space:
    """The memory and the extents that a kernel finds at run time.

    Attributes:
        pointers: of each operand, the address of its first element.
        strides: of each operand, the byte strides of axes 0..rank (the inner axis is last).
        extents: of the outer axes.
    """

    pointers: list[Value]
    strides: list[list[Value]]
    extents: list[Value]


@dataclass(frozen=True)
class Rectangle:
    """The part to compute: rows [row0, row1) of the kept outer axes, columns [column0, column1) of the inner axis."""

    row0: Value
    row1: Value
    column0: Value
    column1: Value


def emit_rectangle(
    f: Function, plan: Plan, space: Space, part: Rectangle, stash: Stash | None = None, *, seldom: bool = False
) -> None:
    """Emit the loops that compute `part`; with `seldom`, as code that rarely runs and had better be small."""
    evaluator = Evaluator(f, plan, [strides[-1] for strides in space.strides], stash, seldom=seldom)
    kept = len(space.extents) - (plan.kernel.reduces == "outer")
    emit_row = {"none": _map_row, "inner": _reduce_row, "outer": _reduce_columns}[plan.kernel.reduces]
    with f.loop(part.row0, part.row1) as row:
        coordinates = _unravel(f, row, space.extents[:kept])
        pointers = [
            _advance(f, pointer, strides, coordinates)
            for pointer, strides in zip(space.pointers, space.strides, strict=True)
        ]
        emit_row(evaluator, Place(pointers, coordinates), space, part)


def _unravel(f: Function, row: Value, extents: Sequence[Value]) -> list[Value]:
    """The coordinates of a linear row number; without a division for less than two axes."""
    coordinates: list[Value] = []
    for extent in reversed(extents[1:]):
        outer = f.binary("udiv", row, extent)
        coordinates.insert(0, row - outer * extent)
        row = outer
    return [row, *coordinates] if extents else []


def _advance(f: Function, pointer: Value, strides: Sequence[Value], coordinates: Sequence[Value]) -> Value:
    for stride, coordinate in zip(strides, coordinates, strict=False):
        pointer = f.offset(pointer, coordinate * stride)
    return pointer


def _for_columns(evaluator: Evaluator, part: Rectangle, unroll: int, body: Callable[[list[Lanes]], None]) -> None:
    """Call `body` for vectors of columns: `unroll` at a time, then singly, then for the masked rest."""
    f, lanes = evaluator.f, evaluator.lanes
    if evaluator.seldom:
        with f.loop(part.column0, part.column1, lanes) as column:
            body([Lanes(column, f.tail_mask(lanes, part.column1 - column))])
        return
    count = part.column1 - part.column0
    whole = part.column0 + (count & -lanes)
    unrolled = part.column0
    if unroll > 1:
        unrolled = part.column0 + (count & -(lanes * unroll))
        with f.loop(part.column0, unrolled, lanes * unroll) as column:
            body([Lanes(column + u * lanes) for u in range(unroll)])
    with f.loop(unrolled, whole, lanes) as column:
        body([Lanes(column)])
    with f.when(f.compare("slt", whole, part.column1)):
        body([Lanes(whole, f.tail_mask(lanes, part.column1 - whole))])


def _unroll(weight: int) -> int:
    return 4 if weight <= LIGHT_WEIGHT else 2 if weight <= MEDIUM_WEIGHT else 1


# -- maps -------------------------------------------------------------------------------------------------------------


def _map_row(evaluator: Evaluator, row: Place, space: Space, part: Rectangle) -> None:
    (stage,) = evaluator.plan.stages
    scope = Scope()
    evaluator.once(stage, row, scope)
    _sweep_row(evaluator, stage, row, scope, part)


def _sweep_row(evaluator: Evaluator, stage: Stage, row: Place, scope: Scope, part: Rectangle) -> None:
    evaluator.spread(stage, scope)

    def body(vectors: list[Lanes]) -> None:
        evaluator.sweep(stage, Place(row.pointers, row.coordinates, vectors), Scope(scope))

    _for_columns(evaluator, part, _unroll(evaluator.plan.weight(stage)), body)


# -- reductions along the inner axis ----------------------------------------------------------------------------------


def _reduce_row(evaluator: Evaluator, row: Place, space: Space, part: Rectangle) -> None:
    scope = Scope()
    for stage in evaluator.plan.stages:
        evaluator.once(stage, row, scope)
        if stage.reductions:
            _accumulate_row(evaluator, stage, row, scope, part)
        elif stage.swept:
            _sweep_row(evaluator, stage, row, scope, part)


def _accumulate_row(evaluator: Evaluator, stage: Stage, row: Place, scope: Scope, part: Rectangle) -> None:
    f = evaluator.f
    evaluator.spread(stage, scope)
    accumulators = {number: _accumulators(evaluator, number, ACCUMULATORS) for number in stage.reductions}

    def body(vectors: list[Lanes]) -> None:
        inner = Scope(scope)
        evaluator.sweep(stage, Place(row.pointers, row.coordinates, vectors), inner)
        for number, variables in accumulators.items():
            for u, lanes in enumerate(vectors):
                _accumulate(evaluator, number, variables[u], evaluator.vector(_arg(evaluator, number), u, inner), lanes)
            if len(vectors) == 1:
                _rotate(variables)

    light = evaluator.plan.weight(stage) <= LIGHT_WEIGHT
    _for_columns(evaluator, part, ACCUMULATORS if light else 1, body)
    vector_count = f.binary("sdiv", part.column1 - part.column0 + (evaluator.lanes - 1), evaluator.lanes)
    odd = f.compare("ne", vector_count & 1, 0)
    for number, variables in accumulators.items():
        scope.scalars[number] = _fold(evaluator, number, [variable.get() for variable in variables], odd)


def _arg(evaluator: Evaluator, number: int) -> int:
    return evaluator.kernel.code[number].args[0]


def _accumulators(evaluator: Evaluator, number: int, count: int, *, vectors: bool = True) -> list[Variable]:
    instruction = evaluator.kernel.code[number]
    element = REGISTER_TYPES[instruction.dtype]
    type_ = evaluator.vector_type(instruction.dtype) if vectors else element
    start = constant(evaluator.f, identity(instruction.op, instruction.dtype), instruction.dtype, type_)
    return [evaluator.f.variable(type_, start) for _ in range(count)]


def _accumulate(
    evaluator: Evaluator, number: int, accumulator: Variable, value: Value, lanes: Lanes | None = None
) -> None:
    """Lanes that are off keep what they have."""
    instruction, before = evaluator.kernel.code[number], accumulator.get()
    after = combine(evaluator.f, instruction.op, instruction.dtype, before, value)
    if lanes is not None and lanes.mask is not None:
        after = evaluator.f.emit(after.type, f"select {lanes.mask}, {after}, {before}")
    accumulator.set(after)


def _rotate(variables: Sequence[Variable]) -> None:
    """Bring the next accumulator to the front; the one in front goes to the back."""
    values = [variable.get() for variable in variables]
    for variable, value in zip(variables, [*values[1:], values[0]], strict=True):
        variable.set(value)


def _fold(evaluator: Evaluator, number: int, values: list[Value], odd: Value) -> Value:
    """Four accumulators to one scalar, in an order that the extent alone fixes.

    After an odd number of rotations the last value is the first accumulator, or the third: the pairs are the same.
    """
    f, instruction = evaluator.f, evaluator.kernel.code[number]

    def merge(a: Value, b: Value) -> Value:
        return combine(f, instruction.op, instruction.dtype, a, b)

    a, b, c, d = (
        f.select(odd, rotated, value) for value, rotated in zip(values, [values[-1], *values[:-1]], strict=True)
    )
    total = merge(merge(a, b), merge(c, d))
    width = evaluator.lanes
    while width > 1:
        width //= 2
        low, high = f.shuffle(total, total, range(width)), f.shuffle(total, total, range(width, 2 * width))
        total = merge(low, high)
    return f.extract(total, 0)


# -- reductions along an outer axis -----------------------------------------------------------------------------------


def _reduce_columns(evaluator: Evaluator, row: Place, space: Space, part: Rectangle) -> None:
    weight = max(evaluator.plan.weight(stage) for stage in evaluator.plan.stages)

    def group(vectors: list[Lanes]) -> None:
        place, scope = Place(row.pointers, row.coordinates, vectors), Scope()
        for stage in evaluator.plan.stages:
            evaluator.once(stage, place, scope)
            if stage.swept or stage.reductions:
                _accumulate_columns(evaluator, stage, place, scope, space)

    _for_columns(evaluator, part, _unroll(weight), group)


def _accumulate_columns(evaluator: Evaluator, stage: Stage, place: Place, scope: Scope, space: Space) -> None:
    evaluator.spread(stage, scope)
    facts = evaluator.plan.facts
    accumulators = {
        number: _accumulators(
            evaluator, number, len(place.vectors) if facts[number].inner else 1, vectors=facts[number].inner
        )
        for number in stage.reductions
    }
    with evaluator.f.loop(0, space.extents[-1]) as position:
        pointers = [
            evaluator.f.offset(pointer, position * strides[-2])
            for pointer, strides in zip(place.pointers, space.strides, strict=True)
        ]
        inner = Scope(scope)
        evaluator.sweep(stage, Place(pointers, [*place.coordinates, position], place.vectors), inner)
        for number, variables in accumulators.items():
            for u, variable in enumerate(variables):
                _accumulate(evaluator, number, variable, evaluator.value(_arg(evaluator, number), u, inner))
    for number, variables in accumulators.items():
        for u, variable in enumerate(variables):
            if facts[number].inner:
                scope.vectors[number, u] = variable.get()
            else:
                scope.scalars[number] = variable.get()
