"""Building a graph step by step, as every pass does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrograd.core.graph import Graph, Origin, Step
from retrograd.core.operation import signature_of
from retrograd.core.signature import Operation, Signature
from retrograd.core.types import TensorType


class GraphBuilder:
    """Collects steps; values are numbered as in `Graph`.

    Attributes:
        origin: of the steps that are appended.
    """

    def __init__(self, inputs: tuple[TensorType, ...]) -> None:
        self.inputs = inputs
        self.types: list[TensorType] = list(inputs)
        self.steps: list[Step] = []
        self.origin: Origin = ()
        self._definitions: list[Step | None] = [None] * len(inputs)

    def apply(self, signature: Signature, args: tuple[int, ...]) -> int:
        """Append a step; the number of its first output."""
        first = len(self.types)
        step = Step(signature, args, self.origin)
        self.steps.append(step)
        self.types.extend(signature.outputs)
        self._definitions.extend([step] * len(signature.outputs))
        return first

    def definition(self, value: int) -> Step | None:
        """The step that gives a value; None for an input."""
        return self._definitions[value]

    def record(self, operation: Operation, args: tuple[int, ...], attributes: tuple[object, ...] = ()) -> int:
        """Append an operation, inferring its signature."""
        types = tuple(self.types[arg] for arg in args)
        return self.apply(signature_of(operation, types, attributes), args)

    def finish(self, outputs: Sequence[int]) -> Graph:
        return Graph(self.inputs, tuple(self.steps), tuple(outputs))


# A builder, a step, its arguments in the new graph -> the numbers of its outputs there; None to keep the step.
Rule = Callable[[GraphBuilder, Step, tuple[int, ...]], Sequence[int] | None]


def rewritten(graph: Graph, rule: Rule) -> Graph:
    """The graph with, for each step, what a rule makes of it. What the rule appends has the step's origin."""
    builder = GraphBuilder(graph.inputs)
    values = list(range(len(graph.inputs)))
    for step in graph.steps:
        builder.origin = step.origin
        args = tuple(values[arg] for arg in step.args)
        made = rule(builder, step, args)
        if made is None:
            first = builder.apply(step.signature, args)
            made = range(first, first + len(step.signature.outputs))
        values.extend(made)
    return builder.finish([values[i] for i in graph.outputs])
