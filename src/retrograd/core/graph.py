"""A graph as data: steps in order over numbered values. What passes rewrite and backends compile.

Values are numbered: first the inputs, then the outputs of each step in turn::

    graph  = inputs, steps, outputs
    step   = signature(args)        defines len(signature.outputs) values
    args, outputs = value numbers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING

from retrograd.core.errors import InternalError
from retrograd.core.node import Node
from retrograd.core.types import TensorType

if TYPE_CHECKING:
    from retrograd.core.signature import Signature

_by_number = attrgetter("number")
Origin = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One application: `signature` of the values `args`.

    Attributes:
        origin: the composites and functions that it was inlined from, the outermost first. It is told to people, and
            makes no difference between steps.
    """

    signature: Signature
    args: tuple[int, ...]
    origin: Origin = field(default=(), compare=False)


@dataclass(frozen=True)
class Graph:
    """A closed function over values."""

    inputs: tuple[TensorType, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<graph of {len(self.steps)} steps>"

    @cached_property
    def types(self) -> tuple[TensorType, ...]:
        """The type of every value."""
        types = list(self.inputs)
        for step in self.steps:
            types.extend(step.signature.outputs)
        return tuple(types)

    @property
    def output_types(self) -> tuple[TensorType, ...]:
        return tuple(self.types[value] for value in self.outputs)

    @cached_property
    def used_inputs(self) -> tuple[int, ...]:
        """The inputs that any step or output reads."""
        read = {arg for step in self.steps for arg in step.args} | set(self.outputs)
        return tuple(value for value in range(len(self.inputs)) if value in read)

    @cached_property
    def ends(self) -> dict[int, list[int]]:
        """For each step, the values that nobody reads after it."""
        last = {arg: place for place, step in enumerate(self.steps) for arg in step.args}
        kept = set(self.outputs)
        ends: dict[int, list[int]] = {}
        for value, place in last.items():
            if value not in kept:
                ends.setdefault(place, []).append(value)
        return ends

    @staticmethod
    def from_nodes(
        placeholders: Sequence[Node], outputs: Sequence[Node], origins: Mapping[Node, Origin] | None = None
    ) -> Graph:
        """The function that computes `outputs` from `placeholders`; `origins` are those of nodes that have one.

        Raises:
            InternalError: an output depends on an input that is not among the placeholders.
        """
        value: dict[Node, int] = {node: i for i, node in enumerate(placeholders)}
        steps: list[Step] = []
        count = len(placeholders)
        for node in reachable(outputs, set(placeholders)):
            signature = node.signature
            if signature is None:
                raise InternalError(f"{node!r} is captured by a function, but is not one of its inputs")
            if signature.projects is not None:
                value[node] = value[node.inputs[0]] + signature.projects
                continue
            origin = () if origins is None else origins.get(node, ())
            steps.append(Step(signature, tuple(value[x] for x in node.inputs), origin))
            value[node] = count
            count += len(signature.outputs)
        types = tuple(node.type for node in placeholders)
        return Graph(types, tuple(steps), tuple(value[node] for node in outputs))

    def without_unused_inputs(self) -> Graph:
        """The graph over its `used_inputs` alone."""
        used = self.used_inputs
        if len(used) == len(self.inputs):
            return self
        shift = len(self.inputs) - len(used)
        renumber = {old: new for new, old in enumerate(used)}

        def new(value: int) -> int:
            return renumber[value] if value < len(self.inputs) else value - shift

        steps = tuple(Step(step.signature, tuple(map(new, step.args)), step.origin) for step in self.steps)
        return Graph(tuple(self.inputs[i] for i in used), steps, tuple(map(new, self.outputs)))


def reachable(roots: Sequence[Node], stop: set[Node]) -> list[Node]:
    """Every node that `roots` depend on, in the order of recording; `stop` is neither entered nor listed."""
    seen = set(stop)
    stack = [node for node in dict.fromkeys(roots) if node not in seen]
    seen.update(stack)
    found = []
    while stack:
        node = stack.pop()
        found.append(node)
        for x in node.inputs:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    found.sort(key=_by_number)
    return found
