"""What steps come from: the passes keep it, and it makes no difference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import retrograd as rg
from retrograd.core.dtype import float32
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import PRIMITIVES, signature_of
from retrograd.core.types import tensor_type
from retrograd.passes.cse import merge_common
from retrograd.runtime import evaluate
from retrograd.runtime.evaluate import observed

F = rg.nn.functional


def after_passes(program: Callable[[], object]) -> Graph:
    """The last graph that a program evaluates."""
    evaluate.forget_programs()
    with rg.use_backend("reference"), observed() as seen:
        program()
    return seen[-1].graph


def origins(graph: Graph) -> set[tuple[str, ...]]:
    return {step.origin for step in graph.steps}


def test_a_training_step() -> None:
    model = rg.nn.Sequential(rg.nn.Linear(3, 4), rg.nn.Tanh())
    update = rg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step() -> None:
        update.zero_grad()
        loss = F.mse_loss(model(rg.ones(2, 3)), rg.zeros(2, 4))
        loss.backward()
        update.step()

    step()
    found = origins(after_passes(step))
    assert {("linear",), ("tanh",), ("mse_loss",), ("sgd",)} <= found
    assert {("backward", name) for name in ("linear.backward", "tanh.backward", "mse_loss.backward")} <= found
    assert all(origin for origin in found)


def test_numbers_of_16_bits_are_computed_in_others() -> None:
    x = rg.ones(3, dtype=rg.bfloat16)
    found = origins(after_passes(lambda: F.softmax(x * 2, 0).tolist()))
    assert {("mul",), ("softmax",)} <= found


@pytest.mark.parametrize("hidden", [5, 6])
def test_bodies_of_loops(hidden: int) -> None:
    layer = rg.nn.LSTM(3, hidden)
    graph = after_passes(lambda: layer(rg.ones(4, 2, 3))[0].sum().tolist())
    (scan,) = [step for step in graph.steps if step.signature.operation.name == "scan"]
    assert scan.origin == ("lstm",)
    (body,) = scan.signature.attributes[0]
    assert ("sigmoid",) in origins(body)


def test_steps_that_differ_in_origin_alone_are_equal() -> None:
    vector = tensor_type((3,), float32)
    signature = signature_of(PRIMITIVES["exp"], (vector,), ())
    steps = Step(signature, (0,), ("a",)), Step(signature, (0,), ("b",))
    assert steps[0] == steps[1] and hash(steps[0]) == hash(steps[1])
    merged = merge_common(Graph((vector,), steps, (1, 2)))
    assert [step.origin for step in merged.steps] == [("a",)] and merged.outputs == (1, 1)
