"""Functions with a backward pass of their own under autocast, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers

A, B = (numbers((3, 3), seed).astype(np.float32) for seed in (1, 2))


def _product(m: Any, cast_inputs: Any, seen: list[str]) -> Any:
    class Product(m.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        @m.amp.custom_fwd(device_type="cpu", cast_inputs=cast_inputs)
        def forward(ctx: Any, a: Any, b: Any) -> Any:
            ctx.save_for_backward(a, b)
            y = a @ b
            seen.append(str(y.dtype).split(".")[-1])
            return y

        @staticmethod
        @m.amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Any) -> Any:
            a, b = ctx.saved_tensors
            found = g.to(a.dtype) @ b.T, a.T @ g.to(a.dtype)
            seen.append(str(found[0].dtype).split(".")[-1])
            return found

    return Product


def _run(m: Any, enabled: bool, cast: str | None) -> tuple[list[str], np.ndarray]:
    seen: list[str] = []
    function = _product(m, None if cast is None else getattr(m, cast), seen)
    a, b = (m.tensor(x, requires_grad=True) for x in (A, B))
    with m.autocast("cpu", enabled=enabled):
        y = function.apply(a, b)
    y.float().sum().backward()
    return seen, np.asarray(a.grad.numpy())


@needs_torch
@pytest.mark.parametrize("cast", [None, "float32"])
@pytest.mark.parametrize("enabled", [True, False])
def test_backward_runs_as_forward_did(enabled: bool, cast: str | None) -> None:
    (seen, gradient), (expected, theirs) = (_run(m, enabled, cast) for m in (rg, torch))
    assert seen == expected
    np.testing.assert_allclose(gradient, theirs, rtol=2e-2 if seen[1] == "bfloat16" else 1e-6, atol=1e-6)


def test_for_which_devices_there_is_autocast() -> None:
    assert rg.amp.is_autocast_available("cpu")
    assert not rg.amp.is_autocast_available("cuda")
