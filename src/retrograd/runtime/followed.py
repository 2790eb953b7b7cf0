"""A graph followed node by node: each node runs alone, on the backend and by its definition, from the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from retrograd.backends.base import Program
from retrograd.core.buffer import Buffer
from retrograd.core.cache import Cache
from retrograd.core.definition import run_step
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import ControlFlow
from retrograd.core.signature import Signature
from retrograd.passes.structure import PassedStructure
from retrograd.runtime import devices
from retrograd.runtime.difference import DifferenceError, bits_differ, describe, title_of
from retrograd.runtime.tolerance import allowed_difference, exceeds

Array = np.ndarray[Any, Any]


class Followed:
    """A graph, node by node.

    Args:
        graph: of primitives and control flow.
        where: the program, or the body, that it is.
    """

    def __init__(self, graph: Graph, where: str) -> None:
        self.graph, self.where = graph, where

    def outputs(self, arrays: Sequence[Array]) -> list[Array]:
        values = self.values(arrays)
        return [values[value] for value in self.graph.outputs]

    def values(self, arrays: Sequence[Array]) -> list[Array]:
        """All values, as the backend computes them node by node.

        Raises:
            DifferenceError: a node differs from its definition.
        """
        values = [np.asarray(x, order="C") for x in arrays]
        for place, step in enumerate(self.graph.steps):
            values += self._step(place, step, [values[arg] for arg in step.args])
        return values

    def _step(self, place: int, step: Step, args: list[Array]) -> list[Array]:
        made = run_alone(step.signature, args)
        expected = run_step(step, args)
        flow = isinstance(step.signature.operation, ControlFlow)
        if flow and any(bits_differ(a, b).any() for a, b in zip(made, expected, strict=True)):
            expected = self._follow(step, args, f"{step.signature.operation.name} at {self.place(place)}")
        for number, (result, wanted) in enumerate(zip(made, expected, strict=True)):
            allowed = 0.0 if flow else allowed_difference(step, args, wanted)
            wrong = exceeds(result, wanted, allowed)
            if wrong.any():
                title, inputs, output = title_of(step.signature), step.signature.inputs, step.signature.outputs[number]
                where = self.place(place)
                raise DifferenceError(
                    describe(title, inputs, output, step.origin, where, True, result, wanted, wrong, allowed)
                )
        return made

    def place(self, place: int) -> str:
        return f"node {place + 1} of {len(self.graph.steps)} of the {self.where}"

    def _follow(self, step: Step, args: list[Array], where: str) -> list[Array]:
        """What control flow gives if its bodies are followed."""
        operation, outputs = step.signature.operation, step.signature.outputs
        assert isinstance(operation, ControlFlow)

        def run(body: Graph, arrays: Sequence[Array]) -> list[Array]:
            given = [np.asarray(x, type_.dtype.numpy) for x, type_ in zip(arrays, body.inputs, strict=True)]
            return Followed(body, f"body of {where}").outputs(given)

        made = operation.reference(run, *args, *step.signature.attributes)
        return [np.asarray(y, type_.dtype.numpy) for y, type_ in zip(made, outputs, strict=True)]


_alone: Final[Cache[tuple[object, ...], Program]] = Cache(limit=1 << 10)


def run_alone(signature: Signature, args: Sequence[Array]) -> list[Array]:
    """A node as a program of its own."""
    key = devices.state.key, signature
    program = _alone.get(key)
    if program is None:
        count = len(args)
        values = range(count, count + len(signature.outputs))
        graph = Graph(signature.inputs, (Step(signature, tuple(range(count))),), tuple(values))
        compiled = devices.backend().compile(PassedStructure(graph, [False] * count, [-1] * len(values)), 0)
        program = _alone.put(key, compiled)
    inputs = [Buffer.copy_of(x, type_) for x, type_ in zip(args, signature.inputs, strict=True)]
    outputs = [Buffer(type_) for type_ in signature.outputs]
    program.run(inputs, outputs)
    return [buffer.array() for buffer in outputs]
