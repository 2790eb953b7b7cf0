"""Axes in blocks: what is cut is joined again, and loops go over blocks in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from retrograd.core.dtype import float64
from retrograd.core.node import Node
from retrograd.core.types import tensor_type
from retrograd.ops.blocks import Blocks, Cut, Cuts, over_blocks, some_blocks
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import add
from retrograd.ops.movement import broadcast_to
from retrograd.ops.reduce import sum_keepdim
from retrograd.tensor.base import wrap
from retrograd.tensor.tensor import from_array


def node(x: NDArray[np.float64]) -> Node:
    found: Node = from_array(x)._read()
    return found


def array(x: Node) -> NDArray[np.float64]:
    found: NDArray[np.float64] = wrap(x).numpy()
    return found


@given(st.integers(1, 9), st.integers(1, 5), st.sampled_from([-1, -2]))
def test_joined_undoes_cut(extent: int, size: int, axis: int) -> None:
    blocks = Blocks(extent, size, -(-extent // size))
    shape = (2, extent, 3) if axis == -2 else (2, 3, extent)
    x = np.random.default_rng(0).standard_normal(shape)
    cut = blocks.cut(node(x), axis)
    assert cut.type.shape[0] == blocks.count
    padded = np.zeros((2, 3, size * blocks.count))
    padded[..., :extent] = np.swapaxes(x, -1, axis)
    for i, part in enumerate(array(cut)):
        np.testing.assert_array_equal(np.swapaxes(part, -1, axis), padded[..., i * size : (i + 1) * size])
    np.testing.assert_array_equal(array(blocks.joined(cut, axis)), x)


@pytest.mark.parametrize("unrolls", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_loops_over_blocks_of_rows_and_columns(count: int, unrolls: bool) -> None:
    """Sums of a matrix along rows, block by block, and of all of it."""
    x = np.random.default_rng(1).standard_normal((2 * count, 9))
    rows, columns = Blocks(2 * count, 2, count), Blocks(9, 3, 3)
    cuts = {
        "x": Cut(rows.cut(columns.cut(node(x), -1), -2), by_rows=True, by_columns=True),
        "one": Cut(node(np.ones(()))),
    }

    def column(cuts: Cuts, carries: list[Node]) -> tuple[list[Node], list[Node]]:
        (total,) = carries
        more = add(cuts["x"].node, broadcast_to(cuts["one"].node, (2, 3)))
        return [add(total, sum_keepdim(more, (1,)))], []

    def row(cuts: Cuts, carries: list[Node]) -> tuple[list[Node], list[Node]]:
        (found,), _ = over_blocks(cuts, "columns", 3, [zeros(tensor_type((2, 1), float64))], column)
        return [add(carries[0], sum_keepdim(found, (0,)))], [found]

    (total,), (by_rows,) = over_blocks(cuts, "rows", count, [node(np.zeros((1, 1)))], row, unrolls=unrolls)
    np.testing.assert_allclose(array(rows.joined(by_rows, -2)), (x + 1).sum(1, keepdims=True))
    np.testing.assert_allclose(array(total), [[(x + 1).sum()]])


def test_some_blocks() -> None:
    x = np.arange(24.0).reshape(4, 6)
    cut = Blocks(4, 2, 2).cut(Blocks(6, 2, 3).cut(node(x), -1), -2)
    cuts = {"x": Cut(cut, by_rows=True, by_columns=True), "y": Cut(node(x))}
    chosen = some_blocks(some_blocks(cuts, "columns", 1, 2), "rows", 1, 1)
    np.testing.assert_array_equal(array(chosen["x"].node)[0], [x[2:, 2:4], x[2:, 4:]])
    assert chosen["y"].node is cuts["y"].node
