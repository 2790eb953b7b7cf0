"""A structure: what a program is to compute, in the form that is at hand, and in others when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property

from retrograd.core.digest import digest_of
from retrograd.core.graph import Graph
from retrograd.passes.generalise import Form, form_of
from retrograd.passes.pipeline import run_passes


class Structure:
    """A graph as it was recorded, with what is known of its inputs and outputs.

    Attributes:
        recorded: composites and functions are single steps in it.
        scalars: for each input, whether it is a Python number.
        aliases: for each output, the input whose buffer it overwrites, or -1.
    """

    def __init__(self, recorded: Graph, scalars: Sequence[bool], aliases: Sequence[int]) -> None:
        self.recorded, self.scalars, self.aliases = recorded, scalars, aliases

    @cached_property
    def graph(self) -> Graph:
        """What backends run: the passes have been over it."""
        return run_passes(self.recorded)

    @cached_property
    def digest(self) -> str | None:
        """What it computes, the same in every process; None if that is not known."""
        return digest_of(self.recorded)

    @cached_property
    def form(self) -> Form:
        """What it has in common with structures of other extents, and its numbers."""
        return form_of(self.recorded)

    def overwriting(self, aliases: Sequence[int]) -> Structure:
        """The same with other aliases; what is known of it by now is shared."""
        other = copy(self)
        other.aliases = aliases
        return other


class PassedStructure(Structure):
    """One of which only the graph is known that the passes have made.

    >>> from retrograd.core.graph import Graph
    >>> PassedStructure(Graph((), (), ()), [], []).graph
    <graph of 0 steps>
    """

    @cached_property
    def graph(self) -> Graph:
        return self.recorded

    @cached_property
    def digest(self) -> str | None:
        return None
