"""The reverse pass: from gradients of outputs to gradients of inputs, node by node, adding where paths meet.

For y = f(x_1, ..., x_n) and a loss L the chain rule is dL/dx_i = (dL/dy) (dy/dx_i); each operation's gradient rule
gives the right-hand side as nodes. There is no tape: the graph is walked backward and the result is more graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrograd.core import mode
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Composite, Function, Primitive, Signature, inline, project, record
from retrograd.ops.elementwise import add

_NOTHING: Mapping[Node, Node] = {}


def reverse(
    order: Sequence[Node],
    seeds: Mapping[Node, Node],
    active: set[Node],
    stand_ins: Mapping[Node, Node] = _NOTHING,
) -> dict[Node, Node]:
    """Gradients of every active node in `order`.

    Args:
        order: nodes, each after its inputs.
        seeds: gradients to start from.
        active: the nodes through which gradients flow.
        stand_ins: what gradient rules read in place of a node's value.

    Returns:
        For each active node that the seeds reach, its gradient.
    """
    gradients = dict(seeds)
    parts: dict[Node, dict[int, Node]] = {}
    for node in reversed(order):
        g = gradients.get(node)
        if g is not None and node.hooks:
            g = gradients[node] = _run_hooks(node, g)
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
        needs = tuple(x in active for x in node.inputs)
        found = input_gradients(node, signature, outputs, needs, stand_ins)
        for x, gradient in zip(node.inputs, found, strict=True):
            if gradient is not None and x in active:
                before = gradients.get(x)
                gradients[x] = gradient if before is None else add(before, gradient)
    return gradients


def _run_hooks(node: Node, g: Node) -> Node:
    for _, hook in sorted((node.hooks or {}).items()):
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def input_gradients(
    node: Node,
    signature: Signature,
    outputs: Mapping[int, Node],
    needs: tuple[bool, ...],
    stand_ins: Mapping[Node, Node] = _NOTHING,
) -> Sequence[Node | None]:
    """The gradients of a node's inputs from those of its outputs (by position, absent where nothing arrived)."""
    if not any(needs):
        return [None] * len(needs)
    inputs = tuple(stand_ins.get(x, x) for x in node.inputs)
    operation = signature.operation
    if isinstance(operation, Primitive):
        if operation.gradient is None:
            return [None] * len(needs)
        return operation.gradient(outputs[0], inputs, stand_ins.get(node, node), signature.attributes)
    present = tuple(sorted(outputs))
    rule = signature.gradients.get((needs, present))
    if rule is None:
        rule = signature.gradients[needs, present] = _CallGradient(signature, needs, present)
    return rule.apply(inputs, stand_ins.get(node, node), [outputs[i] for i in present])


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
        assert signature.graph is not None
        return pull_back(signature.graph, inputs, values[0], needs, seeds)

    def apply(self, inputs: tuple[Node, ...], output: Node, seeds: list[Node]) -> Sequence[Node | None]:
        result: list[Node | None] = [None] * self.count
        if not self.positions:
            return result
        # A function with several outputs has no gradient rule of its own, so only `output` 0 is ever read.
        available = [*inputs, *[output] * self.outputs, *seeds]
        node = record(self.function, tuple(available[i] for i in self.used))
        if len(self.positions) == 1:
            result[self.positions[0]] = node
        else:
            for place, position in enumerate(self.positions):
                result[position] = project(node, place)
        return result


def pull_back(
    graph: Graph, inputs: Sequence[Node], output: Node, needs: Sequence[bool], seeds: Mapping[int, Node]
) -> Sequence[Node | None]:
    """Gradients of a graph's inputs.

    Its steps are recorded again on `inputs`, to be merged with the first ones. Rules that read the first output are
    given `output`, which need not be computed again when it is there already.
    """
    values = inline(graph, inputs)
    active = {x for x, need in zip(inputs, needs, strict=True) if need}
    order = sorted({*values, *(x for v in values for x in v.inputs)}, key=lambda node: node.number)
    for node in order:
        if node.type.dtype.is_floating_point and any(x in active for x in node.inputs):
            active.add(node)
    start: dict[Node, Node] = {}
    for i, g in seeds.items():
        node = values[graph.outputs[i]]
        start[node] = add(start[node], g) if node in start else g
    first = values[graph.outputs[0]]
    known = {} if first in inputs else {first: output}
    gradients = reverse(order, start, active, known)
    return [gradients.get(x) if need else None for x, need in zip(inputs, needs, strict=True)]
