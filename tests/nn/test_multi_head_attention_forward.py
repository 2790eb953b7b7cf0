"""Attention by several heads as a function, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

_Q, _K, _V = numbers((3, 2, 4), 1), numbers((5, 2, 4), 2), numbers((5, 2, 4), 3)
_IN, _IN_BIAS, _OUT = numbers((12, 4), 4), numbers((12,), 5), numbers((4, 4), 6)
_PADDING = np.array([[False, False, True, False, True], [False, True, False, False, False]])
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "without weights": {"need_weights": False},
    "of each head": {"average_attn_weights": False},
    "padding": {"key_padding_mask": _PADDING},
    "a mask": {"attn_mask": numbers((3, 5), 7), "need_weights": False},
    "a mask for each head": {"attn_mask": numbers((4, 3, 5), 7)},
    "static rows": {"static_k": numbers((4, 6, 2), 8), "static_v": numbers((4, 6, 2), 9)},
}


def _call(lib: Any, name: str, *given: Any) -> Any:
    q, k, v, weight, bias, out = given
    options = {key: lib.tensor(value) if isinstance(value, np.ndarray) else value for key, value in CASES[name].items()}
    y, weights = lib.nn.functional.multi_head_attention_forward(
        q, k, v, 4, 2, weight, bias, None, None, False, 0.0, out, None, **options
    )
    return y.sum() * 0.1 + y if weights is None else lib.cat([y.flatten(), weights.flatten()])


@needs_torch
@pytest.mark.parametrize("name", CASES)
def test_against_pytorch(name: str) -> None:
    arrays = [_Q, _K, _V, _IN, _IN_BIAS, _OUT]
    assert_same(lambda *x: _call(rg, name, *x), lambda *x: _call(torch, name, *x), arrays, rtol=1e-9)


@needs_torch
def test_separate_weights_extra_rows_and_no_batch() -> None:
    def call(lib: Any, q: Any, k: Any, weight: Any, row: Any, out: Any) -> Any:
        y, weights = lib.nn.functional.multi_head_attention_forward(
            q, k, k, 4, 2, None, None, row, 2 * row, True, 0.5, out, None,
            training=False, use_separate_proj_weight=True, q_proj_weight=weight, k_proj_weight=weight * 2,
            v_proj_weight=weight * 3, key_padding_mask=lib.tensor(_PADDING[0]),
        )  # fmt: skip
        return lib.cat([y.flatten(), weights.flatten()])

    arrays = [_Q[:, 0], _K[:, 0], numbers((4, 4), 7), numbers((1, 1, 4), 8), _OUT]
    assert_same(lambda *x: call(rg, *x), lambda *x: call(torch, *x), arrays, rtol=1e-9)


def test_refusals() -> None:
    forward = rg.nn.functional.multi_head_attention_forward
    x, w = rg.zeros(3, 2, 4), rg.zeros(4, 4)
    rest = (rg.zeros(12, 4), None, None, None, False, 0.0, w, None)
    with pytest.raises(ShapeError, match="the query is 4 wide"):
        forward(x, x, x, 8, 2, *rest)
    with pytest.raises(OptionError, match="must divide the width 4"):
        forward(x, x, x, 4, 3, *rest)
    with pytest.raises(OptionError, match="q_, k_ and v_proj_weight"):
        forward(x, x, x, 4, 2, *rest, use_separate_proj_weight=True)
    with pytest.raises(ShapeError, match="must all have 3 axes"):
        forward(x, x, x[0], 4, 2, *rest)


@needs_torch
@pytest.mark.parametrize("shape", [(0, 5, 4), (2, 0, 4), (0, 0, 4)])
@pytest.mark.parametrize("need_weights", [True, False])
def test_no_batch_elements_and_no_rows(shape: tuple[int, ...], need_weights: bool) -> None:
    def call(lib: Any, x: Any, weight: Any, bias: Any, out: Any) -> Any:
        y, _ = lib.nn.functional.multi_head_attention_forward(
            x, x, x, 4, 2, weight, bias, None, None, False, 0.0, out, None, need_weights=need_weights
        )
        return y

    arrays = [np.zeros(shape), _IN, _IN_BIAS, _OUT]
    assert_same(lambda *x: call(rg, *x), lambda *x: call(torch, *x), arrays, rtol=1e-9)


def test_static_rows_of_no_batch_elements() -> None:
    y, _ = rg.nn.functional.multi_head_attention_forward(
        rg.zeros(3, 0, 4), rg.zeros(5, 0, 4), rg.zeros(5, 0, 4), 4, 2, rg.zeros(12, 4), None, None, None, False, 0.0,
        rg.zeros(4, 4), None, static_k=rg.zeros(0, 6, 2), static_v=rg.zeros(0, 6, 2),
    )  # fmt: skip
    assert y.shape == (3, 0, 4)


@needs_torch
def test_rows_without_keys_find_zeros() -> None:
    arrays = [numbers((1, 2, 5, 4), 1), numbers((1, 2, 0, 4), 2), numbers((1, 2, 0, 3), 3)]
    assert_same(
        rg.nn.functional.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention, arrays, rtol=0
    )
