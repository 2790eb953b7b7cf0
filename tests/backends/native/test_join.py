"""Parts of a concatenation, written where they belong by the kernels that compute them: the same bits as unfused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.runtime.devices import use_backend
from tests.support.backends import NATIVE

pytestmark = pytest.mark.skipif(not NATIVE, reason="the native backend cannot be made here")

PARTS: list[Callable[[Any], Any]] = [
    lambda u: u.exp() * 2.0,
    lambda u: u - u.mean(),
    lambda u: u - u.mean(1, keepdim=True),
    lambda u: u - u.mean(0, keepdim=True),
    lambda u: u.softmax(1),
]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stacked_parts_that_are_looked_at_too(part: Callable[[Any], Any], axis: int) -> None:
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 7, 13))
    found = []
    for tier in (0, 1):
        with use_backend("native", tier):
            parts = [part(u) for u in rg.tensor(x)]
            whole = rg.stack(parts, axis)
            found.append([whole.numpy().copy(), *(p.numpy().copy() for p in parts)])
    for unfused, fused in zip(*found, strict=True):
        np.testing.assert_array_equal(fused, unfused)


@pytest.mark.parametrize("tier", [0, 1])
@pytest.mark.parametrize("again", [lambda u: u.flip(0), lambda u: u.mT, lambda u: u[:5].expand(5, 5)])
def test_a_part_that_is_joined_in_another_order_too(again: Callable[[Any], Any], tier: int) -> None:
    """Nobody else reads it, and its kernel writes it to one of the two regions."""
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 5)).astype(np.float32)

    def joined() -> Any:
        u = rg.tensor(x) * 2.0
        return rg.cat([u, again(u), u], 1)

    with use_backend("reference"):
        expected = joined().numpy()
    with use_backend("native", tier):
        np.testing.assert_array_equal(joined().numpy(), expected)
