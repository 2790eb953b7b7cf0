"""Layers that end in a loss over classes: adaptive softmax, and a linear layer with cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd import nn
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from tests.support.parity import assert_same, assert_same_state, copy_state, needs_torch, torch
from tests.support.table import numbers

TARGETS = np.array([0, 3, 4, 9, 10, 19, 2, 11])


def _pair(**options: Any) -> tuple[Any, Any]:
    arguments = {"in_features": 6, "n_classes": 20, "cutoffs": [4, 10], "div_value": 2.0, **options}
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(**arguments).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(**arguments).double()
    copy_state(ours, theirs)
    return ours, theirs


@needs_torch
@pytest.mark.parametrize("targets", [TARGETS, TARGETS[:2], TARGETS[4:6]], ids=["all", "frequent", "rare"])
@pytest.mark.parametrize("bias", [False, True])
def test_adaptive_softmax(targets: np.ndarray, bias: bool) -> None:
    ours, theirs = _pair(head_bias=bias)
    x = numbers((len(targets), 6), 1)
    assert_same(
        lambda x: rg.cat([ours(x, rg.tensor(targets)).output, ours(x, rg.tensor(targets)).loss.reshape(1)]),
        lambda x: torch.cat([theirs(x, torch.tensor(targets)).output, theirs(x, torch.tensor(targets)).loss[None]]),
        [x],
    )
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if q.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)
    assert_same(ours.log_prob, theirs.log_prob, [x])
    assert ours.predict(rg.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()


@needs_torch
def test_adaptive_softmax_of_one_row_and_its_weights() -> None:
    ours, theirs = _pair()
    x = numbers((6,), 1)
    output, loss = ours(rg.tensor(x), rg.tensor(12))
    expected = theirs(torch.tensor(x), torch.tensor(12))
    assert (output.shape, loss.shape) == ((), ())
    np.testing.assert_allclose([output.item(), loss.item()], [expected.output.item(), expected.loss.item()], rtol=1e-12)
    for layer in (nn, torch.nn):
        (rg if layer is nn else torch).manual_seed(4)
        made = layer.AdaptiveLogSoftmaxWithLoss(6, 20, [4, 10], 2.0, True)
        if layer is nn:
            mine = made
    assert_same_state(mine, made, rtol=0)


def test_adaptive_softmax_refuses() -> None:
    for cutoffs in ([], [4, 4], [0, 4], [4, 20], [5, 3], [1.5]):
        with pytest.raises(OptionError, match="increasing, between 1 and n_classes - 1 = 19"):
            nn.AdaptiveLogSoftmaxWithLoss(6, 20, cutoffs)  # type: ignore[arg-type]
    layer = nn.AdaptiveLogSoftmaxWithLoss(32, 20, [4, 10])
    with pytest.raises(IndexRangeError, match="classes from 0 to 19"):
        layer(rg.ones(2, 32), rg.tensor([0, 20]))
    with pytest.raises(ShapeError, match=r"\(rows, 32\) and \(rows,\)"):
        layer(rg.ones(2, 32), rg.tensor([0, 1, 2]))


@needs_torch
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("places", [(), (2,), (2, 3)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_linear_cross_entropy(bias: bool, places: tuple[int, ...], reduction: str) -> None:
    weight = numbers((4,), 5, 0.2)
    options = {"out_features": places, "bias": bias, "reduction": reduction, "label_smoothing": 0.1}
    theirs = torch.nn.LinearCrossEntropyLoss(3, 4, weight=torch.tensor(weight), **options).double()
    ours = nn.LinearCrossEntropyLoss(3, 4, weight=rg.tensor(weight), **options).double()
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    copy_state(ours, theirs)
    classes = np.random.default_rng(1).integers(0, 4, (5, *places))
    share = np.abs(numbers((5, 4, *places), 2))
    for target in (classes, share):
        assert_same(
            lambda x, t=target: ours(x, rg.tensor(t)), lambda x, t=target: theirs(x, torch.tensor(t)),
            [numbers((5, 3), 3)],
        )  # fmt: skip
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_linear_cross_entropy_ignores_a_class() -> None:
    loss = nn.LinearCrossEntropyLoss(3, 4, ignore_index=1)
    x = rg.tensor(numbers((3, 3), 1)).float()
    found = loss(x, rg.tensor([0, 1, 2]))
    expected = nn.functional.cross_entropy(loss.linear(x[::2]), rg.tensor([0, 2]))
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_linear_cross_entropy_refuses() -> None:
    f = nn.functional.linear_cross_entropy
    with pytest.raises(OptionError, match="holds probabilities"):
        f(rg.ones(2, 3), rg.ones(4, 3), rg.ones(2, 4), ignore_index=0)
    with pytest.raises(ShapeError, match="the input has shape"):
        f(rg.ones(2, 3), rg.ones(4, 2), rg.tensor([0, 1]))
    with pytest.raises(ShapeError, match="the bias has shape"):
        f(rg.ones(2, 3), rg.ones(4, 3), rg.tensor([0, 1]), linear_bias=rg.ones(3))
    with pytest.raises(OptionError, match="options must be left out"):
        f(rg.ones(2, 3), rg.ones(4, 3), rg.tensor([0, 1]), options=1)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"must be \(4,\)"):
        nn.LinearCrossEntropyLoss(3, 4, weight=rg.ones(3))
    with pytest.raises(OptionError, match=r"in \[0, 1\]"):
        nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2.0)
