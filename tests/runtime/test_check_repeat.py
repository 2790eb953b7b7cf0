"""The check of captured loops: they stay captured, each step is checked, and so is what the repetition leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native.program import NativeProgram
from retrograd.runtime.check import checking, state
from retrograd.runtime.difference import DifferenceError
from tests.support.backends import needs_native

pytestmark = needs_native
F = rg.nn.functional

STEPS = 12


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """In place of both: the reference cannot differ from itself."""
    with rg.use_backend("native"):
        yield


def _loop() -> tuple[rg.nn.Module, Any]:
    """Parameters, momentum, running statistics and random streams go from step to step; batches move."""
    rg.manual_seed(0)
    model = rg.nn.Sequential(
        rg.nn.Linear(4, 6), rg.nn.BatchNorm1d(6), rg.nn.ReLU(), rg.nn.Dropout(0.25), rg.nn.Linear(6, 3)
    )
    update = rg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = rg.randn(64, 4), rg.randint(0, 3, (64,))

    def step(a: Any, b: Any) -> Any:
        update.zero_grad()
        loss = F.cross_entropy(model(a), b)
        loss.backward()
        update.step()
        return loss

    return model, rg.compile_loop(step, [x, y], batch_size=8, shuffle=True)


def _state(model: rg.nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def test_each_step_is_checked_and_nothing_changes() -> None:
    found = []
    for checked in (False, True):
        model, loop = _loop()
        with checking() as seen:
            state.collector = seen if checked else None
            losses = loop.run(steps=STEPS)
        assert loop.captured and loop.steps_done == STEPS
        assert not seen.differences and (seen.programs >= STEPS) == checked
        found.append((losses.tobytes(), _state(model), loop.run(steps=STEPS).tobytes()))
    assert found[0] == found[1]


def _without_moves(*given: Any) -> tuple[Any, ...]:
    """All runs read the first batch."""
    program, inputs, outputs, _, output_steps, count = given
    return program, inputs, outputs, {}, output_steps, count


def _one_less(*given: Any) -> tuple[Any, ...]:
    return *given[:-1], given[-1] - 1


@pytest.mark.parametrize("change", [_without_moves, _one_less])
def test_a_wrong_repetition_is_told_and_taken_back(
    change: Callable[..., tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its runs by itself is right."""
    model, loop = _loop()
    loop.run(steps=STEPS)
    right = NativeProgram.repeat
    monkeypatch.setattr(NativeProgram, "repeat", lambda *given: right(*change(*given)))
    monkeypatch.setattr(state, "always", True)
    before: list[tuple[int, dict[str, bytes]]] = []
    advance = type(loop)._replay

    def noted(self: Any, *given: Any) -> int:
        before.append((loop.steps_done, _state(model)))
        return advance(self, *given)

    monkeypatch.setattr(type(loop), "_replay", noted)
    with pytest.raises(DifferenceError, match=r"in run \d+ of \d+"):
        loop.run(steps=STEPS)
    assert before == [(loop.steps_done, _state(model))]


def test_the_first_run_that_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _, loop = _loop()
    loop.run(steps=STEPS)
    right = NativeProgram.repeat
    monkeypatch.setattr(NativeProgram, "repeat", lambda *given: right(*_without_moves(*given)))
    with checking() as seen:
        loop.run(steps=STEPS)
    (difference,) = seen.differences
    assert "in run 2 of" in difference.place and not difference.alone
    assert np.isfinite(difference.largest) and difference.allowed == 0
