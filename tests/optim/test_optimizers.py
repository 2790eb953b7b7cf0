"""Optimizers: trajectories equal to PyTorch's, first steps by hand, state that can be saved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from tests.support.parity import needs_torch, torch

STEPS = 12
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    ("AdamW", {"weight_decay": 0, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adagrad", {"eps": 1e-3, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.8, "centered": True, "momentum": 0.7, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "maximize": True}),
    ("RMSprop", {"momentum": 0.9}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
)
START = [np.random.default_rng(6).normal(size=shape) for shape in ((3, 2), (2,), ())]


def _trajectory(library: Any, name: str, options: dict[str, Any]) -> tuple[list[Any], Any]:
    """Parameters of two groups, one of which gets its first gradient late."""
    params = [library.tensor(x, requires_grad=True) for x in START]
    groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.03}]
    optimizer = getattr(library.optim, name)(groups, **options)
    for step in range(STEPS):
        optimizer.zero_grad()
        used = params if step > 3 else params[:1]
        loss = sum(((p - 0.3) ** 2 * (step + 1)).sum() + p.sin().sum() for p in used)
        loss.backward()
        optimizer.step()
    return params, optimizer


@needs_torch
@pytest.mark.parametrize(("name", "options"), CASES)
def test_trajectories_equal_pytorch(name: str, options: dict[str, Any]) -> None:
    (ours, optimizer), (theirs, other) = (_trajectory(library, name, options) for library in (rg, torch))
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11, atol=1e-11)
    found, expected = optimizer.state_dict(), other.state_dict()
    for number, entry in expected["state"].items():
        assert set(found["state"][number]) == set(entry)
        for key, value in entry.items():
            np.testing.assert_allclose(np.asarray(found["state"][number][key]), value.numpy(), rtol=1e-11, atol=1e-11)


def _one_step(optimizer: Any, w: Any) -> float:
    (3 * w).sum().backward()
    optimizer.step()
    return float(w.item())


def test_first_steps_by_hand() -> None:
    """From w = 2 with the gradient 3."""
    cases = (
        (rg.optim.AdamW, {"lr": 0.1, "weight_decay": 0.5}, 2 * 0.95 - 0.1),
        (rg.optim.Adagrad, {"lr": 0.1, "initial_accumulator_value": 7.0}, 2 - 0.1 * 3 / 4),
        (rg.optim.RMSprop, {"lr": 0.1, "alpha": 0.75}, 2 - 0.1 * 3 / 1.5),
        (rg.optim.RMSprop, {"lr": 0.1, "alpha": 0.75, "centered": True}, 2 - 0.1 * 3 / math.sqrt(2.25 - 0.5625)),
        (rg.optim.Adadelta, {"lr": 2.0, "rho": 0.75, "eps": 1.0}, 2 - 2 * 3 / math.sqrt(3.25)),
    )
    for optimizer, options, expected in cases:
        w = rg.tensor(2.0, dtype=rg.float64, requires_grad=True)
        assert math.isclose(_one_step(optimizer([w], **options), w), expected, rel_tol=1e-8)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_training_goes_on_from_saved_state(name: str, options: dict[str, Any]) -> None:
    def step(w: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        (w * w * w).sum().backward()
        optimizer.step()

    w = rg.tensor([1.0, -2.0], dtype=rg.float64, requires_grad=True)
    first = getattr(rg.optim, name)([w], **options)
    for _ in range(3):
        step(w, first)
    copy = rg.tensor(w.detach().numpy(), requires_grad=True)
    second = getattr(rg.optim, name)([copy])
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        step(w, first)
        step(copy, second)
    assert w.tolist() == copy.tolist()


@pytest.mark.parametrize(
    ("name", "options"), [case for case in CASES if case[0] in ("AdamW", "Adagrad", "RMSprop", "Adadelta")]
)
def test_a_captured_loop_takes_the_same_steps(name: str, options: dict[str, Any]) -> None:
    generator = np.random.default_rng(7)
    x, y = generator.normal(size=(24, 3)).astype(np.float32), generator.normal(size=(24, 1)).astype(np.float32)
    results = []
    for captured in (True, False):
        w = rg.ones(3, 1, requires_grad=True)
        optimizer = getattr(rg.optim, name)([w], **options)

        def step(a: Any, b: Any, w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = ((a @ w - b) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        if captured:
            rg.compile_loop(step, (rg.tensor(x), rg.tensor(y)), batch_size=8).run(epochs=5)
        else:
            for _ in range(5):
                for i in range(0, 24, 8):
                    step(rg.tensor(x[i : i + 8]), rg.tensor(y[i : i + 8]))
        results.append((w.tolist(), [entry["step"] for entry in optimizer.state_dict()["state"].values()]))
    assert results[0] == results[1]


def test_wrong_options_are_named() -> None:
    w = [rg.ones(1, requires_grad=True)]
    for name in ("AdamW", "Adagrad", "RMSprop", "Adadelta"):
        with pytest.raises(OptionError, match=f"{name}: lr must not be negative, and is -1"):
            getattr(rg.optim, name)(w, lr=-1)
    with pytest.raises(OptionError, match="betas must be at least 0 and below 1"):
        rg.optim.AdamW(w, betas=(0.9, 1.0))
    with pytest.raises(OptionError, match=r"rho must lie in \[0, 1\]"):
        rg.optim.Adadelta(w, rho=1.5)
