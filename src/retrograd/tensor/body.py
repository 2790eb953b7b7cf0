"""Functions of the user as bodies of loops and branches: called once, on placeholders, and kept as graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from retrograd.core import mode, tree
from retrograd.core.errors import OptionError
from retrograd.core.graph import Graph, reachable
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.core.types import TensorType
from retrograd.ops.stop_gradient import STOP_GRADIENT
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.pending import traced
from retrograd.tensor.tensor import tensor


class Body(NamedTuple):
    """What a function recorded.

    Attributes:
        places: placeholders for its arguments.
        outputs: what it returned, as nodes.
        constants: the values from outside that it read beside its arguments.
        result: what it returned, as it was.
    """

    places: list[Node]
    outputs: list[Node]
    constants: list[Node]
    result: Any

    def graph(self, constants: Sequence[Node]) -> Graph:
        """The function of arguments and constants; these may be more than it reads."""
        return Graph.from_nodes([*self.places, *constants], self.outputs)


def trace(name: str, part: str, function: Callable[[list[Any]], Any], types: Sequence[TensorType]) -> Body:
    """Call a function of tensors on placeholders.

    Args:
        name: of the operation, for messages.
        part: what a value inside belongs to, for messages.
        function: takes a list of tensors; returns tensors, in a tree of any form.
        types: of its arguments; there must be one.

    Raises:
        OptionError: it returned something that is no tensor.
        GraphError: it looked at a value, or changed a tensor from outside.
    """
    places = [input_node(type_, None) for type_ in types]
    for place in places:
        place.requires_grad = place.type.dtype.is_floating_point
    with traced(places[0].number, name, part):
        result = function([wrap(place) for place in places])
    outputs = []
    for leaf in leaves_of(result):
        if not isinstance(leaf, TensorBase):
            raise OptionError(f"{name}: the function must return tensors, and returned {type(leaf).__name__}")
        outputs.append(leaf._read())
    return Body(places, *closed(places, outputs), result)


def closed(places: list[Node], outputs: list[Node]) -> tuple[list[Node], list[Node]]:
    """The outputs in terms of placeholders and constants, and the constants."""
    inside: dict[Node, Node] = {place: place for place in places}
    constants: dict[Node, None] = {}

    def of(x: Node) -> Node:
        if x in inside:
            return inside[x]
        if x.signature is None or x.inputs or x.buffer is not None:
            constants[x] = None
        return x

    for node in reachable(outputs, set(places)):
        if any(x in inside for x in node.inputs):
            inside[node] = _copied(node, of)
    return [of(x) for x in outputs], list(constants)


def _copied(node: Node, of: Callable[[Node], Node]) -> Node:
    """A node on other inputs; what was recorded without gradients lets none through."""
    assert node.signature is not None
    stops = node.signature.differentiable and not node.requires_grad and node.signature.projects is None
    with mode.no_grad():
        inputs = [record(STOP_GRADIENT, (of(x),)) if stops and x.requires_grad else of(x) for x in node.inputs]
    return Node(node.signature, tuple(inputs), False)


# -- trees of tensors -------------------------------------------------------------------------------------------------


def leaves_of(value: Any) -> list[Any]:
    """The leaves of a tree; None is no leaf."""
    return [leaf for leaf in tree.leaves(value) if leaf is not None]


def rebuild(form: Any, values: Sequence[Any]) -> Any:
    """A tree of the same form with other leaves; None stays None."""
    given = iter(values)
    return tree.map_leaves(lambda leaf: None if leaf is None else next(given), form)


def as_tensor(value: Any) -> Any:
    return value if isinstance(value, TensorBase) else tensor(value)
