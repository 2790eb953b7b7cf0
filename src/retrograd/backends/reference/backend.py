"""The reference backend runs each step by its operation's NumPy definition. Every other backend is held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.definition import run_graph
from retrograd.core.graph import Graph
from retrograd.passes.structure import Structure


class ReferenceProgram:
    """A graph, interpreted."""

    repeatable = False

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        arrays = [
            np.asarray(given.value, type_.dtype.numpy) if isinstance(given, Scalar) else given.array()
            for given, type_ in zip(inputs, self.graph.inputs, strict=True)
        ]
        # An output may overwrite an input: nothing is written before everything is known.
        results = [
            result.copy() if place < len(inputs) else result
            for place, result in zip(self.graph.outputs, run_graph(self.graph, arrays), strict=True)
        ]
        for buffer, result in zip(outputs, results, strict=True):
            np.copyto(buffer.array(), result, casting="no")


class ReferenceBackend:
    """NumPy: the definition, the debugger, the fallback."""

    name = "reference"

    def compile(self, structure: Structure, tier: int) -> ReferenceProgram:
        return ReferenceProgram(structure.graph)

    def recall(self, structure: Structure, first: bool) -> None:
        return None
