"""The backward pass of a recorded graph, remembered by its structure.

The first time a structure is met, its reverse pass is derived on stand-ins for every value of the forward pass. What
comes out is a function of those values that it reads (the residuals) to the gradients of the leaves. Met again, the
whole backward pass is one node that applies this function.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from retrograd.autodiff.general_pass import pass_for_extents
from retrograd.autodiff.reverse import reads_values, reverse
from retrograd.core import mode
from retrograd.core.cache import Cache
from retrograd.core.errors import GraphError
from retrograd.core.family import NotGeneralError
from retrograd.core.graph import Graph
from retrograd.core.inferred import INFERRED, require_recorded
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Function, record, results
from retrograd.core.signature import Signature
from retrograd.ops.constant import like
from retrograd.ops.elementwise import add

_by_number = attrgetter("number")


# In a structure key, what is added to the place of a leaf.
_LEAF: Final = 1 << 32


class History:
    """The part of a graph through which gradients flow, numbered as it is met on the way back: what a backward pass
    walks.

    Attributes:
        interior: nodes that require a gradient and are no leaves.
        leaves: the leaf nodes, and placeholders through which gradients flow.
        values: every node that is one of these or an input of one, by places.
        key: the structure: for each node of the interior its signature, and the places of its inputs, told apart by
            whether the walk goes on there, ends in a leaf, or has no part in it.
        plain: no code of the user, and nobody who watches, stands in the way of remembering the pass.
        released: nodes whose history an earlier backward pass has released.
    """

    interior: list[Node]
    leaves: list[Node]
    released: list[Node]

    def __init__(self, roots: Sequence[Node]) -> None:
        interior: list[Node] = []
        leaves: list[Node] = []
        released: list[Node] = []
        plain = mode.watch.call is None
        codes: dict[Node, int] = {}
        key: list[int] = []
        append, code_of = key.append, codes.get
        stack: list[Node] = []
        met = roots
        while True:
            for x in met:
                code = code_of(x)
                if code is None:
                    code = len(codes)
                    if not x.requires_grad:
                        code = ~code
                    elif x.leaf is not None or x.signature is None:
                        leaves.append(x)
                        code += _LEAF
                    else:
                        stack.append(x)
                    codes[x] = code
                    if x.hooks is not None:
                        plain = False
                append(code)
            if not stack:
                break
            node = stack.pop()
            if node.released is not None:
                released.append(node)
            interior.append(node)
            append(node.signature.key)  # type: ignore[union-attr]
            met = node.inputs
        self.interior, self.leaves, self.released = interior, leaves, released
        self.plain, self.key, self.values, self._codes = plain, key, list(codes), codes

    def code(self, node: Node) -> int:
        """What stands for a node in the key."""
        return self._codes[node]

    def place(self, node: Node) -> int:
        """Where a node through which gradients flow stands among the values."""
        return self._codes[node] & (_LEAF - 1)

    def versions(self, wanted: Sequence[Node]) -> list[Node]:
        """The nodes of this history that stand for `wanted`: of a leaf that has been changed, all its versions."""
        leaves = {id(node.leaf) for node in wanted if node.leaf is not None}
        found = dict.fromkeys(node for node in wanted if node in self._codes)
        found.update(dict.fromkeys(node for node in self.leaves if id(node.leaf) in leaves))
        return list(found)

    def narrow(self, targets: Sequence[Node]) -> None:
        """Leave out nodes from which no path leads to a target: their hooks are not called, they are not released.

        Raises:
            GraphError: a path leads through a history that was released.
        """
        leading = set(targets)
        leaves = {id(node.leaf) for node in targets if node.leaf is not None}
        for node in sorted(self.interior, key=_by_number):
            gone = node.released
            if gone is not None and any(id(leaf) in leaves for leaf in gone):
                raise _released(node)
            if any(x in leading for x in node.inputs):
                if gone is not None:
                    raise _released(node)
                leading.add(node)
        self.interior = [node for node in self.interior if node in leading]
        self.leaves = [node for node in self.leaves if node in leading]
        self.plain = self.plain and not self.released

    def surviving(self) -> list[int]:
        """The places of nodes that can be walked again after this history is released, as in PyTorch: those whose
        gradient needs no value, and that of the nodes behind them neither."""
        active = {*self.interior, *self.leaves}
        gone: set[Node] = set()
        for node in sorted(self.interior, key=_by_number):
            if any(x in gone for x in node.inputs) or reads_values(node, active):
                gone.add(node)
        return [self.place(node) for node in self.interior if node not in gone]


def _released(node: Node) -> GraphError:
    return GraphError(
        f"backward: the history of {node!r} was released by an earlier backward pass; "
        "call backward(retain_graph=True) the first time if you need it twice"
    )


class Remembered:
    """A derived backward pass.

    Attributes:
        residuals: places of the values it reads.
        targets: places of the nodes whose gradients it gives, in the order of its outputs.
        surviving: places of the nodes that can be walked again.
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
        self.surviving = history.surviving()
        self._signature: Signature | None = None

    def applied(self, inputs: tuple[Node, ...]) -> Node:
        """The pass as a node, which reads values and seeds."""
        signature = self._signature
        if signature is None:
            node = record(self.function, inputs)
            self._signature = node.signature
            return node
        # The structure fixes all types: there is nothing to be found out again.
        followed = mode.state.grad_enabled and any(x.requires_grad for x in inputs)
        return Node(signature, inputs, followed and signature.differentiable)


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


_remembered: Final[Cache[tuple[object, ...], Remembered]] = Cache(
    limit=1 << 11, heaviest=1 << 16, weigh=lambda remembered: len(remembered.residuals)
)


class Found:
    """What a backward pass has found.

    Attributes:
        nodes: leaves, or what was asked for, so far as something leads there.
        call: a node whose outputs are their gradients; None if the pass was walked node by node, or found nothing.
    """

    __slots__ = ("nodes", "call", "_each")

    def __init__(self, nodes: list[Node], call: Node | None = None, each: Sequence[Node] = ()) -> None:
        self.nodes, self.call, self._each = nodes, call, each

    def gradients(self) -> dict[Node, Node]:
        """The gradient of each node."""
        return dict(zip(self.nodes, self._each if self.call is None else results(self.call), strict=True))


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
        GraphError: a backward pass has been through this history already, and has taken what this one needs.
    """
    found = passed(roots, seeds, wanted, retain_graph=retain_graph, create_graph=create_graph)
    return merged(found, wanted, create_graph=create_graph)


def passed(
    roots: Sequence[Node],
    seeds: Sequence[Node | None],
    wanted: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> Found:
    """What a backward pass finds, before the gradients of a leaf's versions are added up; arguments as `gradients`."""
    history = History(roots)
    if wanted is None:
        if history.released:
            raise _released(history.released[0])
        targets = history.leaves
    else:
        targets = history.versions(wanted)
        history.narrow(targets)
    before, mode.state.grad_enabled = mode.state.grad_enabled, create_graph
    try:
        if history.plain:
            known = remembered(history, roots, seeds, targets)
            if INFERRED:
                require_recorded(history.values[i] for i in known.residuals)
            found = _recall(known, history, seeds)
            surviving: Sequence[int] | None = known.surviving
        else:
            surviving = None
            start = [like(1, root) if seed is None else seed for root, seed in zip(roots, seeds, strict=True)]
            every = _gradients(history, roots, start, None)
            reached = [node for node in targets if node in every]
            found = Found(reached, each=[every[node] for node in reached])
    finally:
        mode.state.grad_enabled = before
    if not retain_graph:
        _release(history, history.surviving() if surviving is None else surviving)
    return found


def merged(found: Found, wanted: Sequence[Node] | None, *, create_graph: bool) -> dict[Node, Node]:
    """One gradient for each leaf and each node of `wanted`: those of a leaf's versions are added up."""
    if wanted is None and len({id(node.leaf) for node in found.nodes}) == len(found.nodes):
        return found.gradients()
    total: dict[int, Node] = {}
    with mode.enable_grad() if create_graph else mode.no_grad():
        for node, g in found.gradients().items():
            key = id(node.leaf or node)
            total[key] = add(total[key], g) if key in total else g
    if wanted is None:
        wanted = list({id(node.leaf): node for node in found.nodes}.values())
    return {node: total[id(node.leaf or node)] for node in wanted if id(node.leaf or node) in total}


def _recall(known: Remembered, history: History, seeds: Sequence[Node | None]) -> Found:
    values = history.values
    inputs = [values[i] for i in known.residuals]
    given = [seed for seed in seeds if seed is not None]
    inputs.extend([given[i] for i in known.seeds])
    nodes = [values[place] for place in known.targets]
    return Found(nodes, known.applied(tuple(inputs)) if nodes else None)


def remembered(
    history: History, roots: Sequence[Node], seeds: Sequence[Node | None], targets: Sequence[Node]
) -> Remembered:
    """The derived pass for this structure."""
    # Which nodes are leaves is in the key already.
    wanted = [None] if targets is history.leaves else [history.code(node) for node in targets]
    seeded = [seed is not None for seed in seeds]
    # The types of inputs are part of the signatures that read them; of a root that is a leaf there is none.
    types = [root.type.input_key for root in roots]
    key = (*history.key, None, *types, None, *seeded, None, *wanted)
    found = _remembered.get(key)
    if found is None:
        places = [history.place(node) for node in targets]
        known = _for_extents(history, roots, seeded, places) if targets is history.leaves else None
        found = _remembered.put(key, known or Remembered(history, roots, seeded, places))
    return found


def _for_extents(
    history: History, roots: Sequence[Node], seeded: Sequence[bool], wanted: list[int]
) -> Remembered | None:
    """The pass as it follows from one over extents; None if there is none."""

    def derive(values: list[Node], roots: list[Node]) -> Remembered:
        other = History(roots)
        if other.values != values:
            raise NotGeneralError("the nodes are met in another order")
        return Remembered(other, roots, seeded, wanted)

    return pass_for_extents(history.values, history.interior, roots, seeded, derive)


def residuals(root: Node) -> list[Node]:
    """The values that a later backward pass from `root` will read; empty if its history has been released."""
    history = History([root])
    if history.released:
        return []
    if not history.plain:
        return history.interior
    passed = remembered(history, [root], [None if root.type.size == 1 else root], history.leaves)
    return [history.values[i] for i in passed.residuals]


def release(roots: Sequence[Node], wanted: Sequence[Node]) -> None:
    """Let go of what a backward pass from `roots` to `wanted` would read, as if there had been one."""
    history = History(roots)
    history.narrow(history.versions(wanted))
    _release(history, history.surviving())


def _release(history: History, surviving: Sequence[int]) -> None:
    """Let go of what only a backward pass would read."""
    leaves = tuple([node.leaf for node in history.leaves if node.leaf is not None])
    interior = history.interior
    if surviving:
        kept = {history.values[place] for place in surviving}
        interior = [node for node in interior if node not in kept]
    for node in interior:
        node.released = leaves
        if node.hooks is not None:
            node.hooks.rule = None
        if node.buffer is not None:
            node.inputs = ()
