"""Parts of a tensor: views, whose gradients are joined in one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.ops.split import SPLIT
from tests.support.parity import needs_torch, torch

WAYS: dict[str, Callable[[Any], Any]] = {
    "split": lambda x: x.split(2, dim=1),
    "split with sizes": lambda x: x.split([1, 3, 2], dim=1),
    "chunk": lambda x: x.chunk(4, dim=-1),
    "tensor_split": lambda x: x.tensor_split(4, dim=1),
    "tensor_split at": lambda x: x.tensor_split([1, 1, 4], dim=1),
    "tensor_split beyond": lambda x: x.tensor_split([4, 2, 9], dim=1),
    "unbind": lambda x: x.unbind(0),
    "iteration": list,
}


@needs_torch
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("unused", [False, True])
def test_gradients_equal_pytorch(way: str, unused: bool) -> None:
    data = np.random.default_rng(0).standard_normal((3, 6))
    gradients = []
    for library in (rg, torch):
        x = library.tensor(data, requires_grad=True)
        parts = WAYS[way](x * 2)
        used = parts[1:] if unused else parts
        total = sum(((i + 1.0) * part**3).sum() for i, part in enumerate(used))
        (g,) = library.autograd.grad(total, x, create_graph=True)
        (second,) = library.autograd.grad((g**2).sum(), x)
        gradients.append([[tuple(part.shape) for part in parts], g.detach().numpy(), second.numpy()])
    assert gradients[0][0] == gradients[1][0]
    for ours, theirs in zip(gradients[0][1:], gradients[1][1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_one_operation_where_gradients_flow() -> None:
    x = rg.ones(4, 6, requires_grad=True)
    q, k, v = (x * 1).chunk(3, dim=1)
    made = {part._read().inputs[0] for part in (q, k, v)}
    assert len(made) == 1
    assert made.pop().signature.operation is SPLIT


def test_hooks_of_a_part_are_called() -> None:
    x = rg.ones(4, requires_grad=True)
    first, second = (x * 1).split(2)
    first.register_hook(lambda g: g * 10)
    (first + second).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [10, 10, 1, 1])


def test_parts_are_views() -> None:
    base = rg.arange(6.0, requires_grad=True) * 1
    first, second = base.split(3)
    base[0] = 7.0
    assert first.tolist() == [7.0, 1.0, 2.0]
    second.mul_(2.0)
    assert base.tolist() == [7.0, 1.0, 2.0, 6.0, 8.0, 10.0]
