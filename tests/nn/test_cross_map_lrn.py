"""Normalisation across channels against its definition, and against PyTorch where that holds to it."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import ShapeError
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers

_X = numbers((2, 6, 3, 2), 1)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_each_window_has_its_own_channels(size: int) -> None:
    reach = (size + 1) // 2 - 1
    sums = np.stack([(_X[:, max(c - reach, 0) : c + reach + 1] ** 2).sum(1) for c in range(6)], 1)
    found = rg.nn.CrossMapLRN2d(size, 0.3, 0.6, 1.5)(rg.tensor(_X))
    np.testing.assert_allclose(found.numpy(), _X / (1.5 + 0.3 / size * sums) ** 0.6, rtol=1e-12)


@needs_torch
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_the_first_channels_are_those_of_pytorch(size: int) -> None:
    ours, theirs = (lib.nn.CrossMapLRN2d(size, 0.3, 0.6, 1.5) for lib in (rg, torch))
    alike = (size + 1) // 2
    found, expected = ours(rg.tensor(_X)).numpy(), theirs(torch.tensor(_X)).numpy()
    np.testing.assert_allclose(found[:, :alike], expected[:, :alike], rtol=1e-12)
    assert repr(ours) == repr(theirs)


def test_four_axes() -> None:
    with pytest.raises(ShapeError, match="must be"):
        rg.nn.CrossMapLRN2d(3)(rg.ones(2, 3))
