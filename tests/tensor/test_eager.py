"""Eager mode runs each operation at once and names the first that makes a number that is not finite."""

from __future__ import annotations

import re
import traceback

import numpy as np
import pytest

import retrograd as rg
from retrograd.tensor.finite import NotFiniteError


def test_values_are_there_at_once() -> None:
    with rg.eager():
        x = rg.tensor([1.0, 2.0]) * 3.0
        assert x._storage.node.buffer is not None
    np.testing.assert_array_equal(x.numpy(), [3.0, 6.0])


def test_names_the_operation_its_inputs_and_the_users_line() -> None:
    def program() -> None:
        y = rg.tensor([1.0, 0.0, -1.0]) * 1.0
        y = y.log()  # here
        y.exp()

    with rg.eager(), pytest.raises(NotFiniteError) as caught:
        program()
    assert re.fullmatch(
        r"log made -?(inf|nan) \(2 of 3 elements of float32\[3\] not finite\)\n"
        r"  input 0: float32\[3\] in \[-1, 1\]\n"
        r"  recorded at .*test_eager.py:\d+: y = y.log\(\)  # here",
        str(caught.value),
    )
    lines = [frame.line for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "y = y.log()  # here" in lines


def test_what_was_not_finite_before_is_not_blamed_on_what_follows() -> None:
    with rg.eager():
        x = rg.tensor([float("nan"), 1.0])
        assert np.isnan((x * 2.0).numpy()[0])


def test_gradients_are_looked_at_too() -> None:
    w = rg.zeros(2, requires_grad=True)
    with rg.eager(), pytest.raises(NotFiniteError, match=r"backward made inf"):
        w.sqrt().sum().backward()


def test_clipped_gradients_are_there_at_once() -> None:
    with rg.eager():
        w = rg.tensor([3.0, 4.0], requires_grad=True)
        (w * w / 2).sum().backward()
        rg.nn.utils.clip_grad_norm_([w], 1.0)
        assert w.grad._storage.node.buffer is not None
    np.testing.assert_allclose(w.grad.numpy(), [0.6, 0.8], rtol=1e-6)


def test_check_finite_can_be_off_and_the_mode_ends() -> None:
    with rg.eager(check_finite=False):
        assert np.isinf(rg.tensor([0.0]).log().numpy()[0])
    x = rg.tensor([0.0]).log()
    assert x._storage.node.buffer is None
    assert np.isinf(x.item())


def test_trains_as_the_lazy_loop_does() -> None:
    def losses() -> list[float]:
        rg.manual_seed(0)
        model = rg.nn.Sequential(rg.nn.Linear(3, 4), rg.nn.Tanh(), rg.nn.Linear(4, 2))
        optimizer = rg.optim.Adam(model.parameters(), lr=0.01)
        x, y = rg.randn(6, 3), rg.randint(0, 2, (6,))
        found = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = rg.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    expected = losses()
    with rg.eager():
        got = losses()
    np.testing.assert_allclose(got, expected, rtol=1e-5)
