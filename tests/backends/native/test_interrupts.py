"""Ctrl-C while a program runs: what it computed counts, and is computed once."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

import retrograd as rg
from retrograd.core import interrupt
from tests.support.backends import needs_native

pytestmark = [
    needs_native,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here"),
    pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go elsewhere"),
]


@pytest.fixture(autouse=True)
def alarm() -> Any:
    """The timer interrupts as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _train(interrupted: bool) -> tuple[list[float], list[bytes], int]:
    """Steps whose programs take many milliseconds, and whose recording takes one."""
    rg.manual_seed(0)
    nn = rg.nn
    network = nn.Sequential(nn.Linear(600, 1500), nn.Tanh(), nn.Linear(1500, 1500), nn.Tanh(), nn.Linear(1500, 1))
    optimizer = rg.optim.Adam(network.parameters())
    x = rg.rand(512, 600)
    losses, interrupts = [], 0
    for number in range(8):
        optimizer.zero_grad()
        loss = network(x).square().mean()
        loss.backward()
        try:
            if interrupted and number > 2:
                signal.setitimer(signal.ITIMER_REAL, 0.008)
            optimizer.step()
            time.sleep(0.02)  # where the program was quicker than the timer
        except KeyboardInterrupt:
            interrupts += 1
        losses.append(loss.item())
    return losses, [p.detach().numpy().tobytes() for p in network.parameters()], interrupts


def test_an_interrupted_step_is_done_once() -> None:
    losses, weights, interrupts = _train(interrupted=True)
    assert interrupts == 5
    expected, expected_weights, _ = _train(interrupted=False)
    assert losses == expected
    assert weights == expected_weights


def test_a_value_that_was_asked_for_is_there_afterwards() -> None:
    x = rg.rand(1500, 1500)
    y = x
    for _ in range(8):
        y = (y @ x) / 1000.0

    def look() -> None:
        y.numpy()
        time.sleep(1)  # where the program was quicker than the timer

    signal.setitimer(signal.ITIMER_REAL, 0.008)
    with pytest.raises(KeyboardInterrupt):
        look()
    assert rg.isfinite(y).all()


def test_a_loop_that_python_leads_ends_soon() -> None:
    # Again and again: Python drops an exception that a handler raises while it deletes an object.
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        rg.while_loop(lambda i: i >= 0, lambda i: ((i + 1).remainder(5),), (rg.zeros((), dtype=rg.int64),))[0].item()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert time.perf_counter() - start < 30


def test_what_waits_is_raised_once() -> None:
    interrupt.let_in()
    interrupt.defer(TimeoutError("of a handler"))
    with pytest.raises(TimeoutError, match="of a handler"):
        interrupt.let_in()
    interrupt.let_in()
