"""Histograms, and places taken apart, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers, whole

X = numbers((4, 6), 1)
CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "bins": lambda m, x, w: m.histogram(x, 5),
    "range": lambda m, x, w: x.histogram(4, range=(-1.0, 0.5)),
    "edges": lambda m, x, w: m.histogram(x, m.tensor([-1.0, 0.0, 0.25, 1.0], dtype=m.float64)),
    "weights": lambda m, x, w: m.histogram(x, 5, weight=w),
    "density": lambda m, x, w: m.histogram(x, 3, weight=w, density=True),
    "one value": lambda m, x, w: m.histogram(x * 0 + 2, 2),
}


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_histogram(name: str) -> None:
    ours, theirs = (CALLS[name](m, m.tensor(X), m.tensor(np.abs(X))) for m in (rg, torch))
    np.testing.assert_allclose(ours.hist.numpy(), theirs.hist.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.bin_edges.numpy(), theirs.bin_edges.numpy(), rtol=1e-12, atol=1e-15)
    assert ours.hist.dtype is ours.bin_edges.dtype is rg.float64


def test_histogram_refuses() -> None:
    with pytest.raises(DTypeError, match=r"use \.float"):
        rg.histogram(rg.tensor([1, 2]), 2)
    with pytest.raises(ShapeError, match="weights have shape"):
        rg.histogram(rg.ones(2), 2, weight=rg.ones(3))
    with pytest.raises(OptionError, match="histogram"):
        rg.histogram(rg.ones(2), 0)
    with pytest.raises(OptionError, match="histogram"):
        rg.histogram(rg.ones(2), rg.tensor([1.0, 0.0]))


@needs_torch
@pytest.mark.parametrize("shape", [(3, 4), (12,), (2, 3, 2), 12])
def test_unravel_index(shape: Any) -> None:
    places = whole((2, 5), 1, 0, 12)
    found, expected = rg.unravel_index(rg.tensor(places), shape), torch.unravel_index(torch.tensor(places), shape)
    assert [x.tolist() for x in found] == [x.tolist() for x in expected]
    with pytest.raises(DTypeError, match="takes integers"):
        rg.unravel_index(rg.ones(2), shape)
