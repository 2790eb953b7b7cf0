"""Memory shared through capsules."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError
from retrograd.utils.dlpack import from_dlpack, to_dlpack
from tests.support.parity import needs_torch, torch


def test_a_capsule_carries_memory() -> None:
    x = rg.tensor([1.0, 2.0])
    y = from_dlpack(to_dlpack(x))
    y[0] = 5.0
    assert x.tolist() == [5.0, 2.0]


def test_a_capsule_is_used_once() -> None:
    capsule = rg.to_dlpack(rg.ones(2))
    from_dlpack(capsule)
    with pytest.raises(DTypeError, match="was not used yet"):
        from_dlpack(capsule)


def test_from_numpy_and_back() -> None:
    array = np.arange(3.0)
    assert rg.utils.dlpack.from_dlpack(array).tolist() == [0.0, 1.0, 2.0]


@needs_torch
def test_pytorch_takes_a_capsule_and_gives_one() -> None:
    x = rg.tensor([1.0, 2.0])
    theirs = torch.utils.dlpack.from_dlpack(to_dlpack(x))
    theirs[1] = 7.0
    assert x.tolist() == [1.0, 7.0]
    assert from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).tolist() == [1.0, 7.0]


def test_what_requires_a_gradient_is_not_handed_out() -> None:
    with pytest.raises(BufferError, match="requires a gradient"):
        to_dlpack(rg.ones(2, requires_grad=True))
