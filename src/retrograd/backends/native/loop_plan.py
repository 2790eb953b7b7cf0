"""Where the outputs of a loop lie, and what it carries from step to step.

A carry whose values are stacked needs no other memory than its history: T + 1 places, one behind another, of which
step t reads one and writes the next. What was stacked, as it went in or as it came out, and the last carry are views
of that. Any other carry has two places, which take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrograd.backends.native.loop_steps import LOOP, PART
from retrograd.core.graph import Graph, Step
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.loop import Loop


@dataclass(frozen=True)
class CarryPlace:
    """The places of a carry.

    Attributes:
        root: the value whose memory they are.
        type: of that memory: places along axis 0.
        first, then: the places that step 0 reads and writes.
        step: how many places on the next step's are.
        alternates: whether the way of `step` turns around each time.
    """

    root: int
    type: TensorType
    first: int
    then: int
    step: int
    alternates: bool

    def last(self, length: int) -> int:
        """The place of the last carry."""
        if self.alternates:
            return (self.first + length * self.step) % 2
        return self.first + length * self.step


@dataclass(frozen=True)
class StackPlace:
    """A stack of its own.

    Attributes:
        output: which output of the body it is made of.
        root: its value.
    """

    output: int
    root: int


@dataclass(frozen=True)
class Region:
    """A dense part of a root."""

    root: int
    shape: Shape
    offset: int


class LoopPlan:
    """The plan of one loop.

    Attributes:
        loop: what it does.
        args: the values it is given.
        values: those of its outputs.
        carries: a place for each.
        stacks: the stacks that are no part of a carry's history.
        outputs: where each output lies.
    """

    def __init__(self, step: Step, values: Sequence[int]) -> None:
        self.loop = Loop.of(step.signature.attributes)
        self.args = step.args
        self._types = self.loop.body.output_types
        self.values = list(values)
        histories = self._histories()
        self.carries = [self._carry(i, histories.get(i)) for i in range(self.loop.carries)]
        aliased = {j for made in histories.values() for j in made}
        self.stacks = [StackPlace(j, values[j]) for j in range(self.loop.carries, len(values)) if j not in aliased]
        self.outputs = self._regions(histories)

    def _histories(self) -> dict[int, dict[int, bool]]:
        """For carries whose values are stacked: the stacks, and whether as they came out of a step."""
        outputs = self.loop.body.outputs
        found: dict[int, dict[int, bool]] = {}
        for j in range(self.loop.carries, len(outputs)):
            for i in range(self.loop.carries):
                if outputs[j] in (i, outputs[i]):
                    found.setdefault(i, {})[j] = outputs[j] != i
                    break
        return found

    def _carry(self, i: int, history: dict[int, bool] | None) -> CarryPlace:
        type_, length = self._types[i], self.loop.length
        if history is None:
            pair = tensor_type((2, *type_.shape), type_.dtype)
            return CarryPlace(self.values[i], pair, 0, 1, 1, alternates=True)
        places = tensor_type((length + 1, *type_.shape), type_.dtype)
        root = self.values[min(history)]
        if self.loop.reverse:
            return CarryPlace(root, places, length, length - 1, -1, alternates=False)
        return CarryPlace(root, places, 0, 1, 1, alternates=False)

    def _regions(self, histories: dict[int, dict[int, bool]]) -> list[Region]:
        regions = []
        for i, place in enumerate(self.carries):
            type_ = self._types[i]
            regions.append(Region(place.root, type_.shape, place.last(self.loop.length) * type_.size))
        of_stack = {j: (i, came_out) for i, made in histories.items() for j, came_out in made.items()}
        for j in range(self.loop.carries, len(self.values)):
            type_ = self._types[j]
            shape = (self.loop.length, *type_.shape)
            if j not in of_stack:
                regions.append(Region(self.values[j], shape, 0))
                continue
            i, came_out = of_stack[j]
            # Place t of a history is the carry before step t; backward, the carry after it.
            begins_later = came_out != self.loop.reverse
            regions.append(Region(self.carries[i].root, shape, type_.size if begins_later else 0))
        return regions


def plan_loops(graph: Graph) -> dict[int, LoopPlan]:
    """The plans of a graph's loops, by the value of their first output."""
    first = len(graph.inputs)
    outputs = {first + i: [first + i] for i, step in enumerate(graph.steps) if step.signature.operation is LOOP}
    for i, step in enumerate(graph.steps):
        if step.signature.operation is PART:
            outputs[step.args[0]].append(first + i)
    return {value: LoopPlan(graph.steps[value - first], values) for value, values in outputs.items()}
