"""Learning rates, epoch by epoch, against PyTorch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from tests.support.parity import needs_torch, torch

Make = Callable[[Any, Any], Any]
CASES: tuple[tuple[str, Make], ...] = (
    ("StepLR", lambda s, o: s.StepLR(o, 3, 0.5)),
    ("MultiStepLR", lambda s, o: s.MultiStepLR(o, [2, 5, 5], 0.3)),
    ("ConstantLR", lambda s, o: s.ConstantLR(o, 0.5, 4)),
    ("LinearLR", lambda s, o: s.LinearLR(o, 0.2, 0.9, 6)),
    ("ExponentialLR", lambda s, o: s.ExponentialLR(o, 0.9)),
    ("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, 5, 0.01)),
    ("LambdaLR", lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch)),
    ("LambdaLR of two", lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: 2.0])),
)


def _optimizer(library: Any) -> Any:
    params = [library.ones(1, requires_grad=True) for _ in range(2)]
    return library.optim.SGD([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.7}], lr=0.3)


def _rates(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def _run(library: Any, make: Make, epochs: int = 23) -> list[list[float]]:
    optimizer = _optimizer(library)
    scheduler = make(library.optim.lr_scheduler, optimizer)
    rates = [_rates(optimizer)]
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == _rates(optimizer)
        rates.append(_rates(optimizer))
    return rates


@needs_torch
@pytest.mark.parametrize(("name", "make"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_rates_equal_pytorch(name: str, make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(_run(rg, make), _run(torch, make), rtol=1e-14, atol=1e-17)


@needs_torch
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_reduction_on_a_plateau_equals_pytorch(mode: str, threshold_mode: str) -> None:
    values = np.concatenate((np.linspace(1, 0.4, 5), np.full(12, 0.4), np.linspace(0.39, 0.6, 9), [np.nan] * 5))
    found = []
    for library in (rg, torch):
        optimizer = _optimizer(library)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, 0.5, 2, 0.01, threshold_mode, cooldown=1, min_lr=[0.05, 0.1]
        )
        rates = []
        for value in values:
            scheduler.step(library.tensor(value))
            rates.append((_rates(optimizer), scheduler.get_last_lr()))
        found.append(rates)
    assert found[0] == found[1]


def test_hard_coded_rates() -> None:
    def first(make: Make, epochs: int) -> list[float]:
        return [round(rates[0], 9) for rates in _run(rg, make, epochs)]

    assert first(lambda s, o: s.StepLR(o, 2, 0.1), 4) == [0.3, 0.3, 0.03, 0.03, 0.003]
    assert first(lambda s, o: s.CosineAnnealingLR(o, 2), 4) == [0.3, 0.15, 0.0, 0.15, 0.3]
    assert first(lambda s, o: s.LinearLR(o, 0.5, 1.0, 2), 3) == [0.15, 0.225, 0.3, 0.3]


def test_two_schedulers_multiply() -> None:
    optimizer = _optimizer(rg)
    both = (
        rg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        rg.optim.lr_scheduler.MultiStepLR(optimizer, [2], 0.1),
    )
    for _ in range(2):
        for scheduler in both:
            scheduler.step()
    assert np.isclose(_rates(optimizer)[0], 0.3 * 0.25 * 0.1)


def test_state_goes_on() -> None:
    optimizer = _optimizer(rg)
    scheduler = rg.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    for _ in range(2):
        scheduler.step()
    other = _optimizer(rg)
    copy = rg.optim.lr_scheduler.StepLR(other, 99)
    copy.load_state_dict(scheduler.state_dict())
    copy.step()
    assert copy.last_epoch == 3 and _rates(other) == [0.15, 0.35]


def test_wrong_options_say_what_to_do() -> None:
    schedulers, optimizer = rg.optim.lr_scheduler, _optimizer(rg)
    with pytest.raises(OptionError, match="needs 'initial_lr'"):
        schedulers.StepLR(optimizer, 3, last_epoch=4)
    with pytest.raises(OptionError, match="1 functions for 2 parameter groups"):
        schedulers.LambdaLR(optimizer, [lambda epoch: 1.0])
    with pytest.raises(OptionError, match="factor must be below 1"):
        schedulers.ReduceLROnPlateau(optimizer, factor=1.0)
    with pytest.raises(OptionError, match="above 0 and at most 1"):
        schedulers.LinearLR(optimizer, start_factor=0.0)
