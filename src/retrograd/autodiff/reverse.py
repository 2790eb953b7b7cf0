"""The reverse pass: from gradients of outputs to gradients of inputs, node by node, adding where paths meet.

For y = f(x_1, ..., x_n) and a loss L the chain rule is dL/dx_i = (dL/dy) (dy/dx_i); each operation's gradient rule
gives the right-hand side as nodes. There is no tape: the graph is walked backward and the result is more graph.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from retrograd.core import mode
from retrograd.core.graph import Graph, reachable
from retrograd.core.node import Hooks, Node, input_node
from retrograd.core.operation import Call, Composite, ControlFlow, Function, Primitive, inline, project, record
from retrograd.core.signature import Signature
from retrograd.ops.elementwise import add

_NOTHING: Mapping[Node, Node] = {}
_NO_OUTPUTS: Mapping[int, Node] = {}


def reverse(
    order: Sequence[Node],
    seeds: Mapping[Node, Node],
    active: set[Node],
    stand_ins: Mapping[Node, Node] = _NOTHING,
) -> dict[Node, Node]:
    """Gradients of every active node in `order`.

    Code of the user that stands at a node is called, and so is the watch (`core/mode.py`).

    Args:
        order: nodes, each after its inputs.
        seeds: gradients to start from.
        active: the nodes through which gradients flow.
        stand_ins: what gradient rules read in place of a node's value.

    Returns:
        For each active node that the seeds reach, its gradient.
    """
    watch = mode.watch.call
    gradients = dict(seeds)
    parts: dict[Node, dict[int, Node]] = {}
    projections = _projections(order, stand_ins)
    for node in reversed(order):
        g = gradients.get(node)
        hooks = node.hooks
        if g is not None and hooks is not None:
            g = gradients[node] = _called(hooks, g)
        signature = node.signature
        if signature is None or node.leaf is not None:
            continue
        if signature.projects is not None:
            if g is not None:
                parts.setdefault(node.inputs[0], {})[signature.projects] = g
            continue
        outputs = parts.pop(node, {})
        if g is not None:
            outputs[0] = g
        if not outputs:
            continue
        if hooks is not None and hooks.rule is not None:
            found = hooks.rule(node, outputs)
        else:
            needs = tuple(x in active for x in node.inputs)
            found = input_gradients(node, signature, outputs, needs, stand_ins, projections.get(node, _NO_OUTPUTS))
        if watch is not None:
            watch(node, outputs, found, node in seeds)
        for x, gradient in zip(node.inputs, found, strict=True):
            if gradient is not None and x in active:
                before = gradients.get(x)
                gradients[x] = gradient if before is None else add(before, gradient)
    return gradients


def _projections(order: Sequence[Node], stand_ins: Mapping[Node, Node]) -> dict[Node, dict[int, Node]]:
    """The outputs, by position, that the graph names of nodes with several."""
    found: dict[Node, dict[int, Node]] = {}
    for node in order:
        for x in node.inputs:
            # One whose value is there, and that no gradient needs, has let go of what it is an output of.
            if x.signature is not None and x.signature.projects is not None and x.inputs:
                found.setdefault(x.inputs[0], {})[x.signature.projects] = stand_ins.get(x, x)
        if node.signature is not None and node.signature.projects is not None:
            found.setdefault(node.inputs[0], {})[node.signature.projects] = stand_ins.get(node, node)
    return found


def _called(hooks: Hooks, g: Node) -> Node:
    """The gradient of a node after its hooks."""
    for _, call in sorted(hooks.calls.items()):
        mode.note_user_call()
        replaced = call(g)
        g = g if replaced is None else replaced
    return g


def reads_values(node: Node, active: Container[Node]) -> bool:
    """Whether the gradient rule of a node reads its inputs or its output, so that it needs them to be there.

    Numbers, which the node keeps itself, do not count.
    """
    signature = node.signature
    if signature is None or signature.projects is not None:
        return False
    if node.hooks is not None and node.hooks.rule is not None:
        return node.hooks.reads
    needs = tuple(x in active for x in node.inputs)
    found: bool | None = signature.gradients.get((needs, None))
    if found is None:
        found = signature.gradients[needs, None] = _reads(signature, needs)
    return found


def _reads(signature: Signature, needs: tuple[bool, ...]) -> bool:
    with mode.no_grad():
        inputs = [input_node(type_, None) for type_ in signature.inputs]
        values = [input_node(type_, None) for type_ in signature.outputs]
        seeds = {i: input_node(x.type, None) for i, x in enumerate(values) if x.type.dtype.is_floating_point}
        node = Node(signature, tuple(inputs), False)
        given = input_gradients(node, signature, seeds, needs, {node: values[0]}, dict(enumerate(values)))
    reached = reachable([g for g in given if g is not None], set())
    kept = {*(x for x, need in zip(inputs, needs, strict=True) if need or x.type.shape), *values}
    return any(x in kept for x in reached)


def input_gradients(
    node: Node,
    signature: Signature,
    outputs: Mapping[int, Node],
    needs: tuple[bool, ...],
    stand_ins: Mapping[Node, Node] = _NOTHING,
    projections: Mapping[int, Node] = _NO_OUTPUTS,
) -> Sequence[Node | None]:
    """The gradients of a node's inputs from those of its outputs (by position, absent where nothing arrived).

    Gradient rules may read outputs too: `projections` are those at hand of a node with several. Others are computed
    again, to be merged with the first ones.
    """
    if not any(needs):
        return [None] * len(needs)
    inputs = tuple(stand_ins.get(x, x) for x in node.inputs)
    operation = signature.operation
    if isinstance(operation, Primitive):
        if operation.gradient is None:
            return [None] * len(needs)
        return operation.gradient(outputs[0], inputs, stand_ins.get(node, node), signature.attributes)
    again: list[Node] = [] if node in stand_ins else [node]

    def output(place: int) -> Node:
        if place in projections:
            return projections[place]
        if place == 0:
            return stand_ins.get(node, node)
        if not again:
            again.append(record(operation, inputs, signature.attributes))
        return project(again[0], place)

    if isinstance(operation, ControlFlow):
        return operation.gradient(Call(inputs, needs, outputs, output, signature.attributes, pull_back_values))
    present = tuple(sorted(outputs))
    rule = signature.gradients.get((needs, present))
    if rule is None:
        rule = signature.gradients[needs, present] = _CallGradient(signature, needs, present)
    return rule.apply(inputs, output, [outputs[i] for i in present])


class _CallGradient:
    """The gradient of a composite or function, derived once a signature and kept as a function of its own."""

    def __init__(self, signature: Signature, needs: tuple[bool, ...], present: tuple[int, ...]) -> None:
        with mode.no_grad():
            inputs = [input_node(type_, None) for type_ in signature.inputs]
            values = [input_node(type_, None) for type_ in signature.outputs]
            seeds = [input_node(signature.outputs[i], None) for i in present]
            found = self._derive(signature, needs, inputs, values, dict(zip(present, seeds, strict=True)))
            kept = [(i, g) for i, g in enumerate(found) if g is not None and needs[i]]
            self.positions = tuple(i for i, _ in kept)
            self.count = len(needs)
            self.outputs = len(values)
            if kept:
                graph = Graph.from_nodes([*inputs, *values, *seeds], [g for _, g in kept])
                self.used = graph.used_inputs
                name = signature.operation.name.removesuffix(".backward") + ".backward"
                self.function = Function(name, graph.without_unused_inputs())

    @staticmethod
    def _derive(
        signature: Signature,
        needs: tuple[bool, ...],
        inputs: list[Node],
        values: list[Node],
        seeds: dict[int, Node],
    ) -> Sequence[Node | None]:
        operation = signature.operation
        if isinstance(operation, Composite) and operation.gradient is not None:
            return operation.gradient(seeds[0], tuple(inputs), values[0], signature.attributes)
        if isinstance(operation, Composite) and operation.call_gradient is not None:
            call = Call(tuple(inputs), needs, seeds, values.__getitem__, signature.attributes, pull_back_values)
            return operation.call_gradient(call)
        assert signature.graph is not None
        return pull_back(signature.graph, inputs, values, needs, seeds)

    def apply(
        self, inputs: tuple[Node, ...], output: Callable[[int], Node], seeds: list[Node]
    ) -> Sequence[Node | None]:
        result: list[Node | None] = [None] * self.count
        if not self.positions:
            return result
        first_seed = self.count + self.outputs
        available = [
            inputs[i] if i < self.count else output(i - self.count) if i < first_seed else seeds[i - first_seed]
            for i in self.used
        ]
        node = record(self.function, tuple(available))
        if len(self.positions) == 1:
            result[self.positions[0]] = node
        else:
            for place, position in enumerate(self.positions):
                result[position] = project(node, place)
        return result


def pull_back(
    graph: Graph, inputs: Sequence[Node], outputs: Sequence[Node], needs: Sequence[bool], seeds: Mapping[int, Node]
) -> Sequence[Node | None]:
    """Gradients of a graph's inputs.

    Its steps are recorded again on `inputs`, to be merged with the first ones. Rules that read one of the `outputs`
    are given it, so that it need not be computed again when it is there already.
    """
    values = inline(graph, inputs)
    known: dict[Node, Node] = {}
    for place, output in zip(graph.outputs, outputs, strict=True):
        if values[place] not in inputs:
            known.setdefault(values[place], output)
    return pull_back_values(graph, values, needs, seeds, known)


def pull_back_values(
    graph: Graph,
    values: list[Node],
    needs: Sequence[bool],
    seeds: Mapping[int, Node],
    known: Mapping[Node, Node] = _NOTHING,
) -> Sequence[Node | None]:
    """Gradients of a graph's inputs, whose values, inputs first, are all recorded; `known` stand in for some."""
    inputs = values[: len(graph.inputs)]
    active = {x for x, need in zip(inputs, needs, strict=True) if need}
    order = sorted({*values, *(x for v in values for x in v.inputs)}, key=lambda node: node.number)
    for node in order:
        differentiable = node.signature is not None and node.signature.differentiable
        if differentiable and any(x in active for x in node.inputs):
            active.add(node)
    start: dict[Node, Node] = {}
    for i, g in seeds.items():
        node = values[graph.outputs[i]]
        start[node] = add(start[node], g) if node in start else g
    gradients = reverse(order, start, active, known)
    return [gradients.get(x) if need else None for x, need in zip(inputs, needs, strict=True)]
