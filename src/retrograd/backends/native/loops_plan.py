"""Where each instruction of a loop kernel is computed: how often, in which pass over the data, kept or computed anew.

Reductions cut a kernel into stages. The pass of stage d goes over the reduced axis and computes the reductions whose
arguments depend on d reductions before them; what depends on their results alone is computed once, between two passes.
A value that moves along the reduced axis is computed again in each pass that needs it, unless it is expensive: then it
may be kept in scratch memory ("stashed") by the first pass and read by the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.kernel import DTYPE_SIZES, REDUCTIONS, TRANSCENDENTAL, KernelError, LoopKernel, Operand

EXPENSIVE = frozenset({*TRANSCENDENTAL, "pow", "floor_divide", "remainder", "gcd", "random_bits"})
DIVISIONS = frozenset({"div", "sqrt"})


@dataclass(frozen=True)
class Facts:
    """What holds of one instruction.

    Attributes:
        depth: how many reductions lie below it, one upon another.
        swept: its value changes along the axis that passes go over (the reduced axis; the inner axis of a map).
        inner: its value changes along the inner axis, so it lives in vectors.
    """

    depth: int
    swept: bool
    inner: bool


@dataclass(frozen=True)
class Stage:
    """What is computed once, and then the pass that follows; numbers of instructions, in the order of the code.

    Attributes:
        once: computed before the pass, with the stores of such values.
        swept: computed at each position of the pass, with its stores; empty if there is no pass.
        reductions: accumulated by the pass.
        kept: of `swept`, those that are written to scratch for later passes.
        recalled: read from scratch instead of being computed.
    """

    once: tuple[int, ...]
    swept: tuple[int, ...]
    reductions: tuple[int, ...]
    kept: tuple[int, ...] = ()
    recalled: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The stages of a kernel and what holds of its instructions."""

    kernel: LoopKernel
    facts: tuple[Facts, ...]
    stages: tuple[Stage, ...]

    @property
    def stashed(self) -> tuple[int, ...]:
        return tuple(i for stage in self.stages for i in stage.kept)

    @property
    def stash_bytes(self) -> int:
        """Bytes of scratch that one position needs."""
        return sum(DTYPE_SIZES[self.kernel.code[i].dtype] for i in self.stashed)

    def weight(self, stage: Stage) -> int:
        """Roughly how many machine instructions one vector of the stage's pass takes."""
        return sum(_weight(self.kernel, i) for i in stage.swept)


def point_weight(kernel: LoopKernel) -> int:
    """Roughly how many machine instructions a kernel takes for one vector of points, all passes together."""
    return sum(_weight(kernel, i) for i in range(len(kernel.code)))


def _weight(kernel: LoopKernel, number: int) -> int:
    instruction = kernel.code[number]
    strided = instruction.op in ("load", "store") and kernel.operands[instruction.number].inner == "strided"
    cost = 20 if instruction.op in EXPENSIVE or strided else 4 if instruction.op in DIVISIONS else 1
    return cost * (2 if DTYPE_SIZES[instruction.dtype] == 8 else 1)


def make_plan(kernel: LoopKernel, *, stash: bool) -> Plan:
    """Assign every instruction to a stage; with `stash`, keep expensive values for later passes."""
    facts = _facts(kernel)
    passes = {i: _first_pass(kernel, facts, i) for i in range(len(kernel.code)) if _is_root(kernel, facts, i)}
    while True:
        stages = _stages(kernel, facts, passes, stash=stash)
        later = _stores_after_loads(kernel, stages, passes)
        if later == passes:
            return Plan(kernel, facts, stages)
        passes = later


def _facts(kernel: LoopKernel) -> tuple[Facts, ...]:
    facts: list[Facts] = []
    for instruction in kernel.code:
        args = [facts[arg] for arg in instruction.args]
        depth = max((arg.depth for arg in args), default=0)
        swept, inner = any(arg.swept for arg in args), any(arg.inner for arg in args)
        if instruction.op in ("load", "position"):
            operand = kernel.operands[instruction.number]
            inner = operand.inner != "zero"
            swept = inner if kernel.reduces != "outer" else not operand.per_column
        elif instruction.op == "index":
            inner = instruction.number == kernel.rank
            swept = instruction.number == (kernel.rank - 1 if kernel.reduces == "outer" else kernel.rank)
        elif instruction.op in REDUCTIONS:
            depth, swept, inner = depth + 1, False, inner and kernel.reduces == "outer"
        elif instruction.op == "store":
            value_swept, value_inner = swept, inner
            inner = kernel.operands[instruction.number].inner != "zero"
            swept = inner if kernel.reduces != "outer" else not kernel.operands[instruction.number].per_column
            if value_inner and not inner:
                raise KernelError(f"{kernel}\nstores a value that changes along the inner axis to a zero stride")
            if value_swept and kernel.operands[instruction.number].per_column:
                raise KernelError(
                    f"{kernel}\nstores a value that changes along the reduced axis to a per_column operand"
                )
        facts.append(Facts(depth, swept, inner))
    return tuple(facts)


def _is_root(kernel: LoopKernel, facts: tuple[Facts, ...], number: int) -> bool:
    """Whether a pass is there for the sake of this instruction."""
    op = kernel.code[number].op
    return op in REDUCTIONS or (op == "store" and facts[number].swept)


def _first_pass(kernel: LoopKernel, facts: tuple[Facts, ...], number: int) -> int:
    return facts[number].depth - (kernel.code[number].op in REDUCTIONS)


def _stages(kernel: LoopKernel, facts: tuple[Facts, ...], passes: dict[int, int], *, stash: bool) -> tuple[Stage, ...]:
    count = 1 + max((fact.depth for fact in facts), default=0)
    needed: list[set[int]] = []
    recalled: list[set[int]] = []
    computed: set[int] = set()
    for number in range(count):
        roots = [i for i, at in passes.items() if at == number]
        found, read = _needed(kernel, facts, roots, computed if stash else set())
        computed |= {i for i in found if kernel.code[i].op in EXPENSIVE and facts[i].inner}
        needed.append(found)
        recalled.append(read)
    stashed = set().union(*recalled)
    return tuple(
        Stage(
            once=tuple(i for i, fact in enumerate(facts) if not fact.swept and fact.depth == number),
            swept=tuple(sorted(i for i in needed[number] if kernel.code[i].op not in REDUCTIONS)),
            reductions=tuple(i for i in passes if passes[i] == number and kernel.code[i].op in REDUCTIONS),
            kept=tuple(sorted(needed[number] & stashed)),
            recalled=tuple(sorted(recalled[number])),
        )
        for number in range(count)
    )


def _needed(
    kernel: LoopKernel, facts: tuple[Facts, ...], roots: list[int], stashed: set[int]
) -> tuple[set[int], set[int]]:
    """The instructions that a pass computes for its roots, and those of `stashed` that it reads instead."""
    found, recalled, pending = set(), set(), list(roots)
    while pending:
        number = pending.pop()
        if number in found:
            continue
        found.add(number)
        for arg in kernel.code[number].args:
            if facts[arg].swept and arg in stashed:
                recalled.add(arg)
            elif facts[arg].swept:
                pending.append(arg)
    return found, recalled


def _stores_after_loads(kernel: LoopKernel, stages: tuple[Stage, ...], passes: dict[int, int]) -> dict[int, int]:
    """The passes of the roots, where a store waits for the last pass that loads what it might overwrite."""
    last_load = {
        kernel.code[i].number: number
        for number, stage in enumerate(stages)
        for i in stage.swept
        if kernel.code[i].op == "load"
    }

    def store_pass(i: int) -> int:
        target = kernel.operands[kernel.code[i].number]
        alike = [at for o, at in last_load.items() if _may_alias(kernel.operands[o], target)]
        return max([passes[i], *alike])

    return {i: store_pass(i) if kernel.code[i].op == "store" else at for i, at in passes.items()}


def _may_alias(a: Operand, b: Operand) -> bool:
    return (a.dtype, a.inner, a.per_column) == (b.dtype, b.inner, b.per_column)
