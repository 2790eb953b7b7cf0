"""Texts of what is not in the golden files: loops, slices at places known at run time, whole programs in one kernel."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd.diagnostics.explain import Explanation
from tests.support.backends import needs_native

pytestmark = needs_native


def explained(y: rg.Tensor) -> Explanation:
    with rg.use_backend("native"):
        return rg.explain(y)


def test_loops_of_phases() -> None:
    layer = rg.nn.RNN(5, 40)
    explanation = explained(layer(rg.ones(7, 3, 5))[0] * 2)
    table = explanation.stage("table").splitlines()
    assert any(line.startswith("phase ") and line.endswith(", 7 times") for line in table)
    assert "body(" in explanation.stage("graph") and "tanh float32" in explanation.stage("ir")


def test_blocks_of_rows() -> None:
    layer = rg.nn.RNN(5, 40)
    table = explained(layer(rg.ones(7, 128, 5))[0] * 2).stage("table")
    assert "k" in table and "(driver run_block): " in table
    assert "of blocks of rows, 7 times" in table


@pytest.mark.parametrize("start", [1, 3])
def test_slices_say_where_they_begin(start: int) -> None:
    x = rg.arange(60.0).reshape(10, 6)
    text = explained(x[start : start + 4].exp()).stage("fused")
    assert "clamp(%" in text and ", 6)" in text, "of 10 rows, 4 begin at row 6 at the latest"


def test_a_program_in_one_kernel() -> None:
    x = rg.ones(2, 2, requires_grad=True)
    y = (x.tanh() @ x).sigmoid().sum()
    y.backward()
    assert x.grad is not None
    explanation = explained(x.grad)
    assert explanation.stage("fused") == "one kernel computes everything"
    assert explanation.stage("ir") == "k0 = tiny"
