"""Backpropagation through time as a graph: how often loops run, what they save, how gradients of weights are summed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.autodiff.batching import batched
from retrograd.core.dtype import float64
from retrograd.core.errors import InternalError, ShapeError
from retrograd.core.graph import Graph, Step
from retrograd.core.node import input_node
from retrograd.core.operation import record, results
from retrograd.core.printer import to_text
from retrograd.core.types import tensor_type
from retrograd.core.verifier import verify
from retrograd.ops import elementwise as e
from retrograd.ops.loop import Loop
from retrograd.ops.minimum_cut import values_to_keep
from retrograd.ops.scan import SCAN, scan
from retrograd.passes import structure
from retrograd.runtime import evaluate
from retrograd.tensor.base import wrap
from tests.support.rows_recurrent import CONTROL_FLOW_ROWS, body, place


@contextmanager
def _programs() -> Iterator[list[Graph]]:
    """The graphs that programs are made of meanwhile, after all passes."""
    seen: list[Graph] = []
    before = structure.run_passes

    def watched(graph: Graph) -> Graph:
        seen.append(before(graph))
        return seen[-1]

    structure.run_passes = watched
    evaluate.forget_programs()
    try:
        yield seen
    finally:
        structure.run_passes = before


def _count(graph: Graph, name: str) -> int:
    return sum(step.signature.operation.name == name for step in graph.steps)


def _scans(graphs: list[Graph]) -> list[int]:
    """How many loops each graph that has any has."""
    return [count for graph in graphs if (count := _count(graph, "scan"))]


def _bodies(graph: Graph) -> list[Graph]:
    return [Loop.of(step.signature.attributes).body for step in graph.steps if step.signature.operation is SCAN]


# -- how often loops run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("looked_at", [False, True])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_step_runs_each_loop_once_forward_and_once_backward(kind: str, looked_at: bool) -> None:
    layer = getattr(rg.nn, kind)(3, 4)
    x = rg.randn(5, 2, 3)
    with rg.use_backend("reference"), _programs() as seen:
        y, _ = layer(x)
        loss = (y * y).sum()
        if looked_at:
            loss.item()
        loss.backward()
        rg.optim.SGD(layer.parameters(), lr=0.1).step()
    assert _scans(seen) == ([1, 1] if looked_at else [2])


def test_a_function_of_the_user_runs_once_forward_and_once_backward() -> None:
    w = rg.randn(4, 4, requires_grad=True)
    with rg.use_backend("reference"), _programs() as seen:
        _, ys = rg.scan(lambda h, x: ((h @ w + x).tanh(), h.exp()), rg.zeros(2, 4), rg.randn(5, 2, 4))
        loss = ys.sum()
        loss.item()
        loss.backward()
        w.grad.numpy()
    assert _scans(seen) == [1, 1]


def test_without_gradients_nothing_is_saved() -> None:
    layer = rg.nn.LSTM(3, 4)
    with rg.use_backend("reference"), rg.no_grad(), _programs() as seen:
        layer(rg.randn(5, 2, 3))[0].numpy()
    (body_,) = _bodies(seen[0])
    assert len(body_.outputs) == 3, "the states, and the output once"


# -- what is saved, and how sums are taken ----------------------------------------------------------------------------


def test_gradients_of_weights_are_products_after_the_loop() -> None:
    layer = rg.nn.LSTM(3, 4)
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.1)
    with rg.use_backend("reference"), _programs() as seen:
        layer(rg.randn(5, 2, 3))[0].sum().backward()
        optimizer.step()
    graph = seen[-1]
    forward, backward = _bodies(graph)
    assert (_count(forward, "matmul"), _count(backward, "matmul")) == (1, 1), "the recurrent one, each way"
    assert _count(backward, "tanh") == _count(backward, "exp") == 0, "what is dear is saved"
    outside = [step.signature for step in graph.steps if step.signature.operation.name == "matmul"]
    assert sorted(s.type.shape for s in outside) == [(10, 16), (16, 3), (16, 4)]


def test_a_gradient_that_is_no_product_is_added_up_in_the_loop() -> None:
    w = rg.randn(2, 4, requires_grad=True)
    with rg.use_backend("reference"), _programs() as seen:
        rg.scan(lambda h, x: ((h * w + x).tanh(), None), rg.zeros(2, 4), rg.randn(5, 2, 4))[0].sum().backward()
        w.grad.numpy()
    backward = _bodies(seen[0])[-1]
    assert backward.output_types == (w._read().type, w._read().type), "the gradients of the carry, and of w so far"


def test_the_cut_keeps_the_least_that_suffices() -> None:
    wide, narrow = place(4, 8), place(4, 1)
    dear = e.exp(wide)
    cheap = e.add(dear, dear)
    part = e.exp(narrow)

    def weight(node: Any) -> int | None:
        return None if node is wide else node.type.nbytes

    assert values_to_keep([cheap, part], weight) == [cheap, part], "nearest to what is read"
    assert values_to_keep([dear, cheap, part], weight) == [dear, part], "one value serves both"
    assert values_to_keep([wide], weight) == []
    both = e.mul(dear, cheap)
    assert values_to_keep([both, cheap], weight) == [dear]


def test_gradients_through_many_steps() -> None:
    """The product of 400 slopes of tanh, one by one."""
    x = np.linspace(-0.5, 0.5, 400)
    h = rg.tensor(0.3, dtype=float64, requires_grad=True)
    last, _ = rg.scan(lambda h, x: (h.sin() * 1.2 + x * 0.1, None), h, rg.tensor(x))
    last.backward()
    value, slope = 0.3, 1.0
    for t in x:
        slope *= 1.2 * np.cos(value)
        value = 1.2 * np.sin(value) + 0.1 * t
    np.testing.assert_allclose(last.item(), value, rtol=1e-12)
    np.testing.assert_allclose(h.grad.item(), slope, rtol=1e-10)


# -- batching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CONTROL_FLOW_ROWS[0].cases)
def test_every_output_is_batched(case: Any) -> None:
    arrays = [np.stack([x, x * 2, x - 1]) for x in case.inputs]
    for chosen in (range(len(arrays)), [0], [len(arrays) - 1]):
        marks = [i in chosen for i in range(len(arrays))]
        places = [input_node(rg.tensor(x)._read().type, None) for x in case.inputs]
        graph = Graph.from_nodes(places, results(record(SCAN, tuple(places), case.attributes)))
        given = [rg.tensor(a if mark else x)._read() for a, x, mark in zip(arrays, case.inputs, marks, strict=True)]
        found = [wrap(x).numpy() for x in batched(graph, given, marks, 3)]
        for k in range(3):
            one = [a[k] if mark else x for a, x, mark in zip(arrays, case.inputs, marks, strict=True)]
            for ours, theirs in zip(found, case.numpy(*one, *case.attributes), strict=True):
                np.testing.assert_allclose(ours[k], theirs, rtol=1e-12, atol=1e-13)


# -- printer and verifier ---------------------------------------------------------------------------------------------


def _doubling() -> tuple[Graph, Loop]:
    inner = body([place(2), place(2)], lambda h, x: [e.add(h, x), e.mul(h, h)])
    loop = Loop(inner, 1, 1, 3, False)
    places = [place(2), place(3, 2)]
    return Graph.from_nodes(places, scan(loop, places)), loop


def test_the_body_is_printed_beneath_its_step() -> None:
    graph, _ = _doubling()
    assert to_text(graph).splitlines() == [
        "graph(%0: float64[2], %1: float64[3, 2])",
        "  %2, %3 = scan(%0, %1) {1, 1, 3, False} : float64[2], float64[3, 2]",
        "    body(%0: float64[2], %1: float64[2])",
        "      %2 = add(%0, %1) : float64[2]",
        "      %3 = mul(%0, %0) : float64[2]",
        "      return %2, %3",
        "  return %2, %3",
    ]


def test_the_body_is_verified() -> None:
    graph, loop = _doubling()
    verify(graph, primitives_only=True)
    (step,) = graph.steps
    (first, *_) = loop.body.steps
    broken = Graph(loop.body.inputs, (Step(first.signature, (0, 9)),), (2,))
    signature = step.signature.__class__(
        SCAN, ((broken,), 1, 1, 3, False), step.signature.inputs, step.signature.outputs, None
    )
    with pytest.raises(InternalError, match=r"in its body: step 0, .*value 9 is read before it is defined"):
        verify(Graph(graph.inputs, (Step(signature, step.args),), graph.outputs))


def test_a_loop_must_have_a_result() -> None:
    nothing = Graph((tensor_type((2,), float64),), (), ())
    with pytest.raises(ShapeError, match="has no result"):
        record(SCAN, (place(3, 2),), ((nothing,), 0, 1, 3, False))
