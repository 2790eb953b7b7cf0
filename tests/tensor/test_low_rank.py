"""Decompositions of low rank, and LU by its old names, against PyTorch for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers

_MATRICES = numbers((2, 7, 4), 1)


def _alike(ours: Any, theirs: Any) -> None:
    for x, y in zip(ours, theirs, strict=True):
        assert tuple(x.shape) == tuple(y.shape)
        # The signs of singular vectors are free.
        np.testing.assert_allclose(np.abs(x.numpy()), np.abs(y.numpy()), rtol=1e-8, atol=1e-8)


@needs_torch
@pytest.mark.parametrize(("q", "niter"), [(2, 2), (3, 0), (6, 1), (None, None)])
@pytest.mark.parametrize("wide", [False, True])
def test_svd(q: int | None, niter: int | None, wide: bool) -> None:
    found = []
    for lib in (rg, torch):
        lib.manual_seed(3)
        a = lib.tensor(_MATRICES)
        found.append(lib.svd_lowrank(a.mT if wide else a, q, niter))
        lib.manual_seed(3)
        found[-1] = (*found[-1], *lib.svd_lowrank(a, 2, M=lib.tensor(_MATRICES.mean(1, keepdims=True))))
    _alike(*found)


@needs_torch
@pytest.mark.parametrize("options", [{}, {"q": 2}, {"q": 3, "center": False, "niter": 1}])
def test_pca(options: dict[str, Any]) -> None:
    found = []
    for lib in (rg, torch):
        lib.manual_seed(3)
        found.append(lib.pca_lowrank(lib.tensor(_MATRICES), **options))
    _alike(*found)


def test_a_matrix_of_low_rank_is_found_again() -> None:
    rg.manual_seed(0)
    a = rg.tensor(numbers((8, 2), 1)) @ rg.tensor(numbers((2, 6), 2))
    u, s, v = rg.svd_lowrank(a, 3)
    np.testing.assert_allclose(((u * s) @ v.mT).numpy(), a.numpy(), atol=1e-12)


def test_refusals() -> None:
    with pytest.raises(OptionError, match="must not be negative"):
        rg.svd_lowrank(rg.ones(3, 3), 1, -1)
    with pytest.raises(OptionError, match="q must be at most 3"):
        rg.pca_lowrank(rg.ones(3, 4), 4)


@needs_torch
def test_lu_by_its_old_names() -> None:
    found = []
    for lib in (rg, torch):
        a, b = lib.tensor(_MATRICES[:, :4]), lib.tensor(_MATRICES[:, 4:, :].swapaxes(1, 2).copy())
        factors, pivots, info = a.lu(get_infos=True)
        solved = lib.lu_solve(b, *a.lu())
        found.append([x.tolist() for x in (factors, pivots, info, solved, b.lu_solve(factors, pivots))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
