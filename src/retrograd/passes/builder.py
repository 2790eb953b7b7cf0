"""Building a graph step by step, as every pass does."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.graph import Graph, Origin, Step
from retrograd.core.operation import Operation, Signature, signature_of
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
        self._definitions: dict[int, Step] = {}

    def apply(self, signature: Signature, args: tuple[int, ...]) -> int:
        """Append a step; the number of its first output."""
        first = len(self.types)
        step = Step(signature, args, self.origin)
        self.steps.append(step)
        self.types.extend(signature.outputs)
        self._definitions.update(dict.fromkeys(range(first, len(self.types)), step))
        return first

    def definition(self, value: int) -> Step | None:
        """The step that gives a value; None for an input."""
        return self._definitions.get(value)

    def record(self, operation: Operation, args: tuple[int, ...], attributes: tuple[object, ...] = ()) -> int:
        """Append an operation, inferring its signature."""
        types = tuple(self.types[arg] for arg in args)
        return self.apply(signature_of(operation, types, attributes), args)

    def finish(self, outputs: Sequence[int]) -> Graph:
        return Graph(self.inputs, tuple(self.steps), tuple(outputs))
