"""A graph over extents, for other values of its symbols."""

from __future__ import annotations

from typing import Any

from retrograd.core.extent import Extent
from retrograd.core.family import Numbers
from retrograd.core.graph import Graph, Step
from retrograd.core.guards import Guards
from retrograd.core.operation import Function, signature_of
from retrograd.core.signature import Operation, Signature
from retrograd.core.types import TensorType, tensor_type


def graph_at(graph: Graph, guards: Guards, values: Numbers) -> Graph:
    """The graph where the symbols have these values, for which the guards hold."""
    return _Instance(guards, values).graph(graph)


class _Instance:
    def __init__(self, guards: Guards, values: Numbers) -> None:
        self._guards, self._values = guards, values
        self._functions: dict[Operation, Operation] = {}
        self._signatures: dict[Signature, Signature] = {}

    def graph(self, graph: Graph) -> Graph:
        steps = tuple(Step(self._signature(step.signature), step.args, step.origin) for step in graph.steps)
        return Graph(tuple(map(self._type, graph.inputs)), steps, graph.outputs)

    def _signature(self, signature: Signature) -> Signature:
        found = self._signatures.get(signature)
        if found is None:
            types = tuple(map(self._type, signature.inputs))
            attributes = self._attribute(signature.attributes)
            found = self._signatures[signature] = signature_of(self._operation(signature.operation), types, attributes)
        return found

    def _operation(self, operation: Operation) -> Operation:
        if not isinstance(operation, Function):
            return operation
        if operation not in self._functions:
            self._functions[operation] = Function(operation.name, self.graph(operation.graph))
        return self._functions[operation]

    def _type(self, type_: TensorType) -> TensorType:
        return tensor_type(tuple(map(self._number, type_.shape)), type_.dtype)

    def _number(self, number: int) -> int:
        return self._guards.evaluated(number, self._values)

    def _attribute(self, attribute: Any) -> Any:
        if isinstance(attribute, Extent):
            return self._guards.evaluated(attribute, self._values)
        if isinstance(attribute, tuple):
            parts = [self._attribute(part) for part in attribute]
            return type(attribute)(*parts) if hasattr(attribute, "_fields") else tuple(parts)
        return self.graph(attribute) if isinstance(attribute, Graph) else attribute
