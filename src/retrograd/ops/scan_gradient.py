"""Backpropagation through time: the gradient of a scan is a scan that runs the other way.

Its carries are the gradients of the carries; step t reads what step t of the forward loop saved, and gives the
gradients of what the streams brought it. What is saved is a least cut between what is dear to compute and what the
gradient of the body reads (`ops/minimum_cut.py`); the rest is computed again.

The gradient of a constant is a sum over all steps. Where a step's part is a product of matrices, or a sum over rows,
the sum over time is one product of what all steps saved, after the loop; elsewhere it is added up from step to step.

Source: Werbos (1990), "Backpropagation through time: what it does and how to do it".
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.flatten import flatten
from retrograd.core.graph import Graph, reachable
from retrograd.core.node import Node, input_node
from retrograd.core.operation import CONTROL_FLOW, Call, PullBack, inline, record, results
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import add
from retrograd.ops.loop import Loop
from retrograd.ops.minimum_cut import is_movement, values_to_keep
from retrograd.ops.over_time import sum_over_time


def scan_gradient(call: Call) -> Sequence[Node | None]:
    """The gradients of first carries, streams and constants."""
    loop = Loop.of(call.attributes)
    seeded = [i >= loop.carries and i in call.seeds for i in range(len(loop.body.outputs))]
    step = _StepGradient(loop, call.needs, seeded, call.pull_back)
    kept = _kept(loop, call, step)
    return _Backward(loop, call, step, kept).gradients()


def saving(loop: Loop, needs: Sequence[bool], pull_back: PullBack) -> Loop:
    """The loop with the stacks that its gradient will read, whichever of its outputs gradients come from."""
    floating = [type_.dtype.is_floating_point for type_ in loop.body.output_types]
    step = _StepGradient(loop, needs, floating, pull_back)
    return loop._replace(body=_with_kept(loop, step)[0])


class _StepGradient:
    """The gradient of one step, on stand-ins.

    Attributes:
        places: the body's inputs.
        values: all of the body's values.
        active: which carries gradients flow through.
        seeds: the gradients of the body's outputs that arrive, by position.
        found: the gradients of the body's inputs.
    """

    def __init__(self, loop: Loop, needs: Sequence[bool], seeded: Sequence[bool], pull_back: PullBack) -> None:
        body = loop.body
        self.places = [input_node(type_, None) for type_ in body.inputs]
        self.values = inline(body, self.places)
        self.active = self._active_carries(loop, needs)
        self.seeds = {
            i: input_node(type_, None)
            for i, type_ in enumerate(body.output_types)
            if (self.active[i] if i < loop.carries else seeded[i])
        }
        found = pull_back(body, self.values, [*self.active, *needs[loop.carries :]], self.seeds)
        self.found = [
            zeros(place.type) if i < loop.carries and self.active[i] and g is None else g
            for i, (place, g) in enumerate(zip(self.places, found, strict=True))
        ]

    def _active_carries(self, loop: Loop, needs: Sequence[bool]) -> list[bool]:
        """The carries that depend on something whose gradient is asked for."""
        active = list(needs)
        outputs = [self.values[place] for place in loop.body.outputs[: loop.carries]]
        order = [node for node in reachable(outputs, set()) if node.signature is not None]
        while True:
            reached = {place for place, mark in zip(self.places, active, strict=True) if mark}
            for node in order:
                if node.signature.differentiable and any(x in reached for x in node.inputs):  # type: ignore[union-attr]
                    reached.add(node)
            grown = [mark or node in reached for mark, node in zip(active, outputs, strict=False)]
            if grown == active[: loop.carries]:
                return grown
            active[: loop.carries] = grown

    def reads(self) -> list[Node]:
        """What the gradients read of the forward pass."""
        gradients = [g for g in self.found if g is not None]
        given = set(self.seeds.values())
        read: dict[Node, None] = {}
        for node in reachable(gradients, given):
            if any(x in given for x in node.inputs):
                given.add(node)
                read.update(dict.fromkeys(node.inputs))
        return [node for node in dict.fromkeys([*read, *gradients]) if node not in given]


def _kept(loop: Loop, call: Call, step: _StepGradient) -> dict[Node, Node]:
    """The values of a step that are saved, and their stacks over time.

    What the loop does not stack already a second one does, which is the first one with more outputs.
    """
    body, places = _with_kept(loop, step)
    if len(body.outputs) == len(loop.body.outputs):
        return {node: call.output(place) for node, place in places.items()}
    made = results(record(CONTROL_FLOW["scan"], call.inputs, loop._replace(body=body).attributes))
    return {node: made[place] for node, place in places.items()}


def _with_kept(loop: Loop, step: _StepGradient) -> tuple[Graph, dict[Node, int]]:
    """The body with all that is saved among its outputs, and which output a saved value is."""
    outputs = [step.values[place] for place in loop.body.outputs]
    stacked = {node: i for i, node in reversed(list(enumerate(outputs))) if i >= loop.carries}
    at_hand = {*step.places[loop.carries :]} - {*stacked}

    def weight(node: Node) -> int | None:
        if node in at_hand:
            return None
        if node.signature is not None and len(node.signature.outputs) > 1:
            return 1 << 60  # only its outputs can be saved
        # Of two that take the same memory rather what was moved than the movement.
        return 0 if node in stacked else 2 * node.type.nbytes + is_movement(node)

    kept = values_to_keep(step.reads(), weight)
    more = [node for node in kept if node not in stacked]
    body = Graph.from_nodes(step.places, [*outputs, *more]) if more else loop.body
    places = {**{node: len(outputs) + i for i, node in enumerate(more)}, **stacked}
    return body, {node: places[node] for node in kept}


class _Backward:
    """The loop that runs the other way.

    Attributes:
        stacks: for each value that a step of it reads: all steps of it.
        given: stacks that it makes: values of a step, in the order of the outputs.
    """

    def __init__(self, loop: Loop, call: Call, step: _StepGradient, kept: dict[Node, Node]) -> None:
        self.loop, self.call, self.step = loop, call, step
        _, streams, constants = loop.split(step.places)
        _, stream_inputs, self._constant_inputs = loop.split(call.inputs)
        self._constants = constants
        self.stacks = {**dict(zip(streams, stream_inputs, strict=True)), **kept}
        self._carries: list[Node] = []
        self._starts: list[Node] = []
        for i, seed in step.seeds.items():
            if i < loop.carries:
                self._carries.append(seed)
                self._starts.append(call.seeds[i] if i in call.seeds else zeros(seed.type))
            else:
                self.stacks[seed] = call.seeds[i]
        self.given: dict[Node, int] = {}
        self._found = self._flattened()
        self._read = {*self._carries, *self.stacks}
        self._computed = self._varying_values()

    def _flattened(self) -> list[Node | None]:
        """The gradients of a step, primitive by primitive."""
        wanted = [g for g in self.step.found if g is not None]
        inputs = list(dict.fromkeys([*self._carries, *self.stacks, *self._constants]))
        flat = iter(flatten(Graph.from_nodes(inputs, wanted), inputs))
        return [None if g is None else next(flat) for g in self.step.found]

    def _varying_values(self) -> set[Node]:
        """The values that a step computes and that differ from step to step."""
        computed: set[Node] = set()
        for node in reachable([g for g in self._found if g is not None], self._read):
            if any(x in self._read or x in computed for x in node.inputs):
                computed.add(node)
        return computed

    def gradients(self) -> list[Node | None]:
        carried, streamed, constant = self.loop.split(self._found)
        needs_carry, needs_stream, _ = self.loop.split(self.call.needs)
        next_carries = [g for g in carried if g is not None]
        stacks = [g if need else None for g, need in zip(streamed, needs_stream, strict=True)]
        for g in stacks:
            if g is not None:
                self._give(g)
        sums = [None if g is None else sum_over_time(g, self._computed, self._read) for g in constant]
        for total in sums:
            for node in () if total is None else total.operands:
                if node not in self.stacks:
                    self._give(node)
        added = [g for g, total in zip(constant, sums, strict=True) if g is not None and total is None]
        made = self._run(next_carries, added)
        first_added, first_given = len(next_carries), len(next_carries) + len(added)

        def stack(node: Node) -> Node:
            return made[first_given + self.given[node]] if node in self.given else self.stacks[node]

        ends, totals = iter(made[:first_added]), iter(made[first_added:first_given])
        to_carries = [next(ends) if active else None for active in self.step.active]
        to_constants = [
            None if g is None else next(totals) if total is None else total.build(stack)
            for g, total in zip(constant, sums, strict=True)
        ]
        return [
            *(g if need else None for g, need in zip(to_carries, needs_carry, strict=True)),
            *(None if g is None else stack(g) for g in stacks),
            *to_constants,
        ]

    def _give(self, node: Node) -> None:
        self.given.setdefault(node, len(self.given))

    def _run(self, next_carries: list[Node], added: list[Node]) -> list[Node]:
        """Record the loop; `added` are the parts of sums that it adds up by itself."""
        totals = [input_node(g.type, None) for g in added]
        outputs = [*next_carries, *(add(total, g) for total, g in zip(totals, added, strict=True)), *self.given]
        read = {*reachable(outputs, {*self.stacks, *self._constants}), *outputs}
        read |= {x for node in read for x in node.inputs}
        streams = [node for node in self.stacks if node in read]
        used = [i for i, place in enumerate(self._constants) if place in read]
        carries = [*self._carries, *totals]
        body = Graph.from_nodes([*carries, *streams, *(self._constants[i] for i in used)], outputs)
        loop = Loop(body, len(carries), len(streams), self.loop.length, not self.loop.reverse)
        starts = [*self._starts, *(zeros(g.type) for g in added)]
        inputs = [*starts, *(self.stacks[node] for node in streams), *(self._constant_inputs[i] for i in used)]
        if not outputs:
            return []
        return results(record(CONTROL_FLOW["scan"], tuple(inputs), loop.attributes))
