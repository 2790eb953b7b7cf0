"""Loops: nothing is carried, stacked or handed in for nobody, and what stays the same is computed once.

- A carry on which nothing that is read depends, a stack that nobody reads, and an input that no step reads are dropped.
- A carry that no step changes is a constant. Of inputs that are equal one is left, and of stacks.
- A constant of the graph that a loop reads is a constant of its body.
- What a body computes from its constants alone is computed before the loop; movements stay, as they cost nothing.
- A loop of no steps gives what it was given.
"""

from __future__ import annotations

from typing import Final

from retrograd.core.graph import Graph, Origin, Step, reachable
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record, results
from retrograd.core.types import TensorType
from retrograd.ops.constant import CONST
from retrograd.ops.loop import Loop
from retrograd.ops.scan import SCAN
from retrograd.passes.builder import GraphBuilder

# What a body may compute again in every step.
_FREE: Final = frozenset({"const", "iota", "positions", "reshape", "permute", "broadcast", "slice", "flip"})


def tidy_loops(graph: Graph) -> Graph:
    """The graph with its loops after the rewrites named above; every step of it must be needed."""
    if all(step.signature.operation is not SCAN for step in graph.steps):
        return graph
    read = {arg for step in graph.steps for arg in step.args} | set(graph.outputs)
    builder = GraphBuilder(graph.inputs)
    values = list(range(len(graph.inputs)))
    for step in graph.steps:
        builder.origin = step.origin
        first = len(values)
        args = tuple(values[arg] for arg in step.args)
        if step.signature.operation is SCAN:
            wanted = [i for i in range(len(step.signature.outputs)) if first + i in read]
            values.extend(_Tidied(builder, Loop.of(step.signature.attributes), args, wanted).outputs())
        else:
            made = builder.apply(step.signature, args)
            values.extend(range(made, made + len(step.signature.outputs)))
    return builder.finish([values[i] for i in graph.outputs])


class _Tidied:
    """One loop, rewritten.

    Args:
        builder: collects the graph around it.
        loop, args: what it does, and on which values.
        wanted: which outputs are read.
    """

    def __init__(self, builder: GraphBuilder, loop: Loop, args: tuple[int, ...], wanted: list[int]) -> None:
        self._builder, self._loop, self._args, self._wanted = builder, loop, args, wanted
        self._unchanged = {i for i in range(loop.carries) if loop.body.outputs[i] == i}
        self._carries: dict[int, Node] = {}
        self._streams: dict[int, Node] = {}
        self._constants: dict[int, Node] = {}
        # Values of the body as nodes of the new one, and those that the graph around the loop has.
        self._inside: dict[int, Node] = {}
        self._outside: dict[int, int] = {}
        self._definitions: dict[int, Step] = {}
        self._origins: dict[Node, Origin] = {}

    def outputs(self) -> list[int]:
        """Record the loop. The values of its outputs; what nobody reads has any."""
        loop = self._loop
        if loop.length == 0:
            return self._without_steps()
        self._rebuild()
        needed = self._needed_carries()
        stacked = list(dict.fromkeys(loop.body.outputs[i] for i in self._wanted if i >= loop.carries))
        first = self._record(needed, stacked)
        found = [0] * len(loop.body.outputs)
        for i in self._wanted:
            if i in self._unchanged:
                found[i] = self._args[i]
            elif i < loop.carries:
                found[i] = first + needed.index(i)
            else:
                found[i] = first + len(needed) + stacked.index(loop.body.outputs[i])
        return found

    def _without_steps(self) -> list[int]:
        loop = self._loop
        stacks = [
            self._builder.record(CONST, (), (0, type_.dtype.name, (0, *type_.shape)))
            for type_ in loop.body.output_types[loop.carries :]
        ]
        return [*self._args[: loop.carries], *stacks]

    # -- the body -----------------------------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Every value of the body, inside or outside."""
        loop = self._loop
        for place, type_ in enumerate(loop.body.inputs):
            arg = self._args[place]
            if place in self._unchanged or place >= loop.carries + loop.streams:
                self._outside[place] = arg
            elif place < loop.carries:
                self._inside[place] = self._carries[place] = input_node(type_, None)
            else:
                self._inside[place] = self._input(self._streams, arg, type_)
        value, origin = len(loop.body.inputs), self._builder.origin
        for step in loop.body.steps:
            outputs = range(value, value + len(step.signature.outputs))
            value = outputs.stop
            self._definitions.update(dict.fromkeys(outputs, step))
            if step.args and all(arg in self._outside for arg in step.args):
                self._builder.origin = origin + step.origin
                first = self._builder.apply(step.signature, tuple(self._outside[arg] for arg in step.args))
                self._outside.update(zip(outputs, range(first, first + len(outputs)), strict=True))
            else:
                self._inside.update(zip(outputs, self._apply(step), strict=True))
        self._builder.origin = origin

    def _apply(self, step: Step) -> list[Node]:
        node = Node(step.signature, tuple(self._node(arg) for arg in step.args), False)
        self._origins[node] = step.origin
        return results(node)

    def _node(self, value: int) -> Node:
        """A value of the old body in the new one."""
        found = self._inside.get(value)
        if found is None:
            step = self._definitions.get(value)
            if step is not None and step.signature.operation.name in _FREE:
                (found,) = self._apply(step)
            else:
                found = self._input(self._constants, self._outside[value], self._loop.body.types[value])
            self._inside[value] = found
        return found

    def _input(self, inputs: dict[int, Node], arg: int, type_: TensorType) -> Node:
        """The body's input that stands for a value of the graph around it, or a constant like that value."""
        step = self._builder.definition(arg)
        if step is not None and step.signature.operation is CONST:
            return record(CONST, (), (step.signature.attributes[0], type_.dtype.name, type_.shape))
        if arg not in inputs:
            inputs[arg] = input_node(type_, None)
        return inputs[arg]

    # -- the loop -----------------------------------------------------------------------------------------------------

    def _needed_carries(self) -> list[int]:
        """The carries that something wanted depends on, and that change."""
        loop = self._loop
        roots = [self._node(loop.body.outputs[i]) for i in self._wanted if i >= loop.carries]
        needed = {i for i in self._wanted if i < loop.carries} - self._unchanged
        while True:
            read = set(reachable([*roots, *(self._node(loop.body.outputs[i]) for i in needed)], set()))
            grown = needed | {i for i, node in self._carries.items() if node in read}
            if grown == needed:
                return sorted(needed)
            needed = grown

    def _record(self, needed: list[int], stacked: list[int]) -> int:
        """The loop over what is left; its first output."""
        outputs = [self._node(self._loop.body.outputs[i]) for i in needed] + [self._node(value) for value in stacked]
        read = set(reachable(outputs, set()))
        streams = {arg: node for arg, node in self._streams.items() if node in read}
        constants = {arg: node for arg, node in self._constants.items() if node in read}
        places = [*(self._carries[i] for i in needed), *streams.values(), *constants.values()]
        if not outputs:
            return 0
        body = Graph.from_nodes(places, outputs, self._origins)
        loop = Loop(body, len(needed), len(streams), self._loop.length, self._loop.reverse)
        args = (*(self._args[i] for i in needed), *streams, *constants)
        return self._builder.record(SCAN, args, loop.attributes)
