"""The backward pass of a recorded graph, remembered by its structure.

The first time a structure is met, its reverse pass is derived on stand-ins for every value of the forward pass. What
comes out is a function of those values that it reads (the residuals) to the gradients of the leaves. Met again, the
whole backward pass is one node that applies this function.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from retrograd.autodiff.reverse import reverse
from retrograd.core import mode
from retrograd.core.errors import GraphError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Function, project, record
from retrograd.ops.constant import like
from retrograd.ops.elementwise import add

_by_number = attrgetter("number")


class History:
    """The part of a graph through which gradients flow, numbered: what a backward pass walks.

    Attributes:
        interior: nodes that require a gradient and are no leaves, in the order of recording.
        leaves: the leaf nodes.
        values: every node that is one of these or an input of one; `index` gives their places.
        key: the structure.
        plain: no hook stands in the way of remembering the pass.
        released: a node whose history an earlier backward pass has released, if there is one.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        seen = {root for root in roots if root.requires_grad}
        stack = list(seen)
        while stack:
            for x in stack.pop().inputs:
                if x.requires_grad and x not in seen:
                    seen.add(x)
                    stack.append(x)
        self.interior: list[Node] = []
        self.leaves: list[Node] = []
        self.plain = True
        self.released: Node | None = None
        index: dict[Node, int] = {}
        key: list[int] = []
        for node in sorted(seen, key=_by_number):
            if node.hooks:
                self.plain = False
            if node.leaf is not None:
                self.leaves.append(node)
                key.append(node.type.input_key)
            else:
                if node.released:
                    self.released = node
                self.interior.append(node)
                key.append(node.signature.key)  # type: ignore[union-attr]
                for x in node.inputs:
                    place = index.get(x)
                    if place is None:
                        place = index[x] = len(index)
                    key.append(place)
            if node not in index:
                index[node] = len(index)
            key.append(index[node])
        self.index = index
        self.values = list(index)
        self.key = key

    def versions(self, wanted: Sequence[Node]) -> list[Node]:
        """The nodes of this history that stand for `wanted`: of a leaf that has been changed, all its versions."""
        leaves = {id(node.leaf) for node in wanted if node.leaf is not None}
        found = dict.fromkeys(node for node in wanted if node in self.index)
        found.update(dict.fromkeys(node for node in self.leaves if id(node.leaf) in leaves))
        return list(found)

    def narrow(self, targets: Sequence[Node]) -> None:
        """Leave out nodes from which no path leads to a target, so that their hooks are not called."""
        leading = set(targets)
        for node in self.interior:
            if any(x in leading for x in node.inputs):
                leading.add(node)
        self.interior = [node for node in self.interior if node in leading]
        self.leaves = [node for node in self.leaves if node in leading]


class Remembered:
    """A derived backward pass.

    Attributes:
        residuals: places of the values it reads.
        targets: places of the nodes whose gradients it gives, in the order of its outputs.
    """

    def __init__(self, history: History, roots: Sequence[Node], seeded: Sequence[bool], wanted: list[int]) -> None:
        with mode.no_grad():
            stand_ins = {node: input_node(node.type, None) for node in history.values}
            seeds = [input_node(root.type, None) for root, given in zip(roots, seeded, strict=True) if given]
            gradients = _gradients(history, roots, _start(roots, seeded, seeds), stand_ins)
            found = [(place, gradients.get(history.values[place])) for place in wanted]
            self.targets = tuple(place for place, g in found if g is not None)
            graph = Graph.from_nodes([*stand_ins.values(), *seeds], [g for _, g in found if g is not None])
        used = graph.used_inputs
        self.residuals = tuple(i for i in used if i < len(history.values))
        self.seeds = tuple(i - len(history.values) for i in used if i >= len(history.values))
        self.function = Function("backward", graph.without_unused_inputs())


def _start(roots: Sequence[Node], seeded: Sequence[bool], seeds: Sequence[Node]) -> list[Node]:
    given = iter(seeds)
    return [next(given) if has else like(1, root) for root, has in zip(roots, seeded, strict=True)]


def _gradients(
    history: History, roots: Sequence[Node], start: Sequence[Node], stand_ins: dict[Node, Node] | None
) -> dict[Node, Node]:
    seeds: dict[Node, Node] = {}
    for root, g in zip(roots, start, strict=True):
        seeds[root] = add(seeds[root], g) if root in seeds else g
    active = {*history.interior, *history.leaves}
    order = sorted(active, key=_by_number)
    return reverse(order, seeds, active, stand_ins or {})


_remembered: dict[tuple[object, ...], Remembered] = {}


def gradients(
    roots: Sequence[Node],
    seeds: Sequence[Node | None],
    wanted: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Node]:
    """Gradients of the sum of `roots`, weighted by `seeds` (None: 1), with respect to leaves or to given nodes.

    Args:
        roots: nodes that require a gradient.
        seeds: a gradient for each root, of its type, or None.
        wanted: nodes; None means every leaf.
        retain_graph: leave the history so that another pass can walk it.
        create_graph: record the gradients so that they can be differentiated in turn.

    Raises:
        GraphError: a backward pass has been through this history already.
    """
    history = History(roots)
    if history.released is not None:
        raise GraphError(
            f"backward: the history of {history.released!r} was released by an earlier backward pass; "
            "call backward(retain_graph=True) the first time if you need it twice"
        )
    targets = history.leaves if wanted is None else history.versions(wanted)
    before, mode.state.grad_enabled = mode.state.grad_enabled, create_graph
    try:
        if history.plain:
            found = _recall(history, roots, seeds, targets)
        else:
            history.narrow(targets)
            start = [like(1, root) if seed is None else seed for root, seed in zip(roots, seeds, strict=True)]
            every = _gradients(history, roots, start, None)
            found = {node: every[node] for node in targets if node in every}
        found = _merged(found, wanted)
    finally:
        mode.state.grad_enabled = before
    if not (retain_graph or create_graph):
        release(history)
    return found


def _merged(found: dict[Node, Node], wanted: Sequence[Node] | None) -> dict[Node, Node]:
    """One gradient for each leaf and each node of `wanted`: those of a leaf's versions are added up."""
    total: dict[int, Node] = {}
    for node, g in found.items():
        key = id(node.leaf or node)
        total[key] = add(total[key], g) if key in total else g
    if wanted is None:
        if len(total) == len(found):
            return found
        wanted = list({id(node.leaf): node for node in found}.values())
    return {node: total[id(node.leaf or node)] for node in wanted if id(node.leaf or node) in total}


def _recall(
    history: History, roots: Sequence[Node], seeds: Sequence[Node | None], targets: Sequence[Node]
) -> dict[Node, Node]:
    passed = remembered(history, roots, seeds, targets)
    values = history.values
    inputs = [values[i] for i in passed.residuals]
    given = [seed for seed in seeds if seed is not None]
    inputs.extend(given[i] for i in passed.seeds)
    if not passed.targets:
        return {}
    node = record(passed.function, tuple(inputs))
    if len(passed.targets) == 1:
        return {values[passed.targets[0]]: node}
    return {values[place]: project(node, i) for i, place in enumerate(passed.targets)}


def remembered(
    history: History, roots: Sequence[Node], seeds: Sequence[Node | None], targets: Sequence[Node]
) -> Remembered:
    """The derived pass for this structure."""
    index = history.index
    wanted = [index[node] for node in targets]
    seeded = [seed is not None for seed in seeds]
    key = (*history.key, None, *(index[root] for root in roots), None, *seeded, None, *wanted)
    found = _remembered.get(key)
    if found is None:
        found = _remembered[key] = Remembered(history, roots, seeded, wanted)
    return found


def residuals(root: Node) -> list[Node]:
    """The values that a later backward pass from `root` will read; empty if its history has been released."""
    history = History([root])
    if history.released is not None or not history.plain:
        return history.interior if history.released is None else []
    passed = remembered(history, [root], [None if root.type.size == 1 else root], history.leaves)
    return [history.values[i] for i in passed.residuals]


def release(history: History) -> None:
    """Let go of what only a backward pass would read."""
    for node in history.interior:
        node.released = True
        if node.buffer is not None:
            node.inputs = ()
