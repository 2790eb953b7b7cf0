"""The native backend: where a graph becomes machine code. `compile_segment` lists the stages.

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
from retrograd.backends.native.schedule import make_schedule
from retrograd.backends.native.segments import SegmentedProgram, native_steps
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

        return SegmentedProgram(graph, scalars, compile_part)


def compile_segment(graph: Graph, scalars: Sequence[bool], aliases: Sequence[int], tier: int) -> NativeProgram:
    """A program for steps that all have kernels."""
    graph = prepare(graph, host().target)  # values one by one, in an order of axes; reductions as kernels take them
    if tier > 0 and is_tiny(graph):
        whole = TinyLowering(graph, host().target)  # one kernel for everything
        return NativeProgram(whole, make_schedule(whole, aliases), scalars)
    views = ViewTable(graph)  # movements cost nothing: where does each value lie?
    fusion = Fusion(graph, views, fuse=tier > 0)  # which steps does one kernel compute?
    lowering = Lowering(graph, fusion, host().target)  # kernels and their arguments
    schedule = make_schedule(lowering, aliases)  # phases, and places in memory
    return NativeProgram(lowering, schedule, scalars)  # machine code, a table
