"""What closes a program: a node whose outputs are written over values that it reads, such as an optimizer's update."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.node import Node
from retrograd.core.types import TensorType


class Held:
    """Buffers that a closing node reads and writes anew, in the order of its outputs: the same ones at every step.

    They are the first inputs of the program, whatever else it reads; so a structure key need not list them.

    Attributes:
        types: of the values in them.
        places: each with ~its place among the inputs.
    """

    __slots__ = ("buffers", "types", "places")

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self.buffers = list(buffers)
        self.types: tuple[TensorType, ...] = tuple([buffer.type for buffer in buffers])
        self.places: dict[Buffer | Scalar, int] = {buffer: ~place for place, buffer in enumerate(buffers)}

    @property
    def is_distinct(self) -> bool:
        """Whether each is another one."""
        return len(self.places) == len(self.buffers)


class Closing:
    """The closing node of a program.

    Attributes:
        node: reads everything by its inputs, but what is held.
        into: a buffer for each of its outputs; may be that of an input of the program.
        held: what it writes to, if it reads just that.
    """

    __slots__ = ("node", "into", "held")

    def __init__(self, node: Node, into: Sequence[Buffer], held: Held | None = None) -> None:
        self.node, self.into, self.held = node, into, held
