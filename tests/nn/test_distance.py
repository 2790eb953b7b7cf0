"""Distances of all pairs of rows."""

from __future__ import annotations

import math

import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers


@needs_torch
@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0, math.inf])
def test_pdist(p: float) -> None:
    for rows in (1, 2, 5):
        x = numbers((rows, 3), 1)
        assert_same(lambda x: rg.pdist(x, p), lambda x: torch.pdist(x, p), [x])


def test_equal_rows_have_no_slope() -> None:
    x = rg.ones(3, 2, requires_grad=True)
    rg.pdist(x).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0]] * 3


def test_pdist_refuses() -> None:
    with pytest.raises(ShapeError, match=r"expected \(rows, features\)"):
        rg.pdist(rg.ones(3))
    with pytest.raises(OptionError, match="must not be negative"):
        rg.pdist(rg.ones(3, 2), -1.0)
