"""How the inputs and attributes of a scan are arranged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from retrograd.core.graph import Graph
from retrograd.core.signature import Attributes

_T = TypeVar("_T")


class Loop(NamedTuple):
    """A loop over time.

    Attributes:
        body: the carries, one step of each stream, and the constants, to the next carries and what is stacked.
        carries: how many values are handed from step to step.
        streams: how many inputs are read step by step, along axis 0.
        length: how many steps there are.
        reverse: from the last step to the first; what is stacked stands in the order of the streams all the same.
    """

    body: Graph
    carries: int
    streams: int
    length: int
    reverse: bool

    @classmethod
    def of(cls, attributes: Attributes) -> Loop:
        (body,), carries, streams, length, reverse = attributes
        return cls(body, carries, streams, length, reverse)

    @property
    def attributes(self) -> Attributes:
        return (self.body,), self.carries, self.streams, self.length, self.reverse

    def split(self, inputs: Sequence[_T]) -> tuple[list[_T], list[_T], list[_T]]:
        """What stands for carries, streams and constants, in that order."""
        first, last = self.carries, self.carries + self.streams
        return list(inputs[:first]), list(inputs[first:last]), list(inputs[last:])

    @property
    def order(self) -> range:
        """The steps in the order in which they are taken."""
        return range(self.length - 1, -1, -1) if self.reverse else range(self.length)
