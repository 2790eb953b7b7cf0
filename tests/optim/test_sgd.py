"""SGD: momentum starts from the gradient itself, and the first step has the form of all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.runtime.evaluate import observed
from tests.support.parity import needs_torch, torch

VALUES = [-0.0, 0.0, 1e-45, -1e-40, 0.1, -6e4, float("inf"), float("-inf"), float("nan")]
OPTIONS: tuple[dict[str, Any], ...] = (
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.5},
    {"momentum": 0.5, "nesterov": True, "maximize": True},
    {"momentum": 0.9, "weight_decay": 0.1},
)


def _first_buffer(library: Any, options: dict[str, Any], dtype: str) -> Any:
    w = library.ones(len(VALUES), dtype=getattr(library, dtype), requires_grad=True)
    w.grad = library.tensor(VALUES, dtype=getattr(library, dtype))
    optimizer = library.optim.SGD([w], lr=0.1, **options)
    assert optimizer.state_dict()["state"] == {}
    optimizer.step()
    return optimizer.state_dict()["state"][0]["momentum_buffer"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@needs_torch
def test_the_first_buffer_is_the_gradient_to_the_bit(options: dict[str, Any], dtype: str) -> None:
    ours, theirs = _first_buffer(rg, options, dtype), _first_buffer(torch, options, dtype)
    # Halves are floats, too; a number's sign shows where it is zero.
    found, expected = ours.double().numpy(), theirs.double().numpy()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found[:-1]), np.signbit(expected[:-1]))


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
@pytest.mark.parametrize("loaded", [False, True])
def test_all_steps_are_one_structure(options: dict[str, Any], loaded: bool) -> None:
    """Of a network whose weights and statistics are still to be computed when the optimizer is made."""
    rg.manual_seed(0)
    model = rg.nn.Sequential(rg.nn.Linear(5, 4), rg.nn.BatchNorm1d(4), rg.nn.ReLU(), rg.nn.Linear(4, 3))
    if loaded:
        model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    optimizer = rg.optim.SGD(model.parameters(), lr=0.1, **options)
    x, y = rg.randn(8, 5), rg.randint(0, 3, (8,))
    with observed() as seen:
        for _ in range(3):
            optimizer.zero_grad()
            rg.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert len(seen) == 3 and len({id(evaluation.entry) for evaluation in seen}) == 1


def test_parameters_that_join_late_start_from_their_gradient() -> None:
    """Also where a loaded state says that there is no buffer yet."""
    first, second = (rg.ones(2, requires_grad=True) for _ in range(2))
    optimizer = rg.optim.SGD([first, second], lr=0.5, momentum=0.5, dampening=0.5)
    state = optimizer.state_dict()
    state["state"] = {0: {"momentum_buffer": None}}
    optimizer.load_state_dict(state)
    first.grad = rg.full((2,), 2.0)
    optimizer.step()
    second.grad = rg.full((2,), 4.0)
    optimizer.step()
    buffers = [optimizer.state[p]["momentum_buffer"].tolist() for p in (first, second)]
    assert buffers == [[0.5 * 2 + 0.5 * 2] * 2, [4.0] * 2]
    assert first.tolist() == [1 - 0.5 * 2 - 0.5 * 2] * 2 and second.tolist() == [1 - 0.5 * 4] * 2
