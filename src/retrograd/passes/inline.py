"""Inline: every call of a composite or function is replaced by its body, until only primitives are left."""

from __future__ import annotations

from retrograd.core.graph import Graph
from retrograd.core.operation import Primitive
from retrograd.passes.builder import GraphBuilder


def inline_calls(graph: Graph) -> Graph:
    """The same function in primitives alone."""
    builder = GraphBuilder(graph.inputs)
    return builder.finish(_emit(builder, graph, list(range(len(graph.inputs)))))


def _emit(builder: GraphBuilder, graph: Graph, values: list[int]) -> list[int]:
    """Append the steps of `graph` on the values given for its inputs; the numbers of its outputs."""
    values = list(values)
    for step in graph.steps:
        args = [values[arg] for arg in step.args]
        if isinstance(step.signature.operation, Primitive):
            values.append(builder.apply(step.signature, tuple(args)))
        else:
            assert step.signature.graph is not None
            values.extend(_emit(builder, step.signature.graph, args))
    return [values[i] for i in graph.outputs]
