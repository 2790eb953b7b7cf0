"""Common subexpressions: equal applications of equal values are computed once; what nobody reads is dropped.

This is what joins the forward part that a derived gradient repeats to the forward pass itself.
"""

from __future__ import annotations

from retrograd.core.graph import Graph, Step
from retrograd.core.signature import Signature
from retrograd.passes.builder import GraphBuilder, rewritten


def merge_common(graph: Graph) -> Graph:
    """One step for each distinct (signature, args)."""
    seen: dict[tuple[Signature, tuple[int, ...]], int] = {}

    def once(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> range:
        key = (step.signature, args)
        first = seen.get(key)
        if first is None:
            first = seen[key] = builder.apply(step.signature, args)
        return range(first, first + len(step.signature.outputs))

    return rewritten(graph, once)


def drop_dead(graph: Graph) -> Graph:
    """Only the steps that an output depends on."""
    first = len(graph.inputs)
    starts = []
    for step in graph.steps:
        starts.append(first)
        first += len(step.signature.outputs)
    live = set(graph.outputs)
    kept = [False] * len(graph.steps)
    for i in range(len(graph.steps) - 1, -1, -1):
        step = graph.steps[i]
        if any(value in live for value in range(starts[i], starts[i] + len(step.signature.outputs))):
            kept[i] = True
            live.update(step.args)
    builder = GraphBuilder(graph.inputs)
    values = dict(enumerate(range(len(graph.inputs))))
    for i, step in enumerate(graph.steps):
        if kept[i]:
            builder.origin = step.origin
            first = builder.apply(step.signature, tuple(values[arg] for arg in step.args))
            values.update((starts[i] + k, first + k) for k in range(len(step.signature.outputs)))
    return builder.finish([values[i] for i in graph.outputs])
