"""Optimizers: trajectories equal to PyTorch's, first steps by hand, state that can be saved."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
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
    ("Adam", {"amsgrad": True, "maximize": True}),
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "foreach": True}),
    ("AdamW", {"amsgrad": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "momentum_decay": 0.1, "betas": (0.8, 0.9), "maximize": True}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"weight_decay": 0.1, "betas": (0.8, 0.9), "maximize": True}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.2), "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -0.3, "eps": (1e-3, 0.1), "d": 2.0, "weight_decay": 0.1}),
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
    for group, other_group in zip(found["param_groups"], expected["param_groups"], strict=True):
        assert group == other_group


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
    other = rg.tensor(w.detach().numpy(), requires_grad=True)
    second = getattr(rg.optim, name)([other])
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        step(w, first)
        step(other, second)
    assert w.tolist() == other.tolist()


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("rows", [24, 20])
def test_a_captured_loop_takes_the_same_steps(name: str, options: dict[str, Any], rows: int) -> None:
    """Also where a shorter last batch comes between the captured steps."""
    generator = np.random.default_rng(7)
    x, y = generator.normal(size=(rows, 3)).astype(np.float32), generator.normal(size=(rows, 1)).astype(np.float32)
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
                for i in range(0, rows, 8):
                    step(rg.tensor(x[i : i + 8]), rg.tensor(y[i : i + 8]))
        states = optimizer.state_dict()["state"].values()
        results.append((w.tolist(), [np.asarray(value).tolist() for entry in states for value in entry.values()]))
    assert results[0] == results[1]


@pytest.mark.parametrize("library", [rg, pytest.param(torch, marks=needs_torch)], ids=["retrograd", "torch"])
def test_zeroing_takes_the_gradient_out_of_its_graph_where_it_stands(library: Any) -> None:
    for of in (lambda w: library.optim.SGD([w], lr=0.1), lambda w: _holder(library, w)):
        w, v = (library.ones(2, requires_grad=True) for _ in range(2))
        w.sum().backward()
        held = w.grad
        held.mul_(v)
        assert held.requires_grad and not held.is_leaf
        of(w).zero_grad(set_to_none=False)
        assert w.grad is held and held.is_leaf and not held.requires_grad
        assert held.tolist() == [0, 0]


def _holder(library: Any, w: Any) -> Any:
    module = library.nn.Module()
    module.w = library.nn.Parameter(w)
    module.w.grad = w.grad
    return module


def test_wrong_options_are_named() -> None:
    w = [rg.ones(1, requires_grad=True)]
    for name in ("AdamW", "Adagrad", "RMSprop", "Adadelta", "NAdam", "Rprop", "Muon", "LBFGS"):
        with pytest.raises(OptionError, match=f"{name}: lr must not be negative, and is -1"):
            getattr(rg.optim, name)(w, lr=-1)
    with pytest.raises(OptionError, match="betas must be at least 0 and below 1"):
        rg.optim.AdamW(w, betas=(0.9, 1.0))
    with pytest.raises(OptionError, match=r"betas must be .* and are \(0.9,\)"):
        rg.optim.Adam(w, betas=(0.9,))  # type: ignore[arg-type]
    for lr in ("0.1", None, rg.ones(2)):
        with pytest.raises(OptionError, match="SGD: lr must be a number"):
            rg.optim.SGD(w, lr=lr)  # type: ignore[arg-type]
    for option in ("max_iter", "history_size"):
        with pytest.raises(OptionError, match=f"LBFGS: {option} must be above 0, and is 0"):
            rg.optim.LBFGS(w, **{option: 0})
    for params, message in ((5, "not 5; pass model.parameters"), ([{"lr": 1}], "dictionary with 'params'")):
        with pytest.raises(OptionError, match=message):
            rg.optim.SGD(params)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"rho must lie in \[0, 1\]"):
        rg.optim.Adadelta(w, rho=1.5)
    with pytest.raises(OptionError, match="leave differentiable False"):
        rg.optim.Adam(w, differentiable=True)
    with pytest.raises(OptionError, match="one above"):
        rg.optim.Rprop(w, etas=(1.2, 0.5))
    with pytest.raises(OptionError, match="d must be at least 1"):
        rg.optim.Adafactor(w, d=0.5)
    with pytest.raises(ShapeError, match=r"shape \(1,\)"):
        rg.optim.Muon(w)
    with pytest.raises(OptionError, match="one group"):
        rg.optim.LBFGS([{"params": w}, {"params": [rg.ones(1, requires_grad=True)]}])
    with pytest.raises(OptionError, match="needs a closure"):
        rg.optim.LBFGS(w).step()


@needs_torch
def test_muon_equals_pytorch() -> None:
    """To the last bits of bfloat16, in which both orthogonalize."""
    start = np.random.default_rng(8).normal(size=(4, 3)).astype(np.float32)
    for options in ({}, {"nesterov": False, "momentum": 0.8, "ns_steps": 3, "adjust_lr_fn": "match_rms_adamw"}):
        found = []
        for library in (rg, torch):
            w = library.tensor(start, requires_grad=True)
            optimizer = library.optim.Muon([w], lr=0.02, **options)
            for _ in range(5):
                optimizer.zero_grad()
                ((w - 0.3) ** 2).sum().backward()
                optimizer.step()
            found.append(w.detach().numpy())
        np.testing.assert_allclose(*found, atol=5 * 0.02 * 2**-7)


def _rosenbrock(
    library: Any, options: dict[str, Any], dtype: str, calls: int, start: float = -1.2
) -> tuple[Any, Any, list[float]]:
    w = library.tensor([start, 1.0, 0.5, 1.0], dtype=getattr(library, dtype), requires_grad=True)
    optimizer = library.optim.LBFGS([w], **options)
    losses = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(calls):
        optimizer.step(closure)
    return w, optimizer, losses


@needs_torch
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 1e-3, "max_iter": 7},
        {"lr": 1e-3, "history_size": 2, "max_eval": 5},
        {"line_search_fn": "strong_wolfe"},
        {"lr": 0.5, "max_iter": 9, "line_search_fn": "strong_wolfe", "history_size": 3},
        {"line_search_fn": "strong_wolfe", "tolerance_change": 1e-2, "tolerance_grad": 1e-1},
    ],
)
def test_lbfgs_takes_the_steps_that_pytorch_takes(options: dict[str, Any]) -> None:
    (w, optimizer, losses), (v, other, expected) = (_rosenbrock(lib, options, "float64", 3) for lib in (rg, torch))
    assert len(losses) == len(expected)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(w.detach().numpy(), v.detach().numpy(), rtol=1e-6)
    found, state = optimizer.state_dict()["state"][0], other.state_dict()["state"][0]
    assert set(found) == set(state)
    assert (found["n_iter"], found["func_evals"]) == (state["n_iter"], state["func_evals"])


def test_lbfgs_reaches_the_minimum_and_goes_on_from_saved_state() -> None:
    w, optimizer, losses = _rosenbrock(rg, {"line_search_fn": "strong_wolfe"}, "float32", 6, start=0.2)
    np.testing.assert_allclose(w.detach().numpy(), 1, atol=1e-3)
    assert losses[-1] < 1e-6
    half, first, _ = _rosenbrock(rg, {"line_search_fn": "strong_wolfe"}, "float64", 1)
    other = rg.tensor(half.detach().numpy(), requires_grad=True)
    second = rg.optim.LBFGS([other], line_search_fn="strong_wolfe")
    second.load_state_dict(first.state_dict())
    for p, optimizer in ((half, first), (other, second)):

        def closure(p: Any = p, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    assert half.tolist() == other.tolist()


def test_hooks_see_each_step() -> None:
    w = rg.ones(1, requires_grad=True)
    optimizer, seen = rg.optim.SGD([("weight", w)], lr=0.5), []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", w.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", w.item())))
    (w * 1).sum().backward()
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == [("before", 1.0), ("after", 0.5), ("after", 0.0)]
    assert optimizer.param_groups[0]["param_names"] == ["weight"]


@needs_torch
def test_state_of_pytorch_is_taken_over() -> None:
    """Its counts of steps are tensors."""
    theirs = torch.ones(2, requires_grad=True, dtype=torch.float64)
    first = torch.optim.Adam([theirs], lr=0.1)
    ours = rg.ones(2, dtype=rg.float64).requires_grad_()
    second = rg.optim.Adam([ours])
    for _ in range(2):
        (theirs**3).sum().backward()
        first.step()
    state = copy.deepcopy(first.state_dict())
    for entry in state["state"].values():
        entry.update((key, rg.tensor(value.numpy())) for key, value in entry.items())
    second.load_state_dict(state)
    ours.data.copy_(rg.tensor(theirs.detach().numpy()))
    for w, optimizer in ((theirs, first), (ours, second)):
        optimizer.zero_grad()
        (w**3).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)
