"""Optimizers against PyTorch's, step by step, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, OptionError

STEPS = 12
OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "maximize": True}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.2}),
]


def parameters(library: Any) -> list[Any]:
    generator = np.random.default_rng(2)
    return [library.tensor(generator.uniform(-1, 1, shape), requires_grad=True) for shape in ((3, 2), (2,), ())]


def loss_of(library: Any, params: list[Any], step: int) -> Any:
    """A loss in which the second parameter takes part only from the third step on."""
    w, b, scale = params
    x = library.tensor(np.random.default_rng(step).uniform(-1, 1, (4, 3)))
    y = (x @ w).tanh() * scale
    return ((y + b if step >= 2 else y) ** 2).sum()


def run(library: Any, name: str, options: dict[str, Any], steps: int = STEPS) -> tuple[list[Any], Any]:
    params = parameters(library)
    optimizer = getattr(library.optim, name)(params, **options)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(library, params, step).backward()
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_steps_equal_pytorchs(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    (ours, _), (theirs, _) = run(rg, name, options), run(torch, name, options)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_the_state_dict_has_pytorchs_layout(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = (run(library, name, options)[1].state_dict() for library in (rg, torch))
    assert ours.keys() == theirs.keys()
    assert [group["params"] for group in ours["param_groups"]] == [group["params"] for group in theirs["param_groups"]]
    for key, value in ours["param_groups"][0].items():
        assert theirs["param_groups"][0][key] == value
    plain = name == "SGD" and not options.get("momentum")
    assert ours["state"].keys() == (set() if plain else {0, 1, 2})
    for number, entry in ours["state"].items():
        assert entry.keys() == theirs["state"][number].keys()
        for key, value in entry.items():
            np.testing.assert_allclose(np.asarray(value), np.asarray(theirs["state"][number][key]), rtol=1e-11)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_loaded_state_goes_on_as_before(name: str, options: dict[str, Any]) -> None:
    expected, _ = run(rg, name, options)
    params, first = run(rg, name, options, steps=5)
    again = getattr(rg.optim, name)(params, lr=9.0)
    again.load_state_dict(first.state_dict())
    first.param_groups.clear()
    for step in range(5, STEPS):
        again.zero_grad()
        loss_of(rg, params, step).backward()
        again.step()
    for p, q in zip(params, expected, strict=True):
        assert p.tolist() == q.tolist()


def test_groups_have_options_of_their_own() -> None:
    a, b = rg.ones(1, requires_grad=True), rg.ones(1, requires_grad=True)
    optimizer = rg.optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.25)
    (a + b).sum().backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.75)


def test_a_closure_is_called_with_gradients_followed() -> None:
    w = rg.ones(1, requires_grad=True)
    optimizer = rg.optim.SGD([w], lr=0.5)

    def closure() -> Any:
        loss = (w * 3.0).sum()
        loss.backward()
        return loss

    with rg.no_grad():
        assert optimizer.step(closure).item() == 3
    assert w.item() == -0.5


def test_zero_grad_forgets_or_zeroes() -> None:
    w = rg.ones(2, requires_grad=True)
    optimizer = rg.optim.SGD([w])
    w.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert w.grad is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: rg.optim.SGD([w], lr=-1), "lr must not be negative"),
        (lambda w: rg.optim.SGD([w], momentum=-0.1), "momentum must not be negative"),
        (lambda w: rg.optim.SGD([w], nesterov=True), "nesterov needs a momentum"),
        (lambda w: rg.optim.SGD([w], momentum=0.9, dampening=0.1, nesterov=True), "no dampening"),
        (lambda w: rg.optim.Adam([w], lr=-1), "lr must not be negative"),
        (lambda w: rg.optim.Adam([w], betas=(1.0, 0.9)), "betas must be"),
        (lambda w: rg.optim.Adam([w], eps=-1e-8), "eps must not be negative"),
        (lambda w: rg.optim.Adam([w], weight_decay=-1), "weight_decay must not be negative"),
        (lambda w: rg.optim.SGD([]), "empty list"),
        (lambda w: rg.optim.SGD(w), r"write \[parameter\]"),
        (lambda w: rg.optim.SGD([w, w]), "more than one place"),
        (lambda w: rg.optim.SGD([w * 2.0]), "result of an operation"),
        (lambda w: rg.optim.SGD([1.0]), "received float"),
        (lambda w: rg.optim.SGD([w]).load_state_dict(rg.optim.SGD([w, rg.ones(1)]).state_dict()), "do not fit"),
    ],
)
def test_wrong_options_are_refused(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(rg.ones(2, requires_grad=True))


def test_a_gradient_of_another_type_is_refused() -> None:
    w = rg.ones(2, requires_grad=True)
    w.grad = rg.ones(3)
    with pytest.raises(GraphError, match=r"float32\[3\].*float32\[2\]"):
        rg.optim.SGD([w]).step()
