"""`cond` and `while_loop` as users call them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, OptionError, ShapeError
from tests.support.backends import BACKENDS


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_chosen_branch_runs_and_has_the_gradient(backend: str, sign: float) -> None:
    with rg.use_backend(backend):
        x = rg.tensor([3.0, 1.0], requires_grad=True)
        w = rg.tensor(sign * 2.0, requires_grad=True)
        y = rg.cond(x.sum() * w > 0, lambda x: x * w, lambda x: x.exp(), (x,))
        y.sum().backward()
        if sign > 0:
            assert (y.tolist(), x.grad.tolist(), w.grad.item()) == ([6.0, 2.0], [2.0, 2.0], 4.0)
        else:
            np.testing.assert_allclose(y.detach().numpy(), np.exp([3.0, 1.0]), rtol=1e-6)
            np.testing.assert_allclose(x.grad.numpy(), np.exp([3.0, 1.0]), rtol=1e-6)
            assert w.grad.item() == 0


def test_branches_may_return_trees() -> None:
    def both(pair: Any) -> Any:
        return {"sum": pair[0] + pair[1], "none": None}

    def first(pair: Any) -> Any:
        return {"sum": pair[0], "none": None}

    found = rg.cond(rg.tensor(True), both, first, ((rg.tensor(1), rg.tensor(2)),))
    assert found["sum"].item() == 3
    assert found["none"] is None


def test_a_bool_chooses_at_once() -> None:
    assert rg.cond(True, lambda: 1, lambda: 2) == 1
    assert rg.cond(False, lambda x: x, lambda x: x + 1, (4,)) == 5


def test_second_gradients() -> None:
    x = rg.tensor(0.5, dtype=rg.float64, requires_grad=True)
    y = rg.cond(x > 0, lambda x: x**3, lambda x: x, (x,))
    (first,) = rg.autograd.grad(y, [x], create_graph=True)
    (second,) = rg.autograd.grad(first, [x])
    assert (first.item(), second.item()) == (0.75, 3.0)


def test_examples_choose_for_themselves() -> None:
    x = rg.tensor([[1.0, 2.0], [-1.0, -2.0]])
    found = rg.vmap(lambda x: rg.cond(x.sum() > 0, lambda x: x * 2, lambda x: x - 1, (x,)))(x)
    assert found.tolist() == [[2.0, 4.0], [-2.0, -3.0]]
    shared = rg.tensor(True)
    found = rg.vmap(lambda x: rg.cond(shared, lambda x: x * 2, lambda x: x - 1, (x,)))(x)
    assert found.tolist() == [[2.0, 4.0], [-2.0, -4.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_until_it_is_enough(backend: str) -> None:
    limit = rg.tensor(100.0)
    with rg.use_backend(backend):
        x, steps = rg.while_loop(lambda x, n: x < limit, lambda x, n: (x * 3, n + 1), (rg.tensor(1.5), rg.tensor(0)))
        assert (x.item(), steps.item()) == (121.5, 4)
        x, steps = rg.while_loop(lambda x, n: x < limit, lambda x, n: (x * 3, n + 1), (rg.tensor(200.0), rg.tensor(0)))
        assert (x.item(), steps.item()) == (200.0, 0)


def test_each_example_stops_by_itself() -> None:
    def steps(n: Any) -> Any:
        return rg.while_loop(lambda n, k: n > 1, lambda n, k: (n // 2, k + 1), (n, rg.tensor(0)))[1]

    assert rg.vmap(steps)(rg.tensor([40, 3, 1, 1000])).tolist() == [5, 1, 0, 9]


def test_a_loop_of_unknown_length_has_no_gradient() -> None:
    x = rg.tensor(1.5, requires_grad=True)
    (y,) = rg.while_loop(lambda x: x < 10, lambda x: (x * 3,), (x,))
    with pytest.raises(GraphError, match="use scan"):
        y.backward()


def _pair(x: Any) -> Any:
    return x, x


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.cond(rg.tensor([True]), _pair, _pair, (rg.ones(2),)), ShapeError, "a single value"),
        (lambda: rg.cond(rg.tensor(1), _pair, _pair, (rg.ones(2),)), DTypeError, "must be bool"),
        (lambda: rg.cond(rg.tensor(True), _pair, lambda x: x, (rg.ones(2),)), ShapeError, "2 and 1 tensors"),
        (lambda: rg.cond(rg.tensor(True), lambda x: x, lambda x: x[0], (rg.ones(2),)), ShapeError, "the same shapes"),
        (lambda: rg.cond(rg.tensor(True), lambda: rg.ones(1), lambda: rg.ones(1)), OptionError, "no operands"),
        (lambda: rg.cond(rg.tensor(True), lambda x: x.item(), lambda x: x, (rg.ones(1),)), GraphError, "a branch"),
        (lambda: rg.while_loop(lambda x: x > 0, lambda x: (x, x), (rg.ones(()),)), ShapeError, "1 carries"),
        (lambda: rg.while_loop(lambda x: x, lambda x: (x,), (rg.ones(()),)), DTypeError, "must be bool"),
        (lambda: rg.while_loop(lambda x: x > 0, lambda x: (x,), (rg.ones(2),)), ShapeError, "a single value"),
        (lambda: rg.while_loop(lambda x: (x > 0, x), lambda x: (x,), (rg.ones(()),)), OptionError, "one tensor"),
        (lambda: rg.while_loop(lambda x: x > 0, lambda x: (x.double(),), (rg.ones(()),)), ShapeError, "stay the same"),
        (lambda: rg.while_loop(lambda: rg.tensor(True), lambda: (), ()), OptionError, "no carries"),
    ],
)
def test_wrong_uses(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
