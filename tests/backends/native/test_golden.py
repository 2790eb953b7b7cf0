"""What the stages of the native pipeline make of small programs, in files that people read: see `golden/`.

The kind of CPU is chosen here, so that the files are the same on all machines. `pytest --update-golden` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.backends.native import dump
from retrograd.backends.native.backend import plan_segment
from retrograd.backends.native.target import TARGETS
from retrograd.core.graph import Graph
from retrograd.core.printer import to_text
from retrograd.passes.pipeline import run_passes
from retrograd.runtime import evaluate
from tests.support.golden import check_golden

F = rg.nn.functional
_TARGETS = {target.name: target for target in TARGETS}
Golden = Callable[[str, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return lambda name, text: check_golden(request, name, text)


def mlp_step() -> None:
    model = rg.nn.Sequential(rg.nn.Linear(8, 6), rg.nn.ReLU(), rg.nn.Linear(6, 3))
    update = rg.optim.SGD(model.parameters(), lr=0.1)
    x, y = rg.zeros(16, 8), rg.zeros(16, dtype=rg.int64)
    F.cross_entropy(model(x), y).backward()
    update.step()


def layer_norm() -> None:
    x, weight, bias = rg.zeros(9, 20, requires_grad=True), rg.ones(20), rg.zeros(20)
    y = F.layer_norm(x, (20,), weight, bias)
    y.tanh().sum().backward()
    x.grad.tolist()


def convolution() -> None:
    x, weight, bias = rg.zeros(2, 3, 8, 8), rg.zeros(4, 3, 3, 3), rg.zeros(4)
    F.max_pool2d(F.relu(F.conv2d(x, weight, bias, padding=1)), 2).tolist()


def attention() -> None:
    q, k, v = (rg.zeros(2, 12, 8) for _ in range(3))
    F.scaled_dot_product_attention(q, k, v).tolist()


def bias_relu() -> None:
    F.relu(rg.zeros(5, 7) + rg.zeros(7)).tolist()


def shares() -> None:
    x = rg.zeros(5, 70)
    (x / x.sum(1, keepdim=True)).tolist()


def recorded(program: Callable[[], None]) -> Graph:
    """The last graph that a program has evaluated, before the passes."""
    evaluate.forget_programs()
    with rg.use_backend("null"):
        program()
    *_, last = evaluate._programs.young.values()
    return last.structure.recorded


def plan(graph: Graph, target: str) -> Any:
    """Graph after the passes, lowering and schedule."""
    after = run_passes(graph)
    return after, *plan_segment(after, [-1] * len(after.outputs), 1, _TARGETS[target])


@pytest.mark.parametrize("program", [mlp_step, layer_norm, convolution, attention])
def test_stages(program: Callable[[], None], golden: Golden) -> None:
    graph = recorded(program)
    after, lowering, schedule = plan(graph, "avx2")
    stages = {
        "recorded": to_text(graph),
        "after the passes": to_text(after, origins=True),
        "prepared": dump.prepared_text(lowering),
        "fused": dump.fused_text(lowering),
        "program table": dump.table_text(lowering, schedule),
        "kernels": dump.kernels_text(lowering, schedule),
    }
    text = "\n\n".join(f"==== {name} ====\n\n{text}" for name, text in stages.items())
    golden(f"{program.__name__}.txt", f"{text}\n")


@pytest.mark.parametrize("target", ["plain", "avx2"])
@pytest.mark.parametrize("program", [bias_relu, shares])
def test_llvm(program: Callable[[], None], target: str, golden: Golden) -> None:
    _, lowering, schedule = plan(recorded(program), target)
    golden(f"{program.__name__}.{target}.ll", dump.llvm_text(lowering, schedule))


@pytest.mark.parametrize("target", sorted(_TARGETS))
def test_a_plan_hangs_on_nothing_but_graph_and_target(target: str) -> None:
    graph = recorded(mlp_step)
    first, second = (plan(graph, target)[1:] for _ in range(2))
    for text in (dump.table_text, dump.kernels_text, dump.llvm_text):
        assert text(*first) == text(*second)
