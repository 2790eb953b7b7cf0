"""Activations as modules, against PyTorch: values, gradients at kinks and far out, and printed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError
from tests.support.parity import assert_same, needs_torch, torch

MODULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ReLU", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.5}),
    ("SELU", {}),
    ("CELU", {"alpha": 2.0}),
    ("LeakyReLU", {}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 4, "init": 0.1}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -2.0, "max_val": 0.5}),
    ("ReLU6", {}),
    ("Hardswish", {}),
    ("Hardsigmoid", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 5.0}),
    ("Softsign", {}),
    ("LogSigmoid", {}),
    ("Tanhshrink", {}),
    ("Threshold", {"threshold": 0.5, "value": -1.0}),
    ("LogSoftmax", {"dim": 1}),
    ("Softmin", {"dim": 0}),
    ("GLU", {"dim": 1}),
)
# Kinks, and numbers so large that a careless formula overflows.
HARD = np.array([[-1000.0, -6.0, -3.0, -2.0], [-1.0, -1e-9, -0.3, 0.0], [0.5, 1.0, 1e-9, 3.0], [6.0, 25.0, 800.0, 0.7]])


def _names(value: Any) -> str:
    return str(value)


@needs_torch
@pytest.mark.parametrize(("name", "options"), MODULES, ids=_names)
def test_values_gradients_and_printed_form_equal_pytorch(name: str, options: dict[str, Any]) -> None:
    ours = getattr(rg.nn, name)(**options).double()
    theirs = getattr(torch.nn, name)(**options).double()
    assert repr(ours) == repr(theirs)
    for x in (HARD, np.random.default_rng(1).normal(size=(4, 4, 3))):
        # PyTorch multiplies the gradient of hardsigmoid by 1/6 in single precision.
        assert_same(ours, theirs, [x], 1e-7 if name == "Hardsigmoid" else 1e-11)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-11)


@needs_torch
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(("name", "options"), MODULES, ids=_names)
def test_infinities_and_nan_equal_pytorch(name: str, options: dict[str, Any], value: float) -> None:
    if name == "Hardswish" and value == -math.inf:
        pytest.skip("here it is 0, the limit; in PyTorch NaN")
    options = {**options, "num_parameters": 1} if name == "PReLU" else options
    x = np.full((2, 2), value)
    found = getattr(rg.nn, name)(**options).double()(rg.tensor(x)).detach().numpy()
    np.testing.assert_array_equal(found, getattr(torch.nn, name)(**options).double()(torch.tensor(x)).detach().numpy())


def test_in_place_changes_the_input() -> None:
    for name in ("ELU", "LeakyReLU", "Hardswish", "SiLU", "SELU", "ReLU6", "Mish"):
        x = rg.tensor([-1.0, 2.0])
        expected = getattr(rg.nn, name)()(x).tolist()
        assert x.tolist() == [-1.0, 2.0]
        y = getattr(rg.nn, name)(inplace=True)(x)
        assert y is x and x.tolist() == expected


def test_small_and_large_numbers_keep_their_digits() -> None:
    f = rg.nn.functional
    x = rg.tensor([-800.0, -40.0, 40.0, 800.0], dtype=rg.float64)
    assert f.logsigmoid(x).tolist() == [-800.0, -40.0, -math.exp(-40.0), 0.0]
    np.testing.assert_allclose(f.softplus(x).numpy(), [0.0, math.exp(-40.0), 40.0, 800.0], rtol=1e-15)
    assert f.elu(rg.tensor([-1e-12], dtype=rg.float64)).item() == math.expm1(-1e-12)


def test_a_hundred_slopes_are_one_structure() -> None:
    x = rg.tensor([-1.0, 2.0])
    keys = {rg.nn.functional.leaky_relu(x, i / 100)._read().signature for i in range(100)}
    assert len(keys) == 1


def test_wrong_uses_say_what_to_do() -> None:
    f = rg.nn.functional
    with pytest.raises(DTypeError, match=r"use \.float\(\) first"):
        f.elu(rg.tensor([1, 2]))
    with pytest.raises(OptionError, match="choose 'none' or 'tanh'"):
        f.gelu(rg.ones(2), approximate="fast")
    with pytest.raises(OptionError, match="must not be above max_val"):
        f.hardtanh(rg.ones(2), 1.0, -1.0)
    with pytest.raises(OptionError, match="must not be 0"):
        f.celu(rg.ones(2), 0.0)
