"""Graphs made of recorded nodes."""

from __future__ import annotations

from retrograd.core.dtype import float32
from retrograd.core.graph import Graph
from retrograd.core.node import input_node
from retrograd.core.types import tensor_type
from retrograd.ops.elementwise import tanh


def test_what_is_returned_twice_is_computed_once() -> None:
    x = input_node(tensor_type((2,), float32), None)
    y = tanh(x)
    graph = Graph.from_nodes([x], [y, y, x])
    assert len(graph.steps) == 1
    assert graph.outputs == (1, 1, 0)
