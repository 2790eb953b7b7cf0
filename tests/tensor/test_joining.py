"""Tensors put together, in all forms, against NumPy and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch
from tests.support.table import numbers, whole


@needs_torch
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((2, 3), (2, 3)), ((2, 3, 2), (2, 3, 2)), ((), ())])
@pytest.mark.parametrize("name", ["hstack", "vstack", "dstack", "column_stack", "row_stack", "stack", "cat"])
def test_stacks(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    import torch  # noqa: PLC0415 - may be missing

    if name == "cat" and () in shapes:
        pytest.skip("a number has no axis to be joined along")
    arrays = [numbers(shape, i) for i, shape in enumerate(shapes)]
    assert_same(lambda *x: getattr(rg, name)(x), lambda *x: getattr(torch, name)(x), arrays)


def test_dtypes_are_promoted() -> None:
    joined = rg.cat([rg.tensor([1]), rg.tensor([True]), rg.tensor([0.5])])
    assert joined.dtype is rg.float32 and joined.tolist() == [1.0, 1.0, 0.5]
    assert rg.stack([rg.tensor([1]), rg.tensor([0.5])]).dtype is rg.float32


def test_empty_vectors_are_left_out() -> None:
    assert rg.cat([rg.empty(0), rg.ones(2, 3)], 1).shape == (2, 3)


def test_at_least_so_many_axes() -> None:
    for name, shapes in (("atleast_1d", [(1,), (2,), (2, 3)]), ("atleast_2d", [(1, 1), (1, 2), (2, 3)])):
        made = getattr(rg, name)(rg.tensor(1.0), rg.ones(2), rg.ones(2, 3))
        assert [tuple(x.shape) for x in made] == shapes
    assert [tuple(rg.atleast_3d(rg.ones(s)).shape) for s in ((), (2,), (2, 3))] == [(1, 1, 1), (1, 2, 1), (2, 3, 1)]


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_meshgrid(indexing: str) -> None:
    axes = [whole((n,), n) for n in (2, 3, 4)]
    for count in (1, 2, 3):
        for ours, theirs in zip(
            rg.meshgrid(*map(rg.tensor, axes[:count]), indexing=indexing),
            np.meshgrid(*axes[:count], indexing=indexing),
            strict=True,
        ):
            np.testing.assert_array_equal(ours.numpy(), theirs)


def test_cartesian_product() -> None:
    assert rg.cartesian_prod(rg.tensor([1, 2]), rg.tensor([3]), rg.tensor([4, 5])).tolist() == [
        [1, 3, 4], [1, 3, 5], [2, 3, 4], [2, 3, 5]
    ]  # fmt: skip


def test_broadcasting() -> None:
    a, b = rg.broadcast_tensors(rg.ones(2, 1), rg.ones(3))
    assert a.shape == b.shape == rg.broadcast_shapes((2, 1), 3) == (2, 3)
    assert a.stride() == (1, 0)
    assert rg.broadcast_to(rg.ones(3), (2, 3)).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.cat([]), OptionError, "is empty"),
        (lambda: rg.cat(rg.ones(2)), TypeError, "expected a sequence"),
        (lambda: rg.cat([rg.tensor(1.0)]), ShapeError, "use stack"),
        (lambda: rg.cat([rg.ones(2, 3), rg.ones(2, 4)]), ShapeError, "must agree"),
        (lambda: rg.stack([rg.ones(2), rg.ones(3)]), ShapeError, "must be equal"),
        (lambda: rg.block_diag(rg.ones(1, 1, 1)), ShapeError, "at most 2 axes"),
        (lambda: rg.meshgrid(rg.ones(2), indexing="ab"), OptionError, "indexing must be"),
        (lambda: rg.meshgrid(rg.ones(2, 2)), ShapeError, "vectors"),
        (lambda: rg.broadcast_tensors(rg.ones(2), rg.ones(3)), ShapeError, "do not broadcast"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
