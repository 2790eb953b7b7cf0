"""Nothing is computed where there are no elements: kernels need not think of it."""

from __future__ import annotations

from retrograd.backends.native.loop_steps import LOOP, PART
from retrograd.core.graph import Graph, Step
from retrograd.ops.constant import CONST
from retrograd.ops.gather import SCATTER
from retrograd.passes.builder import GraphBuilder, rewritten
from retrograd.passes.cse import drop_dead


def without_empty(graph: Graph) -> Graph:
    """The graph with constants for values without elements, and without scattering of nothing."""
    if not any(_is_empty(step) or _scatters_nothing(step) for step in graph.steps):
        return graph
    return drop_dead(rewritten(graph, _without))


def _without(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int, ...] | None:
    if _is_empty(step):
        type_ = step.signature.type
        return (builder.record(CONST, (), (0, type_.dtype.name, type_.shape)),)
    return args[:1] if _scatters_nothing(step) else None


def _is_empty(step: Step) -> bool:
    return step.signature.type.size == 0 and step.signature.operation not in (CONST, LOOP, PART)


def _scatters_nothing(step: Step) -> bool:
    return step.signature.operation is SCATTER and step.signature.inputs[1].size == 0
