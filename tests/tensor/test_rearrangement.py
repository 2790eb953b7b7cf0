"""Diagonals, parts, and elements in another order, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import retrograd as rg
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.comparison import check, check_refusal

pytestmark = pytest.mark.parity


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def _numbers(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(size=shape)


FORMS: tuple[Callable[..., Any], ...] = (
    *(lambda lib, x, k=k: [x.tril(k), x.triu(k)] for k in (-2, 0, 1, 9)),
    *(lambda lib, x, k=k: [x.diagonal(k), x.diagonal(k, 2, 0), x.diagonal(k, -1, 1)] for k in (-3, -1, 0, 2, 9)),
    *(lambda lib, x, k=k: [x.diag_embed(k), x.diag_embed(k, 0, -2)] for k in (-1, 0, 2)),
    lambda lib, x: [lib.diag(x[0]), lib.diag(x[0], 1), lib.diag(x[0, 0], -1), lib.diagflat(x)],
    lambda lib, x: x.diagonal_scatter(x[:, 0].T.contiguous() * 2, 0, 0, 1),
    lambda lib, x: [lib.tril_indices(3, 4, 1), lib.triu_indices(3, 4, -1), lib.triu_indices(0, 2)],
    lambda lib, x: [x.roll(1), x.roll(-7, 2), x.roll((1, 2), (0, 2)), x.roll((1, 1), (1, 1))],
    lambda lib, x: [x.flip(0), x.flip(0, 2), x.flip([1]), x.flip(()), x.fliplr(), x.flipud(), lib.tensor(1.0).flip(0)],
    lambda lib, x: [x.rot90(k, (0, 2)) for k in range(-1, 4)],
    lambda lib, x: [x.unfold(2, 2, 1), x.unfold(1, 3, 2), x.unfold(0, 1, 1), x.unfold(-1, 0, 3)],
    lambda lib, x: [lib.tensor(2.0).unfold(0, 1, 1), lib.tensor(2.0).unfold(0, 0, 1)],
    lambda lib, x: [x.repeat_interleave(2), x.repeat_interleave(3, 1), x.repeat_interleave(lib.tensor([2, 0]), 0)],
    lambda lib, x: [lib.repeat_interleave(lib.tensor([2, 0, 1])), x.repeat_interleave(lib.tensor(2), -1)],
    lambda lib, x: [x.tile((2,)), x.tile((2, 1, 1, 2)), x.tile(())],
    lambda lib, x: [x.movedim(0, -1), x.moveaxis((0, 1), (2, 0)), x.swapaxes(0, 2), x.swapdims(-1, 1)],
    lambda lib, x: [*x.split(2, 2), *x.split([1, 3], 2), *x.split(9)],
    lambda lib, x: [*x.chunk(3, 2), *x.chunk(7, 1), *x[:0].chunk(2)],
    lambda lib, x: [*x.tensor_split(3, 2), *x.tensor_split((1, 3), 2), *x.tensor_split((-1, 0, 9), 1)],
    lambda lib, x: [*x.tensor_split(lib.tensor([1, 2]), 2), *x.tensor_split(lib.tensor(2), 2)],
    lambda lib, x: [*x.hsplit(3), *x.vsplit(2), *x.dsplit((1,)), *x[0, 0].hsplit(2)],
    lambda lib, x: [*x.unbind(1), *lib.unbind(x)],
    lambda lib, x: [x.narrow(1, 1, 2), x.narrow(1, -2, 1), x.narrow(2, lib.tensor(1), 2), x.narrow(0, 2, 0)],
    lambda lib, x: [lib.combinations(x[0, 0]), lib.combinations(x[0, 0], 3, True), lib.combinations(x[0, 0], 0)],
)


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: Callable[..., Any]) -> None:
    check(form, _numbers((2, 3, 4)))


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (lambda lib, x: x[0].tril(), ShapeError, "has no matrices"),
        (lambda lib, x: x.diagonal(0, 0, 0), OptionError, "two axes, and both are 0"),
        (lambda lib, x: x.diag_embed(0, 1, 1), OptionError, "two axes, and both are 1"),
        (lambda lib, x: lib.diag(x[None]), ShapeError, "a vector or a matrix"),
        (lambda lib, x: x.diagonal_scatter(x), ShapeError, "must have the shape (3,) of the diagonal"),
        (lambda lib, x: lib.tril_indices(-1, 2), OptionError, "must not be negative"),
        (lambda lib, x: x.roll((1, 2), 0), ShapeError, "as many axes"),
        (lambda lib, x: x.flip(0, 0), ShapeError, "named twice"),
        (lambda lib, x: x[0].fliplr(), ShapeError, "no columns"),
        (lambda lib, x: x.rot90(1, (0, 0)), ShapeError, "both are 0"),
        (lambda lib, x: x.unfold(0, 9, 1), ShapeError, "does not fit in axis 0"),
        (lambda lib, x: x.unfold(0, 1, 0), OptionError, "must be positive"),
        (lambda lib, x: x.repeat_interleave(lib.tensor([1.0])), DTypeError, "must be integers"),
        (lambda lib, x: x.repeat_interleave(lib.tensor([1, 2]), 0), ShapeError, "2 repeats for the 3 elements"),
        (lambda lib, x: x.repeat_interleave(-1), OptionError, "must not be negative"),
        (lambda lib, x: x.split([1, 1]), ShapeError, "must add up to the extent 3"),
        (lambda lib, x: x.chunk(0), OptionError, "at least one part"),
        (lambda lib, x: x.hsplit(3), ShapeError, "does not divide into 3 equal parts"),
        (lambda lib, x: x[0].vsplit(1), ShapeError, "at least 2 axes"),
        (lambda lib, x: lib.tensor(1.0).unbind(), IndexRangeError, "0-dimensional"),
        (lambda lib, x: x.narrow(0, 9, 1), IndexError, "out of range for axis 0"),
        (lambda lib, x: x.narrow(0, 1, 9), ShapeError, "is not within axis 0"),
        (lambda lib, x: x.movedim((0, 0), (0, 1)), ShapeError, "named twice"),
        (lambda lib, x: lib.combinations(x), ShapeError, "takes a vector"),
    ],
)
def test_refusals(form: Callable[..., Any], error: type[Exception], message: str) -> None:
    check_refusal(form, error, message, _numbers((3, 4)))


def test_coordinates_within_a_sum_over_several_axes() -> None:
    """The sum and the triangle are one kernel, which asks for two coordinates of axes that it joins."""
    x = _numbers((5, 70, 90)).astype(np.float32)
    for _ in range(2):
        found = (rg.tensor(x).tril(3) * 2.0).sum((1, 2))
        np.testing.assert_allclose(found.numpy(), 2 * np.tril(x, 3).sum((1, 2)), rtol=1e-4, atol=1e-3)
