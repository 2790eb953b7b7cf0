"""The same program in retrograd and in PyTorch, number by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import retrograd as rg

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

# `make parity` runs what carries it; where PyTorch is missing, it is skipped (conftest.py).
needs_torch = pytest.mark.parity
Array = np.ndarray[Any, Any]


def assert_same(
    ours: Callable[..., Any], theirs: Callable[..., Any], arrays: Sequence[Array], rtol: float = 1e-11
) -> None:
    """Values, and the gradients of a weighted sum with respect to all floating-point inputs."""
    a = [rg.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    b = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    found, expected = ours(*a), theirs(*b)
    assert tuple(found.shape) == tuple(expected.shape)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=rtol, atol=rtol)
    weight = np.random.default_rng(9).normal(size=tuple(expected.shape))
    (found * rg.tensor(weight)).sum().backward()
    (expected * torch.tensor(weight)).sum().backward()
    for x, y in zip(a, b, strict=True):
        if y.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=rtol, atol=rtol)


def copy_state(ours: Any, theirs: Any) -> None:
    """Give our module the state of PyTorch's."""
    ours.load_state_dict({key: rg.tensor(value.detach().numpy()) for key, value in theirs.state_dict().items()})


def assert_same_state(ours: Any, theirs: Any, rtol: float = 1e-11) -> None:
    """Keys, shapes, dtypes and values of two modules' state."""
    found, expected = ours.state_dict(), theirs.state_dict()
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert str(found[key].dtype).split(".")[-1] == str(value.dtype).split(".")[-1]
        np.testing.assert_allclose(found[key].numpy(), value.numpy(), rtol=rtol, atol=rtol, err_msg=key)
