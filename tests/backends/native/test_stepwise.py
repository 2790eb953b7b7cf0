"""Structures that are met first run step by step: the bits of fused programs, by programs that they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.base import Tier
from retrograd.backends.native.backend import NativeBackend
from retrograd.backends.native.stepwise import JoinProgram, StepwiseProgram
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.dtype import float32
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import COMPOSITES, signature_of
from retrograd.core.types import tensor_type
from retrograd.passes.structure import Structure
from retrograd.runtime.evaluate import forget_programs, observed
from tests.support.backends import needs_native

pytestmark = needs_native
F = rg.nn.functional


@pytest.fixture(autouse=True)
def _new_structures() -> None:
    forget_programs()


class Decoder(rg.nn.Module):
    """At each symbol a coin says whether the true one or its own guess comes next."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell, self.out = rg.nn.Embedding(9, 6), rg.nn.GRUCell(6, 8), rg.nn.Linear(8, 9)

    def forward(self, target: Any, coins: Sequence[bool]) -> Any:
        symbol, state, outputs = target[:, 0], rg.zeros(target.shape[0], 8), []
        for t, coin in enumerate(coins):
            state = self.cell(self.embedding(symbol), state)
            outputs.append(self.out(state))
            symbol = target[:, t] if coin else outputs[-1].argmax(1)
        return rg.stack(outputs, 1)


def _decode(tier: int | None, steps: int) -> list[bytes]:
    rg.manual_seed(0)
    numbers, model = np.random.default_rng(0), Decoder()
    optimizer = rg.optim.Adam(model.parameters(), lr=0.01)
    found = []
    with rg.use_backend("native", tier):
        for _ in range(steps):
            target = rg.from_numpy(numbers.integers(0, 9, (4, 6)))
            loss = F.cross_entropy(model(target, numbers.random(6) < 0.5).reshape(-1, 9), target.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            rg.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            found.append(loss.detach().numpy().tobytes())
    return [*found, *(p.detach().numpy().tobytes() for p in model.parameters())]


def test_structures_that_never_return_train_to_the_same_bits() -> None:
    assert _decode(None, 12) == _decode(Tier.STEPS, 12) == _decode(Tier.FUSED, 12) == _decode(Tier.UNFUSED, 12)


def test_new_structures_of_known_steps_plan_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[Structure] = []
    compile_ = NativeBackend.compile

    def counted(self: NativeBackend, structure: Structure, tier: int) -> Any:
        if tier != Tier.STEPS:
            planned.append(structure)
        return compile_(self, structure, tier)

    monkeypatch.setattr(NativeBackend, "compile", counted)
    x = rg.ones(3, 4)

    def chain(order: Sequence[str]) -> float:
        y = x
        for name in order:
            y = getattr(y, name)()
        return y.sum().item()

    # Other tests may have had some of these steps.
    chain(["sin", "exp", "tanh"])
    before = len(planned)
    results = [chain(order) for order in (["exp", "sin", "tanh"], ["tanh", "exp", "exp", "sin"], ["sin"] * 7)]
    assert len(planned) == before
    with rg.use_backend("native", Tier.FUSED):
        assert results == [
            chain(order) for order in (["exp", "sin", "tanh"], ["tanh", "exp", "exp", "sin"], ["sin"] * 7)
        ]


def _tiers(run: Callable[[], object], times: int) -> list[int]:
    found = []
    for _ in range(times):
        with observed() as seen:
            run()
        found.append(seen[-1].entry.tier)
    return found


def test_a_structure_that_is_back_at_once_is_fused() -> None:
    x = rg.ones(3)
    assert _tiers(lambda: (x.exp() * 2).sum().item(), 3) == [Tier.STEPS, Tier.FUSED, Tier.FUSED]


def test_a_structure_that_returns_after_many_others_is_fused_when_it_has_returned_often() -> None:
    x = rg.ones(3)

    def among_others() -> list[int]:
        for count in range(20):
            y = x
            for _ in range(count):
                y = y.sin()
            (y + 1).exp().sum().item()
        return _tiers(lambda: (x.exp() * 2).sum().item(), 1)

    tiers = [among_others()[0] for _ in range(8)]
    assert tiers[:3] == [Tier.STEPS] * 3
    assert tiers[-1] == Tier.FUSED


def test_heavy_structures_are_fused_at_once() -> None:
    a = rg.ones(512, 512)
    assert _tiers(lambda: (a @ a).relu().sum().item(), 1) == [Tier.FUSED]


@pytest.fixture
def program() -> Callable[[Graph, Sequence[int]], StepwiseProgram]:
    def make(graph: Graph, aliases: Sequence[int]) -> StepwiseProgram:
        made = NativeBackend().compile(Structure(graph, [False] * len(graph.inputs), aliases), Tier.STEPS)
        assert isinstance(made, StepwiseProgram)
        return made

    return make


def _filled(number: float) -> Buffer:
    buffer = Buffer(tensor_type((5,), float32))
    buffer.array()[...] = number
    return buffer


def _graph(outputs: tuple[int, ...]) -> Graph:
    """exp of input 0, then sin of input 1."""
    type_ = tensor_type((5,), float32)
    steps = [Step(signature_of(COMPOSITES[name], (type_,), ()), (i,)) for i, name in enumerate(["exp", "sin"])]
    return Graph((type_, type_), tuple(steps), outputs)


def test_an_output_over_an_input_that_a_later_step_reads_waits(program: Any) -> None:
    x, y = _filled(1.0), _filled(2.0)
    program(_graph((2, 3)), [1, -1]).run([x, y], [y, z := _filled(0.0)])
    np.testing.assert_allclose(y.array(), np.exp(np.float32(1)), rtol=1e-6)
    np.testing.assert_allclose(z.array(), np.sin(np.float32(2)), rtol=1e-6)


def test_what_a_step_reads_under_two_names_is_overwritten_at_the_end(program: Any) -> None:
    """Two parameters, each of which is the gradient of the other."""
    parameters = [rg.full((5,), float(i), requires_grad=True) for i in range(2)]
    for parameter in parameters:
        parameter.grad = rg.zeros(5)
    with observed() as seen:
        rg.optim.SGD(parameters, lr=0.1).step()
    recorded = seen[-1].entry.structure.recorded
    update, rates = recorded.steps[-1], seen[-1].inputs[-1]
    assert isinstance(rates, Buffer)
    type_ = tensor_type((5,), float32)
    graph = Graph((type_, type_, rates.type), (Step(update.signature, (0, 1, 1, 0, 2)),), (3, 4))
    x, y = _filled(1.0), _filled(2.0)
    program(graph, [0, 1]).run([x, y, rates], [x, y])
    np.testing.assert_allclose(x.array(), 1 - 0.1 * 2, rtol=1e-6)
    np.testing.assert_allclose(y.array(), 2 - 0.1 * 1, rtol=1e-6)


def test_inputs_come_out_as_they_were_before_they_were_overwritten(program: Any) -> None:
    x, y = _filled(1.0), _filled(2.0)
    program(_graph((2, 0, 3, 3)), [0, -1, -1, -1]).run([x, y], [x, a := _filled(0), b := _filled(0), c := _filled(0)])
    np.testing.assert_allclose(x.array(), np.exp(np.float32(1)), rtol=1e-6)
    np.testing.assert_array_equal(a.array(), 1)
    assert b.array().tobytes() == c.array().tobytes() != _filled(0).array().tobytes()


def test_joining_along_the_outermost_axis_copies_memory() -> None:
    types = tuple(tensor_type((1, n, 3), float32) for n in (2, 0, 4))
    signature = signature_of(COMPOSITES["cat"], types, (1,))
    assert JoinProgram.serves(signature, [False] * 3)
    assert not JoinProgram.serves(signature, [False, True, False])
    assert not JoinProgram.serves(signature_of(COMPOSITES["stack"], types[:1] * 2, (2,)), [False] * 2)
    arrays = [np.random.default_rng(0).standard_normal(type_.shape).astype(np.float32) for type_ in types]
    output = Buffer(signature.type)
    inputs: list[Buffer | Scalar] = [Buffer.copy_of(x, type_) for x, type_ in zip(arrays, types, strict=True)]
    JoinProgram().run(inputs, [output])
    np.testing.assert_array_equal(output.array(), np.concatenate(arrays, 1))


def test_explain_tells_the_steps_of_structures_that_change() -> None:
    x, count = rg.ones(6, 5, requires_grad=True), iter(range(3, 1000))

    def step() -> None:
        y = x
        for _ in range(next(count)):
            y = y.sin()
        loss = rg.cat([y, y.reshape(6, 5)]).sum()
        loss.backward()
        x.grad.sum().item(), loss.item()
        x.grad = None

    explanation = rg.explain(step)
    assert all(kernel.sources for kernel in explanation.kernels)
    assert {"sin", "cat (copy)"} <= {name for kernel in explanation.kernels for name in kernel.operations}
    assert "sin" in explanation.stage("graph")
