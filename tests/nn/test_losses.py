"""Losses against PyTorch, and the cases that PyTorch leaves to the user."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch

draw = np.random.default_rng(3)
X, T = draw.normal(size=(4, 5)), draw.normal(size=(4, 5))
PROBABILITIES = draw.dirichlet(np.ones(5), 4)
WEIGHT = draw.uniform(0.5, 2, 5)
REDUCTIONS = ("mean", "sum", "none")
POINTWISE: tuple[tuple[str, Any, Any, dict[str, Any]], ...] = (
    ("mse_loss", X, T, {}),
    ("l1_loss", X, T, {}),
    ("smooth_l1_loss", X, T, {"beta": 0.5}),
    ("smooth_l1_loss", X, T, {"beta": 0.0}),
    ("huber_loss", X, T, {"delta": 0.5}),
    ("binary_cross_entropy", PROBABILITIES, 1 - PROBABILITIES, {}),
    ("binary_cross_entropy_with_logits", 300 * X, PROBABILITIES, {}),
    ("kl_div", X, PROBABILITIES, {}),
    ("kl_div", X, T, {"log_target": True}),
)


@needs_torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "x", "t", "options"), POINTWISE, ids=lambda v: v if isinstance(v, str) else "")
def test_pointwise_losses_equal_pytorch(name: str, x: Any, t: Any, options: dict[str, Any], reduction: str) -> None:
    options = {**options, "reduction": reduction}
    ours, theirs = getattr(rg.nn.functional, name), getattr(torch.nn.functional, name)
    assert_same(lambda a, b: ours(a, b, **options), lambda a, b: theirs(a, b, **options), [x, t])


@needs_torch
def test_weights_of_binary_cross_entropy_equal_pytorch() -> None:
    for name, x in (("BCELoss", PROBABILITIES), ("BCEWithLogitsLoss", X)):
        theirs = getattr(torch.nn, name)(weight=torch.tensor(WEIGHT))
        ours = getattr(rg.nn, name)(weight=rg.tensor(WEIGHT))
        assert_same(ours, theirs, [x, 1 - PROBABILITIES])
    ours = rg.nn.BCEWithLogitsLoss(pos_weight=rg.tensor(WEIGHT))
    assert_same(ours, torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHT)), [X, PROBABILITIES])
    assert list(ours.state_dict()) == ["pos_weight"]


def test_binary_cross_entropy_at_its_ends() -> None:
    x = rg.tensor([0.0, 1.0, 0.0, 1.0], dtype=rg.float64, requires_grad=True)
    loss = rg.nn.BCELoss(reduction="none")(x, rg.tensor([0.0, 1.0, 1.0, 0.0], dtype=rg.float64))
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    loss.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


OUTSIDE = (([-0.1, 0.5], [0.0, 1.0]), ([0.5, 1.1], [0.0, 1.0]), ([0.5, float("nan")], [0.0, 1.0]), ([0.5], [1.5]))


@needs_torch
@pytest.mark.parametrize(("x", "target"), OUTSIDE)
def test_binary_cross_entropy_refuses_what_is_no_probability(x: list[float], target: list[float]) -> None:
    raised = []
    for library in (torch, rg):
        with pytest.raises(RuntimeError, match="should be between 0 and 1") as caught:
            library.nn.functional.binary_cross_entropy(library.tensor(x), library.tensor(target))
        raised.append(str(caught.value))
    assert raised[0] in raised[1]


def test_binary_cross_entropy_of_pending_values_outside_is_nan() -> None:
    for number in (-0.5, 1.5):
        w = rg.full((2,), number, requires_grad=True)
        loss = rg.nn.BCELoss(reduction="none")(w * 1.0, rg.tensor([0.0, 1.0]))
        loss.sum().backward()
        assert loss.isnan().all() and w.grad.isnan().all()
        for watching in (rg.autograd.detect_anomaly(), rg.eager()):
            with watching, pytest.raises(OptionError, match=f"all elements of input .*{number}.*with_logits"):
                rg.nn.BCELoss()(w * 1.0, rg.tensor([0.0, 1.0]))


def test_a_batch_of_known_targets_is_not_computed_to_be_looked_at() -> None:
    targets = rg.tensor([0.0, 1.0, 3.0])
    rg.nn.BCELoss()(rg.full((2,), 0.5), targets[:2])
    assert rg.nn.BCELoss(reduction="none")(rg.full((1,), 0.5), targets[2:]).isfinite().all()


CLASS_CASES: tuple[tuple[Any, Any], ...] = (
    (X, np.array([0, 4, 2, 2])),
    (X, np.array([0, -100, 2, -100])),
    (X[0], np.array(3)),
    (draw.normal(size=(3, 5, 2)), np.array([[0, 1], [4, 2], [2, 2]])),
    (draw.normal(size=(2, 5, 2, 3)), draw.integers(0, 5, (2, 2, 3))),
)


@needs_torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("case", range(len(CLASS_CASES)))
def test_cross_entropy_equals_pytorch(case: int, ignore: int, weighted: bool, smoothing: float, reduction: str) -> None:
    x, t = CLASS_CASES[case]
    if ignore == 2 and (t < 0).any():
        t = np.abs(t) % 5
    options = {"ignore_index": ignore, "reduction": reduction, "label_smoothing": smoothing}
    ours = rg.nn.CrossEntropyLoss(rg.tensor(WEIGHT) if weighted else None, **options)
    theirs = torch.nn.CrossEntropyLoss(torch.tensor(WEIGHT) if weighted else None, **options)
    assert_same(ours, theirs, [x, t])
    if smoothing == 0:
        del options["label_smoothing"]
        ours = rg.nn.NLLLoss(rg.tensor(WEIGHT) if weighted else None, **options)
        theirs = torch.nn.NLLLoss(torch.tensor(WEIGHT) if weighted else None, **options)
        assert_same(ours, theirs, [x, t])


@needs_torch
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_probabilities_equals_pytorch(weighted: bool, smoothing: float, reduction: str) -> None:
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    for x, t in ((X, PROBABILITIES), (X[0], PROBABILITIES[0]), (draw.normal(size=(3, 5, 2)), draw.random((3, 5, 2)))):
        ours = rg.nn.CrossEntropyLoss(rg.tensor(WEIGHT) if weighted else None, **options)
        theirs = torch.nn.CrossEntropyLoss(torch.tensor(WEIGHT) if weighted else None, **options)
        assert_same(ours, theirs, [x, t])


def _operation(loss: Any) -> str:
    return str(loss._read().signature.operation.name)


def test_the_plain_case_keeps_its_fast_form() -> None:
    criterion, x, t = rg.nn.CrossEntropyLoss(), rg.tensor(X), rg.tensor([0, 4, 2, 2])
    assert _operation(criterion(x, t)) == "cross_entropy"
    assert _operation(criterion(x[:2], t[:2])) == "cross_entropy"
    assert _operation(criterion(x[:2], t[rg.tensor([1, 0])])) == "cross_entropy"
    # Whether such targets hold the number to ignore cannot be known without computing them.
    assert _operation(criterion(x, t.masked_fill(t == 2, -100))) == "cross_entropy.classes"


def test_pending_targets_that_are_ignored_do_not_count() -> None:
    x, t = rg.tensor(X), rg.tensor([0, 4, 2, 2])
    found = rg.nn.CrossEntropyLoss()(x, t.masked_fill(t == 2, -100)).item()
    assert math.isclose(found, rg.nn.CrossEntropyLoss()(x[:2], t[:2]).item(), rel_tol=1e-14)


def test_hard_coded_values() -> None:
    x = rg.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], dtype=rg.float64)
    t = rg.tensor([2, 0])
    weight = rg.tensor([1.0, 1.0, 3.0], dtype=rg.float64)
    first, second = math.log(1 + math.exp(-1) + math.exp(-2)), math.log(3)
    cases = (
        (rg.nn.CrossEntropyLoss(), (first + second) / 2),
        (rg.nn.CrossEntropyLoss(weight), (3 * first + second) / 4),
        (rg.nn.CrossEntropyLoss(ignore_index=0), first),
        (rg.nn.CrossEntropyLoss(label_smoothing=0.3), (0.7 * first + 0.3 * (first + 1) + second) / 2),
    )
    for criterion, expected in cases:
        assert math.isclose(criterion(x, t).item(), expected, rel_tol=1e-14)


def test_wrong_uses_say_what_to_do() -> None:
    f = rg.nn.functional
    for name in ("l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "kl_div"):
        with pytest.raises(ShapeError, match=r"write target\.reshape\(\(404, 1\)\)"):
            getattr(f, name)(rg.rand(404, 1), rg.rand(404))
    with pytest.raises(IndexRangeError, match=r"target 5 is not a class: the input has 5 classes"):
        f.cross_entropy(rg.tensor(X), rg.tensor([0, 1, 2, 5]))
    with pytest.raises(IndexRangeError, match=r"target -1 is not a class"):
        f.nll_loss(rg.tensor(X), rg.tensor([0, 1, 2, -1]))
    with pytest.raises(ShapeError, match="do not fit"):
        f.cross_entropy(rg.tensor(X), rg.tensor([[0], [1], [2], [3]]))
    with pytest.raises(DTypeError, match=r"use \.long\(\)"):
        f.cross_entropy(rg.tensor(X), rg.rand(4))
    with pytest.raises(OptionError, match=r"lie in \[0, 1\]"):
        f.cross_entropy(rg.tensor(X), rg.tensor([0, 1, 2, 3]), label_smoothing=2.0)
    with pytest.raises(OptionError, match="choose one of mean, sum, none"):
        rg.nn.L1Loss(reduction="average")
    with pytest.raises(OptionError, match="must be above 0"):
        f.huber_loss(rg.rand(2), rg.rand(2), delta=0)
