"""Windows against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError
from tests.support.parity import needs_torch, torch

NAMES = ("bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window")


@needs_torch
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_windows(name: str, periodic: bool) -> None:
    for length in (0, 1, 2, 3, 8, 25):
        theirs = getattr(torch, name)(length, periodic, dtype=torch.float64)
        ours = getattr(rg, name)(length, periodic, dtype=rg.float64)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-15)
        assert getattr(rg, name)(length, periodic).dtype is rg.float32


@needs_torch
def test_their_numbers() -> None:
    def made(m: Any) -> list[Any]:
        options = {"dtype": m.float64}
        return [m.hamming_window(9, True, 0.6, 0.4, **options), m.kaiser_window(9, True, 3.0, **options)]

    for ours, theirs in zip(made(rg), made(torch), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    assert rg.hann_window(3, requires_grad=True).requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_refusals(name: str) -> None:
    with pytest.raises(OptionError, match="must not be negative"):
        getattr(rg, name)(-1)
    with pytest.raises(DTypeError, match="floating-point dtype"):
        getattr(rg, name)(3, dtype=rg.int64)
