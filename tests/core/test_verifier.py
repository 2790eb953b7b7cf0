"""Each rule of the verifier, broken once."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd.core.dtype import float32, float64
from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph, Step
from retrograd.core.node import input_node
from retrograd.core.operation import COMPOSITES, PRIMITIVES, project, record, signature_of
from retrograd.core.types import tensor_type
from retrograd.core.verifier import verify
from retrograd.passes import pipeline

VECTOR = tensor_type((3,), float64)
ADD = signature_of(PRIMITIVES["add"], (VECTOR, VECTOR), ())


def test_a_traced_graph_passes_and_so_does_every_pass() -> None:
    x = input_node(VECTOR, None)
    y = record(COMPOSITES["max.dim"], (x,), (0, False))
    graph = Graph.from_nodes([x], [record(COMPOSITES["mul"], (project(y, 0), x))])
    verify(graph)
    for rewrite in pipeline.PASSES:
        graph = rewrite(graph)
        verify(graph, primitives_only=True)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (Graph((VECTOR,), (Step(ADD, (0, 1)),), (1,)), "value 1 is read before it is defined"),
        (Graph((VECTOR,), (Step(ADD, (0, -1)),), (1,)), "value -1 is read before it is defined"),
        (Graph((VECTOR,), (Step(ADD, (0,)),), (1,)), "1 arguments for 2 inputs"),
        (Graph((tensor_type((3,), float32),), (Step(ADD, (0, 0)),), (1,)), r"value 0 is float32\[3\]"),
        (Graph((VECTOR,), (Step(ADD, (0, 0)),), (2,)), "output 2 is not defined"),
    ],
)
def test_a_broken_graph_is_named(graph: Graph, message: str) -> None:
    with pytest.raises(InternalError, match=message):
        verify(graph)


def test_backends_take_primitives_alone() -> None:
    graph = Graph((VECTOR,), (Step(signature_of(COMPOSITES["square"], (VECTOR,), ()), (0,)),), (1,))
    verify(graph)
    with pytest.raises(InternalError, match="square is no primitive"):
        verify(graph, primitives_only=True)


def test_the_check_runs_after_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: Graph) -> Graph:
        return Graph(graph.inputs, graph.steps, (99,))

    monkeypatch.setattr(pipeline, "PASSES", (*pipeline.PASSES, broken))
    monkeypatch.setattr(pipeline, "CHECK", True)
    x = rg.ones(5, 7)
    with pytest.raises(InternalError, match="broken: output 99"):
        (x * 0.125 + x.sum()).tolist()
