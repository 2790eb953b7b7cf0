"""Loops after `tidy_loops`: what is left of them, and that nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retrograd.core.definition import run_graph
from retrograd.core.graph import Graph
from retrograd.core.node import Node
from retrograd.core.verifier import verify
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, like, zeros
from retrograd.ops.loop import Loop
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import transpose
from retrograd.ops.scan import SCAN, scan
from retrograd.passes.pipeline import run_passes
from tests.support.rows_recurrent import body, place


def _graph(
    inner: Graph, carries: int, streams: int, places: list[Node], given: list[Node], outputs: list[int]
) -> Graph:
    made = scan(Loop(inner, carries, streams, 3, False), given)
    return Graph.from_nodes(places, [made[i] for i in outputs])


def _check(graph: Graph) -> Graph:
    """The graph after the passes, which gives the same."""
    tidy = run_passes(graph)
    verify(tidy, primitives_only=True)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(type_.shape) for type_ in graph.inputs]
    for found, expected in zip(run_graph(tidy, arrays), run_graph(graph, arrays), strict=True):
        np.testing.assert_array_equal(found, expected)
    return tidy


def _loops(graph: Graph) -> list[tuple[Loop, int]]:
    """The loops, with how many inputs they have."""
    return [(Loop.of(s.signature.attributes), len(s.args)) for s in graph.steps if s.signature.operation is SCAN]


def test_what_nobody_reads_is_dropped() -> None:
    inner = body(
        [place(2), place(2), place(2), place(2), place(2)],
        lambda a, b, x, y, w: [e.add(a, x), e.mul(b, w), e.mul(a, a), e.add(b, y)],
    )
    places = [place(2), place(2), place(3, 2), place(3, 2), place(2)]
    ((loop, count),) = _loops(_check(_graph(inner, 2, 2, places, places, [2])))
    assert (loop.carries, loop.streams, count, len(loop.body.outputs)) == (1, 1, 2, 2)
    ((loop, count),) = _loops(_check(_graph(inner, 2, 2, places, places, [1])))
    assert (loop.carries, loop.streams, count, len(loop.body.outputs)) == (1, 0, 2, 1)


def test_a_carry_on_which_a_needed_one_depends_stays() -> None:
    inner = body([place(2), place(2)], lambda a, b: [e.add(a, b), e.mul(b, b)])
    places = [place(2), place(2)]
    ((loop, _),) = _loops(_check(_graph(inner, 2, 0, places, places, [0])))
    assert loop.carries == 2


def test_a_carry_that_never_changes_is_a_constant() -> None:
    inner = body([place(2), place(2), place(2)], lambda a, fixed, x: [e.add(a, e.mul(fixed, x)), fixed])
    places = [place(2), place(2), place(3, 2)]
    tidy = _check(_graph(inner, 2, 1, places, places, [0, 1]))
    ((loop, count),) = _loops(tidy)
    assert (loop.carries, loop.streams, count) == (1, 1, 3)
    assert tidy.outputs[1] == 1


def test_equal_inputs_and_equal_stacks_are_one() -> None:
    inner = body(
        [place(2), place(2), place(2), place(2), place(2)],
        lambda a, x, y, v, w: [e.add(e.add(a, x), e.mul(v, w)), e.mul(y, y), e.mul(y, y)],
    )
    a, x, v = places = [place(2), place(3, 2), place(2)]
    tidy = _check(_graph(inner, 1, 2, places, [a, x, x, v, v], [0, 1, 2]))
    ((loop, count),) = _loops(tidy)
    assert (loop.streams, count, len(loop.body.outputs)) == (1, 3, 2)
    assert tidy.outputs[1] == tidy.outputs[2]


def test_constants_are_known_inside() -> None:
    inner = body([place(2), place(2), place(2)], lambda a, x, w: [e.add(e.mul(a, w), x)])
    a = place(2)
    given = [a, zeros(place(3, 2).type), like(1, a)]
    ((loop, count),) = _loops(_check(_graph(inner, 1, 1, [a], given, [0])))
    assert count == 1
    assert [step.signature.operation.name for step in loop.body.steps] == ["const", "add"], "a * 1 is a"


def test_what_depends_on_constants_alone_is_computed_before_the_loop() -> None:
    inner = body(
        [place(2, 3), place(2, 3), place(3, 3)], lambda h, x, w: [e.add(matmul(h, transpose(e.exp(transpose(w)))), x)]
    )
    places = [place(2, 3), place(3, 2, 3), place(3, 3)]
    tidy = _check(_graph(inner, 1, 1, places, places, [0]))
    ((loop, _),) = _loops(tidy)
    names = [step.signature.operation.name for step in loop.body.steps]
    assert "exp" not in names and "matmul" in names
    assert "exp" in [step.signature.operation.name for step in tidy.steps]


def test_no_steps_leave_no_loop() -> None:
    inner = body([place(2), place(2)], lambda a, x: [e.add(a, x), e.mul(a, a)])
    places = [place(2), place(0, 2)]
    made = scan(Loop(inner, 1, 1, 0, False), places)
    tidy = _check(Graph.from_nodes(places, made))
    assert _loops(tidy) == []
    assert tidy.output_types == (place(2).type, place(0, 2).type)


def test_a_loop_of_which_nothing_is_left() -> None:
    inner = body([place(2), place(2)], lambda a, x: [a, e.mul(x, x)])
    places = [place(2), place(3, 2)]
    tidy = _check(_graph(inner, 1, 1, places, places, [0]))
    assert (tidy.steps, tidy.outputs) == ((), (0,))


@pytest.mark.parametrize("make", [lambda x: x, lambda x: const(2, x.type.dtype, x.type.shape)])
def test_a_stack_of_something_constant(make: Callable[[Any], Any]) -> None:
    inner = body([place(2), place(2)], lambda a, w: [e.add(a, w), make(w)])
    places = [place(2), place(2)]
    ((loop, _),) = _loops(_check(_graph(inner, 1, 0, places, places, [0, 1])))
    assert len(loop.body.outputs) == 2
