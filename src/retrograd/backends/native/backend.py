"""The native backend: where a graph becomes machine code. `plan_segment` lists the stages.

    graph -> prepare -> views -> fusion -> lowering -> schedule -> plan -> program

A tiny graph goes from there straight to its lowering: a single kernel for all of it (`tiny.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from retrograd.backends.base import Program, Tier
from retrograd.backends.native.compiler import host
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.plan_store import FEWEST_STEPS, plan_store
from retrograd.backends.native.prepare import prepare
from retrograd.backends.native.program import NativeProgram, bind_plan
from retrograd.backends.native.schedule import Schedule, make_schedule
from retrograd.backends.native.segments import SegmentedProgram, native_steps
from retrograd.backends.native.stepwise import StepPrograms, StepwiseProgram
from retrograd.backends.native.target import Target
from retrograd.backends.native.templates import Templates
from retrograd.backends.native.tiny import TinyLowering, is_tiny
from retrograd.backends.native.views import ViewTable
from retrograd.core.graph import Graph
from retrograd.passes.generalise import is_general
from retrograd.passes.structure import Structure

# After so many structures in a row that are not on disk, new ones are looked for there only when they return.
_MISSES = 16


class NativeBackend:
    """LLVM kernels run from a program table by a pool of threads."""

    name = "native"

    def __init__(self) -> None:
        self._templates = Templates(plan_segment)
        self._steps = StepPrograms(self._compile_step)
        self._missed = 0

    def compile(self, structure: Structure, tier: int) -> Program:
        if tier == Tier.STEPS:
            return StepwiseProgram(structure, self._steps)
        graph, scalars = structure.graph, structure.scalars
        if not all(native_steps(graph)):
            return _in_segments(graph, scalars, tier)
        program = compile_segment(graph, scalars, structure.aliases, tier)
        if tier > 0 and len(graph.steps) >= FEWEST_STEPS and structure.digest is not None:
            plan_store().keep(program.plan, structure.digest, structure.aliases)
        return program

    def recall(self, structure: Structure, first: bool) -> Program | None:
        instance = self._templates.instance(structure)
        if instance is not None:
            return instance
        if (first and self._missed >= _MISSES) or structure.digest is None:
            return None
        plan = plan_store().recall(structure.digest, structure.aliases)
        self._missed = self._missed + 1 if plan is None else 0
        return None if plan is None else _recalled(plan, structure)

    def _compile_step(self, structure: Structure) -> Program:
        return self.recall(structure, first=True) or self.compile(structure, Tier.FUSED)


def _recalled(plan: Plan, structure: Structure) -> NativeProgram:
    """The program of a plan. The work behind it is made anew if a kernel is gone, or somebody wants to see it."""

    @functools.cache
    def work() -> tuple[Lowering, Schedule]:
        return plan_segment(structure.graph, structure.aliases, 1, host().target)

    def build(key: str) -> str:
        return work()[0].generators[key]()

    return NativeProgram(bind_plan(plan, build), structure.recorded.inputs, structure.scalars, work)


def _in_segments(graph: Graph, scalars: Sequence[bool], tier: int) -> SegmentedProgram:
    """A program of native parts, and of steps that have no kernel."""

    def compile_part(part: Graph, numbers: Sequence[bool]) -> Program:
        return compile_segment(part, numbers, [-1] * len(part.outputs), tier)

    def compile_body(body: Graph) -> Program:
        scalars, aliases = [False] * len(body.inputs), [-1] * len(body.outputs)
        if all(native_steps(body)):
            return compile_segment(body, scalars, aliases, tier)
        return _in_segments(body, scalars, tier)

    return SegmentedProgram(graph, scalars, compile_part, compile_body)


def compile_segment(graph: Graph, scalars: Sequence[bool], aliases: Sequence[int], tier: int) -> NativeProgram:
    """A program for steps that all have kernels."""
    target = host().target
    lowering, schedule = plan_segment(graph, aliases, tier, target)
    plan = Plan.of(lowering, schedule)  # all of it as data
    bound = bind_plan(plan, lambda key: lowering.generators[key]())  # code, a table
    return NativeProgram(bound, graph.inputs, scalars, functools.partial(plan_segment, graph, aliases, tier, target))


def plan_segment(graph: Graph, aliases: Sequence[int], tier: int, target: Target) -> tuple[Lowering, Schedule]:
    """All that is decided before there is machine code, for any kind of CPU."""
    graph = prepare(graph, target)  # values one by one, in an order of axes; reductions as kernels take them
    if tier > 0 and not is_general(graph) and is_tiny(graph):
        whole = TinyLowering(graph, target)  # one kernel for everything
        return whole, make_schedule(whole, aliases)
    views = ViewTable(graph)  # movements cost nothing: where does each value lie?
    fusion = Fusion(graph, views, fuse=tier > 0)  # which steps does one kernel compute?
    lowering = Lowering(graph, fusion, target)  # kernels and their arguments
    return lowering, make_schedule(lowering, aliases)  # phases, and places in memory
