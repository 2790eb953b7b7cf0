"""The passes in order, each with its reason. They change no bit of any result."""

from __future__ import annotations

import os
from collections.abc import Callable

from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph
from retrograd.core.verifier import verify
from retrograd.passes.cse import drop_dead, merge_common
from retrograd.passes.inline import inline_calls
from retrograd.passes.simplify import simplify

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    inline_calls,  # backends run primitives
    simplify,  # fewer and plainer steps, so that more of them are equal
    merge_common,  # the forward part that a gradient repeats is the forward pass itself
    drop_dead,  # what only replaced steps read
)


CHECK = os.environ.get("RETROGRAD_CHECK") == "1"


def run_passes(graph: Graph) -> Graph:
    """The graph as backends take it: primitives alone, each computed once and needed.

    Raises:
        InternalError: RETROGRAD_CHECK=1 is set, and a pass has made a graph that is wrong.
    """
    for rewrite in PASSES:
        graph = rewrite(graph)
        if CHECK:
            _check(rewrite.__name__, graph)
    return graph


def _check(name: str, graph: Graph) -> None:
    try:
        verify(graph, primitives_only=True)
    except InternalError as error:
        raise InternalError(f"after the pass {name}: {error}") from error
