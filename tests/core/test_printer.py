"""The text of a graph."""

from __future__ import annotations

from retrograd.core.dtype import float64
from retrograd.core.graph import Graph
from retrograd.core.node import input_node
from retrograd.core.operation import COMPOSITES, project, record
from retrograd.core.printer import to_text
from retrograd.core.types import tensor_type


def _graph() -> Graph:
    x, y = (input_node(tensor_type(shape, float64), None) for shape in ((2, 3), (3,)))
    product = record(COMPOSITES["mul"], (x, y))
    both = record(COMPOSITES["max.dim"], (product,), (1, False))
    return Graph.from_nodes([x, y], [project(both, 1), product])


def test_text() -> None:
    assert to_text(_graph()).splitlines() == [
        "graph(%0: float64[2, 3], %1: float64[3])",
        "  %2 = mul(%0, %1) : float64[2, 3]",
        "  %3, %4 = max.dim(%2) {1, False} : float64[2], int64[2]",
        "  return %4, %2",
    ]


def test_bodies_are_printed_once_beneath() -> None:
    text = to_text(_graph(), expand=True)
    assert text.count("mul (%0: float64[2, 3], %1: float64[3])") == 1
    assert "%3 = broadcast(%2) {(2, 3)} : float64[2, 3]" in text


def test_a_graph_without_steps() -> None:
    assert to_text(Graph((), (), ())) == "graph()\n  return"
