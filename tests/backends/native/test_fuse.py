"""What one kernel may compute together: it must never need an element before that is there."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from tests.support.backends import needs_native

pytestmark = needs_native


@pytest.mark.parametrize("tier", [0, 1])
def test_a_value_that_is_also_read_in_another_order(tier: int) -> None:
    x = rg.rand(8)
    with rg.use_backend("native", tier):
        y = x.exp()
        found = (y.flip(0) * 2.0).sin() + y
        found = found.numpy()
    expected = np.exp(x.numpy())
    np.testing.assert_allclose(found, np.sin(2 * expected[::-1]) + expected, rtol=1e-5)


@pytest.mark.parametrize("tier", [0, 1])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_operand_of_a_product_that_its_epilogue_reads(tier: int, side: str) -> None:
    x, w = rg.rand(8, 8), rg.rand(8, 8)
    with rg.use_backend("native", tier):
        y = x.exp()
        product = y @ w if side == "left" else w @ y
        found = (y.sin() + product).numpy()
    expected = np.exp(x.numpy())
    product_of = expected @ w.numpy() if side == "left" else w.numpy() @ expected
    np.testing.assert_allclose(found, np.sin(expected) + product_of, rtol=1e-5)


@pytest.mark.parametrize("tier", [0, 1])
def test_a_sum_whose_rows_are_read_as_columns(tier: int) -> None:
    x = rg.rand(6, 6)
    with rg.use_backend("native", tier):
        y = x.exp()
        totals = y.sum(1)
        found = (y + totals.cos()).numpy()
    expected = np.exp(x.numpy())
    np.testing.assert_allclose(found, expected + np.cos(expected.sum(1)), rtol=1e-5)
