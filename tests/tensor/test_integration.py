"""The trapezoidal rule, and Vandermonde's matrices, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers, whole

Y = numbers((3, 4), 1)
CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "plain": (lambda f, y: f(y), (Y,)),
    "axis": (lambda f, y: f(y, dim=0), (Y,)),
    "distance": (lambda f, y: f(y, dx=0.5), (Y,)),
    "places": (lambda f, y, x: f(y, x), (Y, numbers((4,), 2))),
    "places along an axis": (lambda f, y, x: f(y, x, dim=0), (Y, numbers((3,), 2))),
    "places of each row": (lambda f, y, x: f(y, x), (Y, numbers((3, 4), 2))),
    "places of fewer axes": (lambda f, y, x: f(y, x, dim=1), (numbers((2, 3, 4), 3), numbers((3, 4), 2))),
    "places of columns": (lambda f, y, x: f(y, x, dim=0), (Y, numbers((3, 1), 2))),
    "one place": (lambda f, y: f(y), (Y[:, :1],)),
    "integers": (lambda f, y: f(y, dx=2), (whole((3, 4)),)),
}


@needs_torch
@pytest.mark.parametrize("function", ["trapezoid", "cumulative_trapezoid"])
@pytest.mark.parametrize("name", CALLS)
def test_against_pytorch(function: str, name: str) -> None:
    call, arrays = CALLS[name]
    if arrays[0].dtype.kind == "i":
        found, expected = (call(getattr(m, function), m.tensor(arrays[0])) for m in (rg, torch))
        np.testing.assert_allclose(found.numpy(), expected.numpy())
    else:
        ours, theirs = getattr(rg, function), getattr(torch, function)
        assert_same(lambda *x: call(ours, *x), lambda *x: call(theirs, *x), arrays)


@needs_torch
def test_of_nothing() -> None:
    for shape in ((3, 0), (0, 3)):
        assert rg.trapezoid(rg.zeros(*shape)).tolist() == torch.trapezoid(torch.zeros(*shape)).tolist()


def test_trapz_is_another_name() -> None:
    assert rg.trapz(rg.tensor([1.0, 3.0]), dx=2.0).item() == 4.0


def test_refusals() -> None:
    with pytest.raises(OptionError, match="give x or dx"):
        rg.trapezoid(rg.ones(2), rg.ones(2), dx=1)
    with pytest.raises(DTypeError, match="received bool"):
        rg.trapezoid(rg.ones(2) > 0)
    with pytest.raises(ShapeError):
        rg.trapezoid(rg.ones(3), rg.ones(4))


@needs_torch
@pytest.mark.parametrize("increasing", [False, True])
@pytest.mark.parametrize("count", [None, 0, 1, 2, 5])
def test_vandermonde(count: int | None, increasing: bool) -> None:
    for x in (numbers((3,), 1), whole((4,), 2)):
        expected = torch.vander(torch.tensor(x), count, increasing)
        found = rg.vander(rg.tensor(x), count, increasing)
        assert str(expected.dtype) == f"torch.{found.dtype.name}"
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_vandermonde_refuses() -> None:
    with pytest.raises(ShapeError, match="one axis"):
        rg.vander(rg.ones(2, 2))
    with pytest.raises(OptionError, match="must not be negative"):
        rg.vander(rg.ones(2), -1)
