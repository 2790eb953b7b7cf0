"""The reference backend runs each step by its primitive's NumPy definition. Every other backend is held against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Primitive


class ReferenceProgram:
    """A graph, interpreted."""

    repeatable = False

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._last_use = _last_uses(graph)

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        values: dict[int, np.ndarray[Any, Any]] = {}
        for i, (given, type_) in enumerate(zip(inputs, self.graph.inputs, strict=True)):
            values[i] = np.asarray(given.value, type_.dtype.numpy) if isinstance(given, Scalar) else given.array()
        count = len(inputs)
        for place, step in enumerate(self.graph.steps):
            values[count] = run_step(step, [values[arg] for arg in step.args])
            count += 1
            for dead in self._last_use.get(place, ()):
                del values[dead]
        # An output may overwrite an input: nothing is written before everything is known.
        results = [values[i].copy() if i < len(inputs) else values[i] for i in self.graph.outputs]
        for buffer, result in zip(outputs, results, strict=True):
            np.copyto(buffer.array(), result, casting="no")


def run_step(step: Step, args: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """The result of one step by its primitive's definition."""
    operation = step.signature.operation
    assert isinstance(operation, Primitive)
    result = operation.reference(*args, *step.signature.attributes)
    return np.asarray(result, step.signature.type.dtype.numpy)


def _last_uses(graph: Graph) -> dict[int, list[int]]:
    """For each step, the values that nobody reads after it."""
    last: dict[int, int] = {}
    for place, step in enumerate(graph.steps):
        for arg in step.args:
            last[arg] = place
    keep = set(graph.outputs)
    ends: dict[int, list[int]] = {}
    for value, place in last.items():
        if value not in keep:
            ends.setdefault(place, []).append(value)
    return ends


class ReferenceBackend:
    """NumPy: the definition, the debugger, the fallback."""

    name = "reference"

    def compile(self, graph: Graph, scalars: Sequence[bool], aliases: Sequence[int], tier: int) -> ReferenceProgram:
        return ReferenceProgram(graph)
