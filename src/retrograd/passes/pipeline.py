"""The passes in order, each with its reason. They change no bit of any result."""

from __future__ import annotations

from collections.abc import Callable

from retrograd.core.graph import Graph
from retrograd.passes.cse import drop_dead, merge_common
from retrograd.passes.inline import inline_calls
from retrograd.passes.simplify import simplify

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    inline_calls,  # backends run primitives
    simplify,  # fewer and plainer steps, so that more of them are equal
    merge_common,  # the forward part that a gradient repeats is the forward pass itself
    drop_dead,  # what only replaced steps read
)


def run_passes(graph: Graph) -> Graph:
    """The graph as backends take it: primitives alone, each computed once and needed."""
    for rewrite in PASSES:
        graph = rewrite(graph)
    return graph
