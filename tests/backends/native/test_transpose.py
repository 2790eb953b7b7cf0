"""Copies that exchange axes, of every width of elements and with every kind of edge."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.ops.movement import PERMUTE
from retrograd.runtime.evaluate import observed
from tests.support.native_step import compiled, kernels_of, run_step, single_step, type_of

SHAPES = [(33, 40), (128, 256), (3, 700), (700, 3), (64, 3, 15, 17), (2, 40, 16, 9), (1, 64, 9, 1), (2, 17, 4, 5, 6)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", "bool"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_order_of_axes(shape: tuple[int, ...], dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    for order in itertools.islice(itertools.permutations(range(len(shape))), 0, None, 5):
        np.testing.assert_array_equal(run_step(PERMUTE, (x,), (order,)), x.transpose(order))


def test_squares_are_turned() -> None:
    x = np.zeros((2, 40, 50), np.float32)
    assert kernels_of(compiled(single_step(PERMUTE, (type_of(x),), ((0, 2, 1),)))) == ["transpose"]
    assert kernels_of(compiled(single_step(PERMUTE, (type_of(x),), ((1, 0, 2),)))) == ["loop"]


def test_loops_read_operands_that_were_turned() -> None:
    """One whose elements are adjacent along another axis than the loop's is turned first, and not gathered."""
    x, y = (np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate([(60, 70), (70, 60)]))
    with rg.use_backend("native", 1), observed() as seen:
        total = (rg.tensor(x).t() + rg.tensor(y)).numpy()
    np.testing.assert_array_equal(total, x.T + y)
    program: Any = seen[-1].program
    assert kernels_of(program) == ["transpose", "loop"]
