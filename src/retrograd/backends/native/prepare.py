"""What is done to a graph, and to the body of a loop, before kernels are chosen."""

from __future__ import annotations

from retrograd.backends.native.constants import part_constants
from retrograd.backends.native.conv_windows import multiply_windows
from retrograd.backends.native.empty import without_empty
from retrograd.backends.native.layout import choose_layouts
from retrograd.backends.native.loop_steps import single_valued
from retrograd.backends.native.split import split_reductions
from retrograd.backends.native.target import Target
from retrograd.backends.native.whole_matmul import name_whole_products
from retrograd.core.graph import Graph
from retrograd.core.verifier import verify
from retrograd.passes.pipeline import CHECK


def prepare(graph: Graph, target: Target) -> Graph:
    """The graph in steps that the rest of the backend takes."""
    graph = single_valued(graph)  # a step for each output of a loop
    graph = without_empty(graph)  # nothing is computed where there are no elements
    graph = multiply_windows(graph)  # convolutions of integers and over many axes are products of matrices
    graph = name_whole_products(graph)  # products of integers are none that others fuse with
    graph = choose_layouts(graph, target)  # in which order of axes is each value computed?
    graph = split_reductions(graph)  # reductions over one run of axes, none too long
    graph = part_constants(graph)  # what must be in memory is no part of what others compute
    if CHECK:
        verify(graph, primitives_only=True)
    return graph
