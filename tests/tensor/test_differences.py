"""Derivatives by differences against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import needs_torch, torch
from tests.support.table import numbers

_F = numbers((4, 3, 5), 1)
_X, _Y = np.cumsum(numbers((4,), 2, 0.2, 1.5)), np.cumsum(numbers((5,), 3, 0.2, 1.5))
CASES: dict[str, dict[str, Any]] = {
    "all axes": {},
    "one": {"dim": 1},
    "last": {"dim": -1, "spacing": 0.5},
    "two": {"dim": (2, 0), "spacing": (0.5, 2.0)},
    "second order": {"edge_order": 2, "spacing": 0.25},
    "coordinates": {"dim": (0, 2), "spacing": (_X, _Y)},
    "coordinates, second order": {"dim": (0, 2), "spacing": (_X, _Y), "edge_order": 2},
}


def _options(lib: Any, options: dict[str, Any]) -> dict[str, Any]:
    found = dict(options)
    if isinstance(found.get("spacing"), tuple):
        found["spacing"] = tuple(lib.tensor(h) if isinstance(h, np.ndarray) else h for h in found["spacing"])
    return found


@needs_torch
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    results = []
    for lib in (rg, torch):
        f = lib.tensor(_F, requires_grad=True)
        found = lib.gradient(f, **_options(lib, CASES[name]))
        (g,) = lib.autograd.grad(sum((part * part).sum() for part in found), f)
        results.append([part.detach().numpy() for part in (*found, g)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_coordinates_have_a_gradient() -> None:
    f, x = rg.tensor(_F[:, 0, 0]), rg.tensor(_X, requires_grad=True)
    assert rg.autograd.gradcheck(lambda x: rg.gradient(f, spacing=(x,), edge_order=2), [x])


def test_parabolas_are_met_exactly() -> None:
    x = rg.tensor(_Y)
    (found,) = rg.gradient(3 * x * x - x, spacing=(x,), edge_order=2)
    np.testing.assert_allclose(found.numpy(), 6 * _Y - 1, rtol=1e-12)


@needs_torch
def test_integers_and_two_elements() -> None:
    for lib in (rg, torch):
        found = lib.gradient(lib.tensor([1, 4, 8]))
        assert (found[0].tolist(), str(found[0].dtype).split(".")[-1]) == ([3.0, 3.5, 4.0], "float32")
        assert lib.gradient(lib.tensor([1.0, 4.0]), spacing=(lib.tensor([0.0, 2.0]),))[0].tolist() == [1.5, 1.5]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"edge_order": 3}, OptionError, "edge_order must be 1 or 2"),
        ({"dim": 5}, OptionError, "no axis 5"),
        ({"dim": (0, -3)}, OptionError, "stands twice"),
        ({"spacing": (1.0, 2.0)}, OptionError, "2 spacings and 3 axes"),
        ({"dim": 0, "spacing": (rg.ones(3),)}, ShapeError, "4 elements, and coordinates of shape"),
        ({"dim": 0, "spacing": rg.ones(4)}, OptionError, "given as a tuple"),
    ],
)
def test_refusals(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rg.gradient(rg.tensor(_F), **options)


def test_too_few_elements() -> None:
    with pytest.raises(ShapeError, match="takes 3 at least"):
        rg.gradient(rg.ones(2), edge_order=2)
