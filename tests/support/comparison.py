"""A function of both libraries on the same arrays: values, types and gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

import retrograd as rg

Array = np.ndarray[Any, Any]
# Sums in another order round differently.
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def _flat(result: Any) -> list[Any]:
    return [x for part in result for x in _flat(part)] if isinstance(result, (tuple, list)) else [result]


def _weighted(results: Sequence[Any], library: Any) -> Any:
    parts = [
        (x * library.tensor(np.cos(np.arange(x.numel()) + place).reshape(tuple(x.shape)))).sum()
        for place, x in enumerate(results)
        if x.requires_grad
    ]
    return sum(parts[1:], start=parts[0]) if parts else None


def check(function: Callable[..., Any], *arrays: Array) -> None:
    """Require that `function(library, *tensors)` gives the same in both, and the same gradients of float64 arrays."""
    found: dict[Any, tuple[list[Any], list[Any]]] = {}
    for library in (rg, torch):
        leaves = [library.tensor(x, requires_grad=x.dtype == np.float64) for x in arrays]
        results = _flat(function(library, *leaves))
        total = _weighted(results, library)
        if total is not None:
            total.backward()
        found[library] = results, [leaf.grad for leaf in leaves]
    ours, theirs = found[rg], found[torch]
    assert len(ours[0]) == len(theirs[0])
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert a.requires_grad == b.requires_grad
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), strict=True, **CLOSE)
    for mine, g in zip(ours[1], theirs[1], strict=True):
        if g is not None and (mine is not None or bool(g.any())):
            np.testing.assert_allclose(mine.numpy(), g.numpy(), **CLOSE)


def check_refusal(function: Callable[..., Any], error: type[Exception], message: str, *arrays: Array) -> None:
    """Require that both libraries refuse, and what ours says."""
    with pytest.raises(Exception):  # noqa: B017 -- PyTorch has errors of many kinds
        function(torch, *map(torch.tensor, arrays))
    with pytest.raises(error, match=re.escape(message)):
        function(rg, *map(rg.tensor, arrays))
