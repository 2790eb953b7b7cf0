"""A node of the lazy graph: an operation applied to nodes. Recording appends nodes; nothing is computed.

What a node *is* (signature, inputs, type) never changes. Beside it stand the marks of its life: the buffer once its
value is there, the leaf it stands for, hooks, and whether a backward pass has released its history.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.types import TensorType

if TYPE_CHECKING:
    from retrograd.core.signature import Signature

_next_number = itertools.count().__next__


class Hooks:
    """Code of the user at a node.

    Attributes:
        calls: functions of the gradient that arrives at the node, called in the order of their numbers.
        rule: a gradient rule in place of the operation's: the node and the gradients of its outputs, by position, to
            the gradients of its inputs.
        reads: whether the rule reads values that go with the backward pass.
    """

    __slots__ = ("calls", "rule", "reads")

    def __init__(self) -> None:
        self.calls: dict[int, Callable[[Node], Node | None]] = {}
        self.rule: Callable[[Node, Mapping[int, Node]], Sequence[Node | None]] | None = None
        self.reads = False


class Node:
    """One application of an operation, or an input of the graph.

    Attributes:
        signature: operation, attributes and input types, interned; None for an input of the graph.
        inputs: the nodes it reads. Emptied when its value is there and no backward pass can need them.
        type: of its value; of the first output where there are several (`project` selects one).
        requires_grad: whether gradients flow through it.
        number: grows with the order of recording, which is a topological order.
        buffer: its value: memory, or a Python number; None while it is pending.
        leaf: a weak reference to the leaf tensor whose `.grad` its gradient goes to.
        hooks: code of the user that the backward pass calls.
        released: the leaves of the backward pass that has been through it without `retain_graph` and taken what a
            second one would need; None as long as it can be walked.
    """

    __slots__ = (
        "signature",
        "inputs",
        "type",
        "requires_grad",
        "number",
        "buffer",
        "leaf",
        "hooks",
        "released",
        "__weakref__",
    )

    signature: Signature | None
    buffer: Buffer | Scalar | None
    leaf: ref[Any] | None
    hooks: Hooks | None
    released: tuple[ref[Any], ...] | None

    def __init__(self, signature: Signature, inputs: tuple[Node, ...], requires_grad: bool) -> None:
        self.signature = signature
        self.inputs = inputs
        self.type = signature.type
        self.requires_grad = requires_grad
        self.number = _next_number()
        self.buffer = None
        self.leaf = None
        self.hooks = None
        self.released = None

    def __repr__(self) -> str:
        name = self.signature.operation.name if self.signature else "input"
        return f"<{name} #{self.number}: {self.type}>"


def input_node(type_: TensorType, buffer: Buffer | Scalar | None, leaf: ref[Any] | None = None) -> Node:
    """A node that stands for a value from outside: a buffer, a Python number, or (with None) a placeholder."""
    node = Node.__new__(Node)
    node.signature = None
    node.inputs = ()
    node.type = type_
    node.requires_grad = leaf is not None
    node.number = _next_number()
    node.buffer = buffer
    node.leaf = leaf
    node.hooks = None
    node.released = None
    return node
