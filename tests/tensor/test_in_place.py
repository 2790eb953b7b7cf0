"""Functions that write over their first argument."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd.tensor import in_place
from tests.support.parity import needs_torch, torch


@pytest.mark.parametrize("name", in_place.__all__)
def test_each_is_the_method_of_its_name(name: str) -> None:
    assert getattr(rg, name) is getattr(rg.Tensor, name)


def test_it_writes_and_gradients_follow() -> None:
    x = rg.tensor([0.5, 1.0], requires_grad=True)
    y = x * 2
    assert rg.sin_(y) is y
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx((2 * (2 * x).cos()).tolist())


@needs_torch
def test_pytorch_has_all_of_them() -> None:
    assert [name for name in in_place.__all__ if not hasattr(torch, name)] == []
