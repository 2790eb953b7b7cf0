"""Captured loops give the very losses and parameters of the hand-written loop, and know when not to capture."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError

Make = Callable[[Any], Any]

OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda p: rg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: rg.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: rg.optim.Adam(p, lr=0.01),
}


def problem(make: Make, rows: int = 60) -> tuple[Any, Any, Any, Any]:
    """A model, its step, and data."""
    rg.manual_seed(0)
    model = rg.nn.Sequential(rg.nn.Linear(5, 8), rg.nn.ReLU(), rg.nn.Linear(8, 3))
    x, y = rg.randn(rows, 5), rg.randint(0, 3, (rows,))
    optimizer, criterion = make(model.parameters()), rg.nn.CrossEntropyLoss()

    def step(a: Any, b: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(a), b)
        loss.backward()
        optimizer.step()
        return loss

    return model, step, x, y


def by_hand(step: Any, x: Any, y: Any, batch: int, epochs: int) -> list[float]:
    starts = range(0, len(x), batch)
    return [step(x[i : i + batch], y[i : i + batch]).item() for _ in range(epochs) for i in starts]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch", [20, 16, 60])
def test_equals_the_loop_written_by_hand(name: str, batch: int) -> None:
    model, step, x, y = problem(OPTIMIZERS[name])
    expected = by_hand(step, x, y, batch, 12)
    weights = [p.detach().numpy().copy() for p in model.parameters()]
    model, step, x, y = problem(OPTIMIZERS[name])
    loop = rg.compile_loop(step, (x, y), batch_size=batch)
    first, rest = loop.run(epochs=5), loop.run(epochs=7)
    assert loop.captured
    np.testing.assert_array_equal([*first, *rest], expected)
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), weight)


def test_shuffled_epochs_see_every_example_once() -> None:
    seen = rg.zeros(60, requires_grad=True)
    optimizer = rg.optim.SGD([seen], lr=1.0)

    def step(rows: Any) -> Any:
        optimizer.zero_grad()
        loss = (seen * -rows).sum()
        loss.backward()
        optimizer.step()
        return loss

    rg.compile_loop(lambda rows: step(rows.sum(0)), (rg.eye(60),), batch_size=12, shuffle=True).run(epochs=4)
    np.testing.assert_array_equal(seen.detach().numpy(), np.full(60, 4.0))


def test_a_new_learning_rate_is_seen_by_the_next_run() -> None:
    w = rg.zeros(1, requires_grad=True)
    optimizer = rg.optim.SGD([w], lr=1.0)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    loop = rg.compile_loop(step, (rg.ones(1),))
    loop.run(steps=10)
    assert w.item() == -10
    optimizer.param_groups[0]["lr"] = 0.5
    loop.run(steps=10)
    assert w.item() == -15


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("place", ["before", "after", "scheduler", "rare"])
def test_learning_rates_that_the_step_changes_are_followed(name: str, place: str) -> None:
    def train(captured: bool) -> tuple[list[float], bool]:
        rg.manual_seed(0)
        model = rg.nn.Linear(5, 1)
        x = rg.randn(60, 5)
        optimizer = OPTIMIZERS[name](model.parameters())
        scheduler = rg.optim.lr_scheduler.StepLR(optimizer, 7 if place == "rare" else 1, gamma=0.8)

        def halve() -> None:
            for group in optimizer.param_groups:
                group["lr"] *= 0.9

        def step(a: Any) -> Any:
            if place == "before":
                halve()
            optimizer.zero_grad()
            loss = model(a).square().mean()
            loss.backward()
            optimizer.step()
            if place == "after":
                halve()
            elif place in ("scheduler", "rare"):
                scheduler.step()
            return loss

        if not captured:
            return [step(x[i : i + 10]).item() for _ in range(4) for i in range(0, 60, 10)], False
        loop = rg.compile_loop(step, (x,), batch_size=10)
        return [float(v) for _ in range(2) for v in loop.run(epochs=2)], loop.captured

    expected, _ = train(captured=False)
    losses, captured = train(captured=True)
    assert losses == expected
    assert not captured


def test_later_runs_record_one_step() -> None:
    _, step, x, y = problem(OPTIMIZERS["adam"])
    calls = []

    def counted(a: Any, b: Any) -> Any:
        calls.append(len(a))
        return step(a, b)

    loop = rg.compile_loop(counted, (x, y), batch_size=20)
    recorded = []
    for _ in range(4):
        calls.clear()
        loop.run(steps=30)
        assert loop.captured
        recorded.append(len(calls))
    assert recorded[0] > 1 and recorded[1:] == [1, 1, 1]


@pytest.mark.parametrize("change", ["nothing", "loaded", "statistics", "exchanged", "frozen", "stepped"])
def test_what_changes_between_two_runs_is_seen(change: str) -> None:
    def network() -> tuple[Any, Any]:
        rg.manual_seed(0)
        model = rg.nn.Sequential(rg.nn.Linear(5, 5), rg.nn.BatchNorm1d(5), rg.nn.BatchNorm1d(5), rg.nn.Linear(5, 3))
        optimizer = rg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(a: Any, b: Any) -> Any:
            optimizer.zero_grad()
            loss = rg.nn.functional.cross_entropy(model(a), b)
            loss.backward()
            optimizer.step()
            return loss

        return model, step

    def touch(model: Any, step: Any) -> None:
        first, second = model[1], model[2]
        if change == "loaded":
            model.load_state_dict({name: value * 0.5 for name, value in model.state_dict().items()})
        if change == "statistics":
            first.running_mean = rg.ones(5)
        if change == "exchanged":
            first.running_mean, second.running_mean = second.running_mean, first.running_mean
        if change == "frozen":
            first.running_var = second.running_var
        if change == "stepped":
            step(x[:7], y[:7])

    x, y = rg.randn(60, 5), rg.randint(0, 3, (60,))
    model, step = network()
    expected = by_hand(step, x, y, 20, 4)
    touch(model, step)
    expected += by_hand(step, x, y, 20, 4)
    state = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    model, step = network()
    loop = rg.compile_loop(step, (x, y), batch_size=20)
    seen = [*loop.run(epochs=4)]
    touch(model, step)
    seen += [*loop.run(epochs=4)]
    np.testing.assert_array_equal(seen, expected)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name], err_msg=name)


def test_views_of_a_parameter_see_what_a_loop_did() -> None:
    model, step, x, y = problem(OPTIMIZERS["adam"])
    row = next(iter(model.parameters())).detach()[0]
    before = row.numpy().copy()
    del before
    loop = rg.compile_loop(step, (x, y))
    loop.run(steps=3)
    seen = (row * 1).numpy().copy()
    loop.run(steps=50)
    assert not np.array_equal((row * 1).numpy(), seen)


@pytest.mark.parametrize(
    ("kind", "captured"),
    [
        ("accumulated gradients", True),
        ("a total", True),
        ("a new total", True),
        ("a late total", False),
        ("noise", False),
        ("a count", False),
    ],
)
def test_state_is_found(kind: str, captured: bool) -> None:
    def problem() -> tuple[Any, list[Any]]:
        rg.manual_seed(0)
        w = rg.ones(3, requires_grad=True)
        optimizer = rg.optim.SGD([w], lr=0.01)
        kept = [rg.zeros(()), 0.0]

        def step(x: Any) -> Any:
            if kind != "accumulated gradients":
                w.grad = None
            loss = (w * x * (rg.randn(3) if kind == "noise" else 1.0 + 0.1 * kept[1])).sum()
            loss.backward()
            if kind == "a total":
                kept[0].add_(loss.detach())
            if kind == "a new total":
                kept[0] = kept[0] + loss.detach()
            optimizer.step()
            if kind == "a late total":
                kept[0].add_(loss.detach())
            if kind == "a count":
                kept[1] += 1.0
            return loss

        return step, kept

    x = rg.tensor([1.0, 2.0, 3.0])
    step, kept = problem()
    expected = [step(x).item() for _ in range(20)]
    total = kept[0].item()
    step, kept = problem()
    loop = rg.compile_loop(step, (x,))
    np.testing.assert_array_equal(loop.run(steps=20), expected)
    assert loop.captured is captured
    assert kept[0].item() == total


def test_running_statistics_are_state() -> None:
    def problem() -> tuple[Any, Any]:
        rg.manual_seed(0)
        model = rg.nn.Sequential(rg.nn.Linear(5, 8), rg.nn.ReLU(inplace=True), rg.nn.BatchNorm1d(8), rg.nn.Linear(8, 3))
        optimizer = rg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(a: Any, b: Any) -> Any:
            optimizer.zero_grad()
            loss = rg.nn.functional.cross_entropy(model(a), b)
            loss.backward()
            optimizer.step()
            return loss

        return model, step

    rg.manual_seed(1)
    x, y = rg.randn(60, 5), rg.randint(0, 3, (60,))
    model, step = problem()
    expected = by_hand(step, x, y, 20, 8)
    state = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    model, step = problem()
    loop = rg.compile_loop(step, (x, y), batch_size=20)
    seen = [*loop.run(epochs=5), *loop.run(epochs=3)]
    assert loop.captured
    np.testing.assert_array_equal(seen, expected)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name], err_msg=name)


def test_interrupt_leaves_whole_steps() -> None:
    model, step, x, y = problem(OPTIMIZERS["adam"], rows=2000)
    loop = rg.compile_loop(step, (x, y), batch_size=100)
    loop.run(steps=10)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        loop.run(steps=10_000_000)
    done = loop.steps_done
    assert done > 10
    model2, step2, x2, y2 = problem(OPTIMIZERS["adam"], rows=2000)
    rg.compile_loop(step2, (x2, y2), batch_size=100).run(steps=done)
    for a, b in zip(model.parameters(), model2.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_wrong_uses() -> None:
    with pytest.raises(ShapeError, match="equal first extents"):
        rg.compile_loop(lambda a, b: a, (rg.zeros(3), rg.zeros(4)))
    with pytest.raises(OptionError, match="at least 1"):
        rg.compile_loop(lambda a: a, (rg.zeros(3),), batch_size=0)
    with pytest.raises(OptionError, match="either steps or epochs"):
        rg.compile_loop(lambda a: a, (rg.zeros(3),)).run()
    with pytest.raises(OptionError, match="must not be negative, and -1 is"):
        rg.compile_loop(lambda a: a, (rg.zeros(3),)).run(epochs=-1)
