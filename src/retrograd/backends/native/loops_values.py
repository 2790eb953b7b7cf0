"""Evaluating the instructions of a loop kernel at one place: on scalars, or on vectors along the inner axis."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from retrograd.backends.native.ir import I64, Function, Value, vector
from retrograd.backends.native.kernel import REDUCTIONS, Instruction
from retrograd.backends.native.loops_memory import Lanes, Stash, load_lanes, load_scalar, store_lanes, to_memory
from retrograd.backends.native.loops_plan import Plan, Stage
from retrograd.backends.native.scalar_ops import REGISTER_TYPES, compute, constant


@dataclass(frozen=True)
class Place:
    """Where instructions are evaluated.

    Attributes:
        pointers: of each operand, the address of its element at inner index 0.
        coordinates: along the outer axes, as far as they are known here.
        vectors: those along the inner axis that are evaluated together.
    """

    pointers: Sequence[Value]
    coordinates: Sequence[Value]
    vectors: Sequence[Lanes] = ()


@dataclass
class Scope:
    """Values known at one point of the kernel, besides those of the scope around it.

    A value that changes along the inner axis has one vector for each of the place's vectors; other values are scalars.
    A scalar that vectors use is spread over the lanes once.
    """

    parent: Scope | None = None
    scalars: dict[int, Value] = field(default_factory=dict)
    spread: dict[int, Value] = field(default_factory=dict)
    vectors: dict[tuple[int, int], Value] = field(default_factory=dict)

    def scalar(self, number: int) -> Value | None:
        return self.scalars.get(number) or (self.parent.scalar(number) if self.parent else None)

    def spread_scalar(self, number: int) -> Value | None:
        return self.spread.get(number) or (self.parent.spread_scalar(number) if self.parent else None)

    def vector(self, number: int, u: int) -> Value | None:
        return self.vectors.get((number, u)) or (self.parent.vector(number, u) if self.parent else None)


class Evaluator:
    """Emits the instructions of one kernel into one function; with `seldom`, as code that rarely runs."""

    def __init__(
        self, f: Function, plan: Plan, inner_strides: Sequence[Value], stash: Stash | None, *, seldom: bool
    ) -> None:
        self.f, self.plan, self.kernel, self.stash, self.seldom = f, plan, plan.kernel, stash, seldom
        self.lanes = f.module.target.lanes
        self.strides = [
            stride if operand.inner == "strided" else None
            for operand, stride in zip(self.kernel.operands, inner_strides, strict=True)
        ]

    def vector_type(self, dtype: str) -> str:
        return vector(self.lanes, REGISTER_TYPES[dtype])

    def once(self, stage: Stage, place: Place, scope: Scope) -> None:
        """What the stage computes before its pass."""
        self._evaluate(stage.once, place, scope)

    def sweep(self, stage: Stage, place: Place, scope: Scope) -> None:
        """What the stage's pass computes at one position."""
        if self.stash is not None:
            for number, (u, lanes) in itertools.product(stage.recalled, enumerate(place.vectors)):
                scope.vectors[number, u] = self.stash.load(self.f, number, lanes.column)
        self._evaluate(stage.swept, place, scope)
        if self.stash is not None:
            for number, (u, lanes) in itertools.product(stage.kept, enumerate(place.vectors)):
                self.stash.store(self.f, number, scope.vectors[number, u], lanes.column)

    def spread(self, stage: Stage, scope: Scope) -> None:
        """Spread the scalars that vectors of the stage's pass use: once, in front of its loops."""
        for number in (*stage.swept, *stage.reductions):
            for arg in self.kernel.code[number].args:
                if not self.plan.facts[arg].swept and not self.plan.facts[arg].inner:
                    self.vector(arg, 0, scope)

    def value(self, number: int, u: int, scope: Scope) -> Value:
        """The value as it is held: a vector, or a scalar if it does not change along the inner axis."""
        inner = self.plan.facts[number].inner
        value = scope.vector(number, u) if inner else scope.scalar(number)
        assert value is not None, f"%{number} is not computed here"
        return value

    def vector(self, number: int, u: int, scope: Scope) -> Value:
        """The value in vector `u`."""
        instruction = self.kernel.code[number]
        if self.plan.facts[number].inner:
            return self.value(number, u, scope)
        if instruction.op == "const":
            return constant(self.f, instruction.constant, instruction.dtype, self.vector_type(instruction.dtype))
        value = scope.spread_scalar(number)
        if value is None:
            value = scope.spread[number] = self.f.splat(self.value(number, u, scope), self.lanes)
        return value

    def _evaluate(self, numbers: Iterable[int], place: Place, scope: Scope) -> None:
        for number in numbers:
            if self.kernel.code[number].op in REDUCTIONS:
                continue
            if not self.plan.facts[number].inner:
                self._evaluate_scalar(number, place, scope)
                continue
            # Instruction by instruction over all vectors, so that independent work stands together.
            for u, lanes in enumerate(place.vectors):
                self._evaluate_vector(number, place, u, lanes, scope)

    def _evaluate_scalar(self, number: int, place: Place, scope: Scope) -> None:
        instruction = self.kernel.code[number]
        op, dtype = instruction.op, instruction.dtype
        args = [self.value(arg, 0, scope) for arg in instruction.args]
        if op == "store":
            self.f.store(to_memory(self.f, args[0]), place.pointers[instruction.number])
        elif op == "load":
            scope.scalars[number] = load_scalar(self.f, place.pointers[instruction.number], dtype)
        elif op == "const":
            scope.scalars[number] = constant(self.f, instruction.constant, dtype, REGISTER_TYPES[dtype])
        elif op == "index":
            scope.scalars[number] = place.coordinates[instruction.number]
        elif op == "position":
            scope.scalars[number] = self.f.convert("ptrtoint", place.pointers[instruction.number], I64)
        else:
            scope.scalars[number] = self._compute(instruction, args, seldom=True)

    def _evaluate_vector(self, number: int, place: Place, u: int, lanes: Lanes, scope: Scope) -> None:
        instruction = self.kernel.code[number]
        op, dtype = instruction.op, instruction.dtype
        args = [self.vector(arg, u, scope) for arg in instruction.args]
        if op == "store":
            store_lanes(self.f, args[0], place.pointers[instruction.number], lanes, self.strides[instruction.number])
        elif op == "load":
            scope.vectors[number, u] = load_lanes(
                self.f, place.pointers[instruction.number], lanes, dtype, self.strides[instruction.number]
            )
        elif op == "index":
            columns = self.f.splat(lanes.column, self.lanes) + self.f.lane_numbers(self.lanes)
            scope.vectors[number, u] = columns
        elif op == "position":
            scope.vectors[number, u] = self._positions(place.pointers[instruction.number], lanes, instruction.number)
        else:
            scope.vectors[number, u] = self._compute(instruction, args, seldom=lanes.mask is not None)

    def _positions(self, pointer: Value, lanes: Lanes, operand: int) -> Value:
        """The addresses of bytes along a row, as numbers."""
        start, stride = self.f.convert("ptrtoint", pointer, I64), self.strides[operand]
        if stride is None:
            return self.f.splat(start + lanes.column, self.lanes) + self.f.lane_numbers(self.lanes)
        steps = self.f.lane_numbers(self.lanes) * self.f.splat(stride, self.lanes)
        return self.f.splat(start + lanes.column * stride, self.lanes) + steps

    def _compute(self, instruction: Instruction, args: list[Value], *, seldom: bool) -> Value:
        operand_dtype = self.kernel.code[instruction.args[-1]].dtype
        return compute(self.f, instruction, args, operand_dtype, seldom=seldom or self.seldom)
