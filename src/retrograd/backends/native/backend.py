"""The native backend: where a graph becomes machine code. `plan_segment` lists the stages.

    graph -> prepare -> views -> fusion -> lowering -> schedule -> program

A tiny graph goes from there straight to its lowering: a single kernel for all of it (`tiny.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.backends.base import Program
from retrograd.backends.native.compiler import host
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.prepare import prepare
from retrograd.backends.native.program import NativeProgram
from retrograd.backends.native.schedule import Schedule, make_schedule
from retrograd.backends.native.segments import SegmentedProgram, native_steps
from retrograd.backends.native.target import Target
from retrograd.backends.native.tiny import TinyLowering, is_tiny
from retrograd.backends.native.views import ViewTable
from retrograd.core.graph import Graph


class NativeBackend:
    """LLVM kernels run from a program table by a pool of threads."""

    name = "native"

    def compile(self, graph: Graph, scalars: Sequence[bool], aliases: Sequence[int], tier: int) -> Program:
        if all(native_steps(graph)):
            return compile_segment(graph, scalars, aliases, tier)

        def compile_part(part: Graph, numbers: Sequence[bool]) -> Program:
            return compile_segment(part, numbers, [-1] * len(part.outputs), tier)

        def compile_body(body: Graph) -> Program:
            return self.compile(body, [False] * len(body.inputs), [-1] * len(body.outputs), tier)

        return SegmentedProgram(graph, scalars, compile_part, compile_body)


def compile_segment(graph: Graph, scalars: Sequence[bool], aliases: Sequence[int], tier: int) -> NativeProgram:
    """A program for steps that all have kernels."""
    lowering, schedule = plan_segment(graph, aliases, tier, host().target)
    return NativeProgram(lowering, schedule, scalars)  # machine code, a table


def plan_segment(graph: Graph, aliases: Sequence[int], tier: int, target: Target) -> tuple[Lowering, Schedule]:
    """All that is decided before there is machine code, for any kind of CPU."""
    graph = prepare(graph, target)  # values one by one, in an order of axes; reductions as kernels take them
    if tier > 0 and is_tiny(graph):
        whole = TinyLowering(graph, target)  # one kernel for everything
        return whole, make_schedule(whole, aliases)
    views = ViewTable(graph)  # movements cost nothing: where does each value lie?
    fusion = Fusion(graph, views, fuse=tier > 0)  # which steps does one kernel compute?
    lowering = Lowering(graph, fusion, target)  # kernels and their arguments
    return lowering, make_schedule(lowering, aliases)  # phases, and places in memory
