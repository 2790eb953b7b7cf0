"""What distributions refuse, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import needs_torch, torch

REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a negative scale": (lambda m: m.distributions.Normal(0.0, -1.0), r"scale must satisfy GreaterThan\(lower_bound=0"),
    "NaN": (lambda m: m.distributions.Normal(float("nan"), 1.0), r"loc must satisfy Real\(\)"),
    "ends out of order": (lambda m: m.distributions.Uniform(1.0, 0.0), "low must be below high"),
    "a probability of 2": (lambda m: m.distributions.Bernoulli(2.0), "must satisfy Interval"),
    "certain failure": (lambda m: m.distributions.Geometric(0.0), "must satisfy GreaterThan"),
    "negative weights": (lambda m: m.distributions.Categorical(m.tensor([0.5, -0.5, 1.0])), "parameter probs"),
    "no matrix": (lambda m: m.distributions.MultivariateNormal(m.zeros(2)), "give one of"),
    "a matrix of no covariances": (
        lambda m: m.distributions.MultivariateNormal(m.zeros(2), m.tensor([[1.0, 2.0], [2.0, 1.0]])),
        r"PositiveDefinite\(\)",
    ),
    "both forms": (lambda m: m.distributions.Bernoulli(m.tensor(0.5), m.tensor(0.0)), "either probs or logits"),
    "a value of no support": (lambda m: m.distributions.Exponential(1.0).log_prob(m.tensor(-1.0)), "the value must"),
    "half a success": (lambda m: m.distributions.Bernoulli(0.5).log_prob(m.tensor(0.5)), r"Boolean\(\)"),
    "a category that is not there": (
        lambda m: m.distributions.Categorical(m.ones(3)).log_prob(m.tensor(3)), "IntegerInterval",
    ),
    "a value of another shape": (
        lambda m: m.distributions.Normal(m.zeros(3), 1.0).log_prob(m.zeros(2)), "do not broadcast",
    ),
    "a vector of another length": (
        lambda m: m.distributions.MultivariateNormal(m.zeros(2), m.eye(2)).log_prob(m.zeros(3)), "do not broadcast",
    ),
    "more axes than there are": (
        lambda m: m.distributions.Independent(m.distributions.Normal(m.zeros(2), 1.0), 2), "2 axes are asked for",
    ),
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, message = REFUSED[name]
    # PyTorch's compiler, once a test has had to do with it, switches validation off.
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)
    with pytest.raises((ValueError, RuntimeError)):
        make(torch)
    with pytest.raises((OptionError, ShapeError), match=message):
        make(rg)


def test_a_number_is_no_value() -> None:
    with pytest.raises(TypeError, match="expected a tensor of values"):
        rg.distributions.Normal(0.0, 1.0).log_prob(0.0)


def test_what_is_pending_is_not_computed_for_it() -> None:
    scale = rg.ones(3) * -1.0
    made = rg.distributions.Normal(rg.zeros(3), scale)
    assert scale._storage.node.buffer is None
    made.log_prob(rg.zeros(3) * 1.0)
    assert scale._storage.node.buffer is None
    with pytest.raises(OptionError, match="scale must satisfy"):
        rg.distributions.Normal(rg.zeros(3), rg.ones(3) * -1.0, validate_args=True)


def test_it_can_be_switched_off() -> None:
    assert rg.distributions.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    rg.distributions.Distribution.set_default_validate_args(False)
    try:
        rg.distributions.Exponential(1.0).log_prob(rg.tensor(-1.0))
    finally:
        rg.distributions.Distribution.set_default_validate_args(True)
