"""Reductions of stretches against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

_DATA = numbers((2, 6, 3), 1, -2.0, 2.5)


@needs_torch
@pytest.mark.parametrize("initial", [None, 0.5])
@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
def test_values_and_gradients(reduce: str, initial: float | None) -> None:
    for axis, lengths in ((0, [2]), (0, [1, 1]), (1, [[1, 3, 2], [2, 3, 1]])):

        def found(lib: Any, x: Any, axis: int = axis, lengths: Any = lengths) -> Any:
            return lib.segment_reduce(x, reduce, lengths=lib.tensor(lengths), axis=axis, initial=initial)

        assert_same(lambda x: found(rg, x), lambda x: found(torch, x), [_DATA])


@needs_torch
@pytest.mark.parametrize("initial", [None, 2.0])
@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
def test_empty_stretches(reduce: str, initial: float | None) -> None:
    found, expected = (
        lib.segment_reduce(lib.tensor([1.0, -3.0]), reduce, lengths=lib.tensor([0, 2, 0]), initial=initial)
        for lib in (rg, torch)
    )
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_by_offsets() -> None:
    data = rg.tensor(_DATA[0, :, 0])
    by_lengths = rg.segment_reduce(data, "max", lengths=rg.tensor([2, 0, 4]))
    assert by_lengths.tolist() == rg.segment_reduce(data, "max", offsets=rg.tensor([0, 2, 2, 6])).tolist()


def test_refusals() -> None:
    data = rg.ones(4)
    with pytest.raises(OptionError, match="must be one of sum"):
        rg.segment_reduce(data, "median", lengths=rg.tensor([4]))
    with pytest.raises(OptionError, match="either lengths or offsets"):
        rg.segment_reduce(data, "sum")
    with pytest.raises(ShapeError, match="add up to 4"):
        rg.segment_reduce(data, "sum", lengths=rg.tensor([1, 2]))
    with pytest.raises(OptionError, match="a length is negative"):
        rg.segment_reduce(data, "sum", lengths=rg.tensor([-1, 5]))
    with pytest.raises(ShapeError, match="there are lengths for"):
        rg.segment_reduce(rg.ones(2, 4), "sum", lengths=rg.tensor([4]), axis=1)
