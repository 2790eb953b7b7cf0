"""Questions about complex numbers, asked of real ones, as PyTorch answers them."""

from __future__ import annotations

import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch


@needs_torch
@pytest.mark.parametrize("name", ["conj", "conj_physical", "real", "resolve_conj", "resolve_neg"])
def test_numbers_stay_what_they_are(name: str) -> None:
    for lib in (rg, torch):
        x = lib.tensor([1.0, -2.0], requires_grad=True)
        (getattr(lib, name)(x) * 3).sum().backward()
        assert getattr(lib, name)(x).tolist() == [1.0, -2.0]
        assert x.grad.tolist() == [3.0, 3.0]
    if name != "real":
        assert getattr(rg.tensor([1]), name)().tolist() == [1]


@needs_torch
@pytest.mark.parametrize("name", ["is_conj", "is_neg"])
def test_nothing_waits(name: str) -> None:
    for lib in (rg, torch):
        assert getattr(lib, name)(lib.ones(2)) is getattr(lib.ones(2), name)() is False
