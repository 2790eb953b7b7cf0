"""Values that wait together: outputs of one node of which nobody has made tensors yet."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.buffer import Buffer, allocator
from retrograd.core.node import Node, input_node
from retrograd.core.operation import project
from retrograd.core.types import TensorType
from retrograd.runtime.evaluate import is_observed


class Bundle:
    """Outputs of one node, from one place to its last. They are computed all together, or not at all.

    Attributes:
        first: the place of the first one among the outputs of the node.
        types: of all outputs of the node.
    """

    __slots__ = ("first", "types", "_node", "_buffers", "_alone", "_allocator", "__weakref__")

    def __init__(self, node: Node, first: int) -> None:
        assert node.signature is not None
        self.first = first
        self.types: tuple[TensorType, ...] = node.signature.outputs
        self._node: Node | None = node
        self._buffers: Sequence[Buffer] = ()
        # Whether nobody else has the buffers.
        self._alone = False
        self._allocator = allocator

    @property
    def is_pending(self) -> bool:
        return self._node is not None

    @property
    def node(self) -> Node:
        """The node that gives them, as long as they are pending."""
        assert self._node is not None
        return self._node

    def settle(self, outputs: Sequence[Buffer]) -> None:
        """Take the values of all outputs of the node, and let go of that."""
        self._buffers, self._node = outputs[self.first :], None
        self._alone = not is_observed()

    def part(self, place: int) -> Node:
        """A node of its own for one of them."""
        if self._node is not None:
            return project(self._node, self.first + place)
        self._alone = False
        buffer = self._buffers[place]
        return input_node(buffer.type, buffer)

    def hand_out(self) -> None:
        """Make tensors of them all, for whoever this stands for."""
        raise NotImplementedError

    def __del__(self) -> None:
        if self._alone:
            self._allocator.give_set(self.types, [*[None] * self.first, *self._buffers])
