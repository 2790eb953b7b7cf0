"""Anomaly detection names the first operation, forward or backward, that made what is not finite, and its line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from retrograd.runtime.devices import use_backend
from retrograd.tensor.finite import NotFiniteError, is_new
from tests.support.backends import BACKENDS


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def message(program: Callable[[], Any]) -> str:
    with rg.autograd.detect_anomaly(), pytest.raises(NotFiniteError) as caught:
        program()
    return str(caught.value)


def test_a_value() -> None:
    def program() -> None:
        x = rg.tensor([4.0, 0.0, 2.0])
        y = 1.0 / x  # the line
        y.exp()

    assert re.fullmatch(
        r"div made inf \(1 of 3 elements of float32\[3\] not finite\)\n"
        r"  input 0: float32\[\] in \[1, 1\]\n  input 1: float32\[3\] in \[0, 4\]\n"
        r"  recorded at .*test_anomaly.py:\d+: y = 1.0 / x  # the line",
        message(program),
    )


def test_a_gradient_names_the_line_of_the_forward_operation() -> None:
    def program() -> None:
        w = rg.tensor([4.0, 0.0], requires_grad=True)
        y = w.sqrt()  # the line
        (y * 3.0).sum().backward()

    assert re.fullmatch(
        r"the gradient of sqrt made inf \(1 of 2 elements of float32\[2\] not finite\)\n"
        r"  gradient of output 0: float32\[2\] in \[3, 3\]\n  input 0: float32\[2\] in \[0, 4\]\n"
        r"  recorded at .*test_anomaly.py:\d+: y = w.sqrt\(\)  # the line",
        message(program),
    )


def test_a_gradient_of_a_function_of_ones_own() -> None:
    class Broken(rg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return (g * 0.0).log()

    w = rg.ones(2, requires_grad=True)
    with rg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"log made -inf"):
        # The operation within `backward` that made it is named.
        Broken.apply(w).sum().backward()
    with rg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"the gradient of Numpy made nan"):
        Numpy.apply(w).sum().backward()


class Numpy(rg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return rg.tensor(g.numpy() * np.float32(math.nan))


def test_adding_gradients_up() -> None:
    def program() -> None:
        w = rg.tensor([1.0], requires_grad=True)
        shared = w * 1.0
        big = rg.tensor([3e38])
        (shared * big + shared * big - shared * big).sum().backward()

    def overflows() -> None:
        w = rg.tensor([0.0], requires_grad=True)
        shared = w * 1.0
        big = rg.tensor([3e38])
        (shared * big + shared * big).sum().backward()

    assert "adding up the gradients that arrive at mul made inf" in message(overflows)
    with rg.autograd.detect_anomaly(), pytest.raises(NotFiniteError, match="add made inf"):
        program()


def test_what_came_in_is_nobodys_fault() -> None:
    with rg.autograd.detect_anomaly():
        scores = rg.zeros(2, 3, requires_grad=True)
        mask = rg.tensor([[False, True, False], [False, False, True]])
        masked = scores.masked_fill(mask, float("-inf"))
        masked.softmax(-1).sum().backward()
        rg.tensor([math.nan]) * 2.0
        rg.tensor([math.inf]) + 1.0


def test_a_nan_out_of_infinities_is_named() -> None:
    def program() -> None:
        scores = rg.zeros(1, 3).masked_fill(rg.ones(1, 3) > 0, float("-inf"))
        scores.softmax(-1)

    assert message(program).startswith("softmax made nan")


def test_the_line_is_the_users_within_a_module() -> None:
    class Net(rg.nn.Module):
        def forward(self, x: Any) -> Any:
            return rg.nn.Sequential(Log())(x)

    class Log(rg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.log()  # inside

    def program() -> None:
        Net()(rg.tensor([0.0]))

    assert message(program).endswith("return x.log()  # inside")


def test_an_update_of_an_optimizer() -> None:
    def program() -> None:
        w = rg.tensor([1.0], requires_grad=True)
        (w * -3.0).sum().backward()
        rg.optim.SGD([w], lr=3e38).step()  # the line

    text = message(program)
    assert text.startswith("sgd made inf (1 of 1 elements of float32[1] not finite)")
    assert text.endswith("rg.optim.SGD([w], lr=3e38).step()  # the line")


def test_training_goes_on_as_without() -> None:
    def train() -> list[float]:
        rg.manual_seed(0)
        model = rg.nn.Sequential(rg.nn.Linear(3, 4), rg.nn.Tanh(), rg.nn.Linear(4, 2))
        optimizer = rg.optim.Adam(model.parameters(), lr=0.01)
        x, y = rg.randn(6, 3), rg.tensor([0, 1, 0, 1, 1, 0])
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = rg.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    expected = train()
    with rg.autograd.detect_anomaly():
        assert train() == expected


def test_switches() -> None:
    def states() -> tuple[bool, bool]:
        return rg.is_anomaly_enabled(), rg.is_anomaly_check_nan_enabled()

    assert states() == (False, False)
    with rg.autograd.detect_anomaly():
        assert states() == (True, True)
        with rg.autograd.set_detect_anomaly(False):
            assert states() == (False, False)
        assert states() == (True, True)
    with rg.autograd.detect_anomaly(check_nan=False):
        assert states() == (True, False)
        w = rg.zeros(1, requires_grad=True)
        w.sqrt().sum().backward()
        assert math.isinf(w.grad.item())
    rg.autograd.set_detect_anomaly(True)
    try:
        assert states() == (True, True)
    finally:
        rg.autograd.set_detect_anomaly(False)
    assert states() == (False, False)
    rg.tensor([0.0]).log()


def test_a_history_from_before_the_search() -> None:
    w = rg.zeros(1, requires_grad=True)
    loss = w.sqrt().sum()
    with rg.autograd.detect_anomaly(), pytest.raises(NotFiniteError, match="recorded before the search began"):
        loss.backward()


def test_errors_of_other_kinds_come_through() -> None:
    with rg.autograd.detect_anomaly():
        w = rg.ones(1, requires_grad=True)
        loss = (w * w).sum()
        loss.backward()
        with pytest.raises(GraphError, match="released"):
            loss.backward()


def test_batched_functions_are_not_looked_into() -> None:
    with rg.autograd.detect_anomaly():
        assert rg.func.vmap(lambda x: x.log().exp())(rg.tensor([1.0, 2.0])).shape == (2,)


@pytest.mark.parametrize(
    ("made", "received", "expected"),
    [
        ([1.0], [], False),
        ([math.nan], [], True),
        ([math.nan], [[1.0]], True),
        ([math.nan], [[math.nan]], False),
        ([math.nan], [[math.inf]], True),
        ([math.inf], [[1.0]], True),
        ([math.inf], [[math.inf]], False),
        ([math.inf], [[1.0], [math.nan]], False),
    ],
)
def test_what_is_new(made: list[float], received: list[list[float]], expected: bool) -> None:
    assert is_new(np.array(made), [np.array(x) for x in received]) is expected
