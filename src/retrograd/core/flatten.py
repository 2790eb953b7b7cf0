"""Flatten: a graph in primitives and control flow alone, for rules that look at what is computed."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.graph import Graph
from retrograd.core.node import Node
from retrograd.core.operation import results
from retrograd.core.signature import Signature


def flatten(graph: Graph, inputs: Sequence[Node]) -> list[Node]:
    """Record a graph on `inputs` with every call replaced by its body, equal steps once; the nodes of its outputs."""
    return _flattened(graph, inputs, {})


def _flattened(
    graph: Graph, inputs: Sequence[Node], made: dict[tuple[Signature, tuple[Node, ...]], list[Node]]
) -> list[Node]:
    values = list(inputs)
    for step in graph.steps:
        signature = step.signature
        args = tuple(values[arg] for arg in step.args)
        if signature.graph is not None:
            values.extend(_flattened(signature.graph, args, made))
            continue
        key = signature, args
        if key not in made:
            made[key] = results(Node(signature, args, False))
        values.extend(made[key])
    return [values[place] for place in graph.outputs]
