"""Connectionist temporal classification against PyTorch, and against what it is by definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.evaluate import slopes
from tests.support.parity import assert_same, needs_torch, torch

draw = np.random.default_rng(5)
TIME, ROWS, CLASSES = 9, 4, 5
LOGITS = draw.normal(size=(TIME, ROWS, CLASSES))
TARGETS = np.array([[1, 2, 3], [1, 1, 4], [2, 0, 0], [3, 4, 0]])
INPUTS, LENGTHS = np.array([9, 7, 5, 2]), np.array([3, 3, 1, 2])


def _loss(lib: Any, x: Any, targets: Any, inputs: Any, lengths: Any, **options: Any) -> Any:
    given = [value if isinstance(value, (list, tuple)) else lib.tensor(value) for value in (targets, inputs, lengths)]
    return lib.nn.functional.ctc_loss(x, *given, **options)


@needs_torch
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_losses_and_gradients_equal_pytorch(reduction: str, zero_infinity: bool) -> None:
    options = {"reduction": reduction, "zero_infinity": zero_infinity}
    apart = np.concatenate([row[:n] for row, n in zip(TARGETS, LENGTHS, strict=True)])
    # Log-probabilities, and (since the gradient is PyTorch's own) anything else.
    for x in (LOGITS - np.log(np.exp(LOGITS).sum(2, keepdims=True)), LOGITS):
        for given in ((TARGETS, INPUTS, LENGTHS), (apart, tuple(INPUTS), tuple(LENGTHS))):
            assert_same(
                lambda v, g=given: _loss(rg, v, *g, **options),
                lambda v, g=given: _loss(torch, v, *g, **options),
                [x],
                rtol=1e-9,
            )


@needs_torch
def test_a_single_row_equals_pytorch() -> None:
    x = LOGITS[:, 0] - np.log(np.exp(LOGITS[:, 0]).sum(1, keepdims=True))
    for reduction in ("none", "mean"):
        assert_same(
            lambda v, r=reduction: _loss(rg, v, TARGETS[0], np.array(9), np.array(3), blank=4, reduction=r),
            lambda v, r=reduction: _loss(torch, v, TARGETS[0], np.array(9), np.array(3), blank=4, reduction=r),
            [x],
            rtol=1e-9,
        )


def test_the_gradient_through_a_softmax_is_that_of_finite_differences() -> None:
    def total(arrays: Any) -> float:
        return float(_of(rg.tensor(arrays[0])).item())

    def _of(x: Any) -> Any:
        return _loss(rg, x.log_softmax(2), TARGETS[:3], INPUTS[:3], LENGTHS[:3], reduction="mean")

    x = rg.tensor(LOGITS[:, :3], requires_grad=True)
    _of(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), slopes(total, [LOGITS[:, :3]], 0), rtol=1e-5, atol=1e-8)


def test_targets_that_do_not_fit_are_infinite_or_nothing() -> None:
    x = rg.tensor(LOGITS[:2], requires_grad=True)
    given = (TARGETS, np.array([2, 2, 2, 2]), LENGTHS)
    assert np.isinf(_loss(rg, x, *given, reduction="none").tolist()).tolist() == [True, True, False, False]
    loss = _loss(rg, x, *given, reduction="sum", zero_infinity=True)
    loss.backward()
    assert np.isfinite(loss.item())
    assert np.isfinite(x.grad.numpy()).all() and not x.grad.numpy()[:, :2].any()


def test_wrong_uses_say_what_to_do() -> None:
    x = rg.tensor(LOGITS)
    for arguments, options, error, message in (
        ((x[0, 0], TARGETS, INPUTS, LENGTHS), {}, ShapeError, r"\(time, classes\)"),
        ((x, TARGETS, INPUTS[:2], LENGTHS), {}, ShapeError, "2 input_lengths for a batch of 4"),
        ((x, TARGETS, INPUTS, LENGTHS + 1), {}, OptionError, r"target_lengths must lie in \[0, 3\]"),
        ((x, TARGETS, INPUTS + 1, LENGTHS), {}, OptionError, r"input_lengths must lie in \[0, 9\]"),
        ((x, TARGETS.ravel(), INPUTS, LENGTHS), {}, ShapeError, "add up to, 9"),
        ((x, TARGETS[None], INPUTS, LENGTHS), {}, ShapeError, "one axis or two"),
        ((x, TARGETS * 1.0, INPUTS, LENGTHS), {}, DTypeError, r"use \.long\(\)"),
        ((x, TARGETS, INPUTS, LENGTHS), {"blank": 5}, OptionError, "one of the 5 classes"),
        ((x, TARGETS, INPUTS, LENGTHS), {"reduction": "batchmean"}, OptionError, "mean, sum, none"),
    ):
        with pytest.raises(error, match=message):
            _loss(rg, *arguments, **options)
