"""Elementwise steps that only a product reads are computed inside it, with the bits they have outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.runtime.evaluate import observed


def _product(rows: int, depth: int, columns: int, keep: bool) -> tuple[list[np.ndarray[Any, Any]], str]:
    """relu((2 x - b).sigmoid() @ w), and the kernels it ran."""
    data = np.random.RandomState(0)
    x, w, b = (
        rg.tensor(data.randn(*shape).astype(np.float32)) for shape in ((rows, depth), (depth, columns), (depth,))
    )
    with observed() as seen:
        left = (x * 2.0 - b).sigmoid()
        result = (left @ w).relu()
        if not keep:
            del left
        values = [np.array(result.numpy())]
    program: Any = seen[-1].program
    return values, " ".join(word.key for work in program.lowering.work for word in work.words if hasattr(word, "key"))


@pytest.mark.parametrize("shape", [(100, 70, 10), (37, 300, 16), (13, 70, 64)])
def test_same_bits_inside_and_outside_of_a_product(shape: tuple[int, int, int]) -> None:
    with rg.use_backend("native", 0):
        expected, kernels = _product(*shape, keep=False)
    assert "prologue" not in kernels
    with rg.use_backend("native", 1):
        got, kernels = _product(*shape, keep=False)
    np.testing.assert_array_equal(got, expected)
    if shape[2] <= 16:
        assert "prologue" in kernels


def test_an_operand_that_others_read_is_written_to_memory() -> None:
    with rg.use_backend("native", 1):
        _, kernels = _product(100, 70, 10, keep=True)
    assert "prologue" not in kernels
