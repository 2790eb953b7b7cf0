"""The passes in order, each with its reason. They change no bit of any result."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Final

from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph, Step
from retrograd.core.verifier import verify
from retrograd.passes.bodies import map_bodies
from retrograd.passes.cse import drop_dead, merge_common
from retrograd.passes.inline import inline_calls
from retrograd.passes.loops import tidy_loops
from retrograd.passes.simplify import simplify


def rewrite_bodies(graph: Graph) -> Graph:
    """The graph with every body of a loop or branch after all passes."""
    steps = tuple(Step(map_bodies(_rewritten_body, step.signature), step.args, step.origin) for step in graph.steps)
    return Graph(graph.inputs, steps, graph.outputs)


@functools.lru_cache(maxsize=1 << 10)
def _rewritten_body(body: Graph) -> Graph:
    """Programs of several lengths, and forward and backward passes, have bodies in common."""
    return run_passes(body)


PASSES: Final[tuple[Callable[[Graph], Graph], ...]] = (
    inline_calls,  # backends run primitives
    simplify,  # fewer and plainer steps, so that more of them are equal
    rewrite_bodies,  # the same for what loops and branches hold
    merge_common,  # the forward part that a gradient repeats is the forward pass itself
    drop_dead,  # what only replaced steps read
    tidy_loops,  # what is needed of loops is known by now
    rewrite_bodies,  # what the constants that bodies were given make plainer
    merge_common,  # what was moved out of loops
    drop_dead,  # what only dropped parts of loops read
)


CHECK = os.environ.get("RETROGRAD_CHECK") == "1"


def run_passes(graph: Graph) -> Graph:
    """The graph as backends take it: primitives and control flow alone, each computed once and needed.

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
