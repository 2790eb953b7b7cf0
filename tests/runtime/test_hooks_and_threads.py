"""Code of the user while a graph is recorded, threads, and processes. The rules are listed in test_lazy_rules.py."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from contextlib import ExitStack, suppress
from typing import Any, ClassVar

import numpy as np
import pytest

import retrograd as rg
from retrograd.core import types
from retrograd.core.generator import default_generator
from retrograd.runtime import evaluate as runtime
from retrograd.tensor import gradients
from tests.support.lazy import data, model, recorded_since, train


def test_hooks_run_while_the_backward_pass_is_recorded() -> None:
    w = rg.ones(3, requires_grad=True)
    y = w * 2.0
    seen: list[Any] = []

    def halve(g: Any) -> Any:
        seen.append(g)
        return g * 0.5

    y.register_hook(halve)
    with runtime.observed() as evaluations:
        y.sum().backward()
        assert len(seen) == 1
        assert not evaluations
    assert seen[0].tolist() == [1, 1, 1]
    assert w.grad.tolist() == [1, 1, 1]


class Doubled(rg.autograd.Function):
    """Says when it runs."""

    calls: ClassVar[list[str]] = []

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        Doubled.calls.append("forward")
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        Doubled.calls.append("backward")
        return g * 2.0


def test_functions_run_while_they_are_recorded() -> None:
    Doubled.calls.clear()
    w = rg.ones(3, requires_grad=True)
    with runtime.observed() as evaluations:
        y = Doubled.apply(w)
        assert Doubled.calls == ["forward"]
        y.sum().backward()
        assert Doubled.calls == ["forward", "backward"]
        assert not evaluations
    assert w.grad.tolist() == [2, 2, 2]


def test_a_hook_splits_the_backward_node() -> None:
    def names(hooked: bool) -> list[str]:
        w = rg.ones(3, requires_grad=True)
        y = w.exp()
        if hooked:
            y.register_hook(lambda g: None)
        loss = (y * y).sum()
        first = rg.ones(1)._read().number
        loss.backward()
        return recorded_since(first, w.grad._read())

    assert names(hooked=False) == ["backward"]
    assert len(names(hooked=True)) > 1 and "exp.backward" in names(hooked=True)


@pytest.mark.parametrize("kind", ["a result", "a leaf", "after accumulation", "a module", "a function"])
def test_a_step_with_a_hook_is_not_captured(kind: str) -> None:
    rg.manual_seed(0)
    layer = rg.nn.Linear(3, 1)
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.01)
    calls: list[int] = []
    if kind == "a leaf":
        layer.weight.register_hook(lambda g: calls.append(1))
    if kind == "after accumulation":
        layer.weight.register_post_accumulate_grad_hook(lambda p: calls.append(1))
    if kind == "a module":
        layer.register_full_backward_hook(lambda module, into, out: calls.append(1))

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        y = layer(x)
        if kind == "a result":
            y.register_hook(lambda g: calls.append(1))
        loss = (Doubled.apply(y) if kind == "a function" else y).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    Doubled.calls.clear()
    loop = rg.compile_loop(step, (rg.randn(8, 3),))
    loop.run(steps=12)
    assert not loop.captured
    assert len(calls) + Doubled.calls.count("backward") == 12


def test_flushes_of_threads_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]
    ready = runtime._Entry.ready

    def counted(entry: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.002)
        try:
            return ready(entry)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(runtime._Entry, "ready", counted)
    results: list[list[float]] = []

    def work(number: int) -> None:
        results.append([(rg.full((5,), float(number)) * float(i)).sum().item() / (5 * number) for i in range(10)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[float(i) for i in range(10)]] * 4
    assert most == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_computes() -> None:
    network, (x, y) = model(), data()
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    loss.item()
    pending = network(x).exp().sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
        child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            loss.backward()
            right = np.isfinite(pending.item()) and len(train(network, rg.optim.SGD(network.parameters(), lr=0.1), 3))
            status = 0 if right == 3 else 1
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    loss.backward()
    assert np.isfinite(pending.item())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_computes_though_another_thread_was_at_it() -> None:
    """Whatever lock that thread holds at the moment of the fork, nobody in the child would give it back."""
    held = [runtime._turn.held, gradients._handing_out.held, types._making.held, default_generator._lock.held]
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in held:
                stack.enter_context(lock)
            ready.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that waits for ever ends
        status = 1
        with suppress(BaseException):
            network = model()
            status = 0 if len(train(network, rg.optim.SGD(network.parameters(), lr=0.1), 3)) == 3 else 1
        os._exit(status)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_threads_record_independently() -> None:
    results: dict[int, list[float]] = {}
    barrier = threading.Barrier(4)

    def work(seed: int) -> None:
        network = networks[seed]
        barrier.wait()
        results[seed] = train(network, rg.optim.SGD(network.parameters(), lr=0.1), 10)

    networks = [model(seed) for seed in range(4)]
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        network = model(seed)
        assert results[seed] == train(network, rg.optim.SGD(network.parameters(), lr=0.1), 10)


def test_a_mode_belongs_to_a_thread() -> None:
    seen = []
    with rg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(rg.is_grad_enabled()))
        thread.start()
        thread.join()
        seen.append(rg.is_grad_enabled())
    assert seen == [True, False]
