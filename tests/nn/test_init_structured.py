"""Initial weights with a structure, against PyTorch's for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import needs_torch, torch

SAME_BITS: tuple[tuple[str, tuple[int, ...], dict[str, Any]], ...] = (
    ("eye_", (3, 5), {}),
    ("dirac_", (4, 3, 3), {}),
    ("dirac_", (6, 2, 3, 4), {"groups": 2}),
    ("dirac_", (4, 3, 3, 2, 3), {}),
    ("sparse_", (40, 6), {"sparsity": 0.3}),
)
TO_ROUNDING: tuple[tuple[str, tuple[int, ...], dict[str, Any]], ...] = (
    ("trunc_normal_", (5, 40), {}),
    ("trunc_normal_", (50,), {"mean": 1.0, "std": 0.5, "a": 0.0, "b": 1.5}),
    ("trunc_normal_", (5, 40), {"a": 1.0, "b": 1.5}),
    ("trunc_normal_", (200,), {"mean": 0.5, "a": 1.5, "b": 9.0}),
    ("orthogonal_", (4, 7), {}),
    ("orthogonal_", (7, 4), {"gain": 2.0}),
    ("orthogonal_", (6, 2, 3), {}),
)


@needs_torch
@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "shape", "options"), SAME_BITS + TO_ROUNDING)
def test_equal_pytorch(name: str, shape: tuple[int, ...], options: dict[str, Any], dtype: str, seed: int) -> None:
    rg.manual_seed(seed), torch.manual_seed(seed)
    ours, theirs = rg.zeros(*shape, dtype=getattr(rg, dtype)), torch.zeros(*shape, dtype=getattr(torch, dtype))
    assert getattr(rg.nn.init, name)(ours, **options) is ours
    getattr(torch.nn.init, name)(theirs, **options)
    if name in ("eye_", "dirac_"):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    else:
        # Normal numbers equal PyTorch's to the rounding of logarithm and cosine.
        close = 2e-6 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=close, atol=close)
    # Both generators stand at the same place.
    np.testing.assert_array_equal(rg.rand(3).numpy(), torch.rand(3).numpy())


def test_properties() -> None:
    rg.manual_seed(0)
    q = rg.nn.init.orthogonal_(rg.zeros(5, 8, dtype=rg.float64), gain=3.0).numpy()
    np.testing.assert_allclose(q @ q.T, 9 * np.eye(5), atol=1e-13)
    x = rg.nn.init.trunc_normal_(rg.zeros(1000), a=-0.5, b=0.7).numpy()
    assert x.min() >= -0.5 and x.max() <= 0.7
    x = rg.nn.init.sparse_(rg.zeros(10, 4), 0.35).numpy()
    assert ((x == 0).sum(0) == 4).all()


def test_wrong_uses_say_what_to_do() -> None:
    for name, options in (("eye_", {}), ("sparse_", {"sparsity": 0.1})):
        with pytest.raises(ShapeError, match="takes a tensor with 2 axes"):
            getattr(rg.nn.init, name)(rg.zeros(3), **options)
    with pytest.raises(ShapeError, match="do not divide into 3"):
        rg.nn.init.dirac_(rg.zeros(4, 2, 3), groups=3)
    with pytest.raises(ShapeError, match="2 axes or more"):
        rg.nn.init.orthogonal_(rg.zeros(3))
    with pytest.raises(OptionError, match="a below b"):
        rg.nn.init.trunc_normal_(rg.zeros(3), a=1.0, b=1.0)
