"""What is done to a graph, and to the body of a loop, before kernels are chosen."""

from __future__ import annotations

from retrograd.backends.native.layout import choose_layouts
from retrograd.backends.native.loop_steps import single_valued
from retrograd.backends.native.split import split_reductions
from retrograd.backends.native.target import Target
from retrograd.core.graph import Graph


def prepare(graph: Graph, target: Target) -> Graph:
    """The graph in steps that the rest of the backend takes."""
    graph = single_valued(graph)  # a step for each output of a loop
    graph = choose_layouts(graph, target)  # in which order of axes is each value computed?
    return split_reductions(graph)  # reductions over one run of axes, none too long
