"""Learning rates, epoch by epoch, against PyTorch's."""

from __future__ import annotations

import copy
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
    ("MultiplicativeLR", lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9 + 0.01 * epoch)),
    ("PolynomialLR", lambda s, o: s.PolynomialLR(o, 8, 2.0)),
    ("CosineAnnealingWarmRestarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01)),
    ("CyclicLR", lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], 4, 2)),
    ("CyclicLR, halved", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="triangular2", cycle_momentum=False)),
    ("CyclicLR, falling", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.95)),
    ("CyclicLR, scaled", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=lambda x: 1 / x)),
    ("OneCycleLR", lambda s, o: s.OneCycleLR(o, 0.5, 25)),
    (
        "OneCycleLR, linear",
        lambda s, o: s.OneCycleLR(
            o, [0.5, 0.7], epochs=5, steps_per_epoch=5, anneal_strategy="linear", three_phase=True, pct_start=0.4
        ),
    ),
    (
        "SequentialLR",
        lambda s, o: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, total_iters=4), s.StepLR(o, 2, 0.5), s.CosineAnnealingLR(o, 9)], [4, 9]
        ),
    ),
    ("ChainedScheduler", lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1), s.ExponentialLR(o, 0.9)])),
    ("LambdaLR of two", lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: 2.0])),
)


def _optimizer(library: Any) -> Any:
    params = [library.ones(1, requires_grad=True) for _ in range(2)]
    return library.optim.SGD([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.7}], lr=0.3, momentum=0.9)


def _rates(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def _run(library: Any, make: Make, epochs: int = 23) -> list[list[float]]:
    """Learning rates, and momenta behind them."""
    optimizer = _optimizer(library)
    scheduler = make(library.optim.lr_scheduler, optimizer)
    rates = [_rates(optimizer)]
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == _rates(optimizer)
        rates.append([*_rates(optimizer), *(group["momentum"] for group in optimizer.param_groups)])
    return rates[1:]


@needs_torch
@pytest.mark.parametrize(("name", "make"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_rates_equal_pytorch(name: str, make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(_run(rg, make), _run(torch, make), rtol=1e-13, atol=1e-15)


@needs_torch
@pytest.mark.parametrize(("name", "make"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_state_is_pytorchs_and_goes_on(name: str, make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = make(torch.optim.lr_scheduler, _optimizer(torch))
        first, second = (make(rg.optim.lr_scheduler, _optimizer(rg)) for _ in range(2))
        for scheduler in (theirs, first):
            for _ in range(6):
                scheduler.step()
        assert set(first.state_dict()) == set(theirs.state_dict())
        for group, other in zip(second.optimizer.param_groups, first.optimizer.param_groups, strict=True):
            group.update((key, value) for key, value in other.items() if key != "params")
        # What is saved stays as it was when training goes on.
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        for _ in range(8):
            for scheduler in (theirs, first, second):
                scheduler.step()
            assert second.get_last_lr() == first.get_last_lr()
        np.testing.assert_allclose(first.get_last_lr(), theirs.get_last_lr(), rtol=1e-13)


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
    def after(make: Make, epochs: int) -> list[float]:
        return [round(rates[0], 9) for rates in _run(rg, make, epochs)]

    assert after(lambda s, o: s.StepLR(o, 2, 0.1), 4) == [0.3, 0.03, 0.03, 0.003]
    assert after(lambda s, o: s.CosineAnnealingLR(o, 2), 4) == [0.15, 0.0, 0.15, 0.3]
    assert after(lambda s, o: s.LinearLR(o, 0.5, 1.0, 2), 3) == [0.225, 0.3, 0.3]


def test_two_schedulers_multiply() -> None:
    optimizer = _optimizer(rg)
    both = (
        rg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        rg.optim.lr_scheduler.MultiStepLR(optimizer, [2], 0.1),
    )
    for _ in range(2):
        optimizer.step()
        for scheduler in both:
            scheduler.step()
    assert np.isclose(_rates(optimizer)[0], 0.3 * 0.25 * 0.1)


def test_state_goes_on() -> None:
    optimizer = _optimizer(rg)
    scheduler = rg.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    other = _optimizer(rg)
    copied = rg.optim.lr_scheduler.StepLR(other, 99)
    copied.load_state_dict(scheduler.state_dict())
    copied.step()
    assert copied.last_epoch == 3 and _rates(other) == [0.15, 0.35]


@needs_torch
def test_fractions_of_epochs_equal_pytorch() -> None:
    found = []
    for library in (rg, torch):
        optimizer = _optimizer(library)
        scheduler = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 3, 0.01)
        rates = []
        for step in range(60):
            scheduler.step(step / 4)
            rates.append(_rates(optimizer))
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-13)


def test_a_step_before_the_optimizers_is_told() -> None:
    scheduler = rg.optim.lr_scheduler.StepLR(_optimizer(rg), 3)
    with pytest.warns(UserWarning, match="call optimizer.step\\(\\) first"):
        scheduler.step()
    scheduler = rg.optim.lr_scheduler.StepLR(_optimizer(rg), 3)
    scheduler.optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


class _Power:
    """A factor with state of its own."""

    def __init__(self, base: float) -> None:
        self.base = base

    def __call__(self, epoch: float) -> float:
        return float(self.base**epoch)


def test_functions_that_are_objects_are_saved() -> None:
    schedulers, first, second = rg.optim.lr_scheduler, _Power(0.5), _Power(0.9)
    saved = schedulers.LambdaLR(_optimizer(rg), first).state_dict()
    other = schedulers.LambdaLR(_optimizer(rg), second)
    other.load_state_dict(saved)
    assert second.base == 0.5
    saved = schedulers.CyclicLR(_optimizer(rg), 0.1, 0.2, scale_fn=_Power(0.7)).state_dict()
    third = _Power(0.9)
    schedulers.CyclicLR(_optimizer(rg), 0.1, 0.2, scale_fn=third).load_state_dict(saved)
    assert third.base == 0.7


OUT_OF_RANGE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("StepLR", {"step_size": 0}, "step_size must be above 0, and is 0"),
    ("StepLR", {"step_size": 3, "gamma": -1}, "gamma must not be negative, and is -1"),
    ("StepLR", {"step_size": "3"}, "step_size must be a number, and is '3'"),
    ("MultiStepLR", {"milestones": [1], "gamma": -1}, "gamma must not be negative"),
    ("ExponentialLR", {"gamma": -1}, "gamma must not be negative"),
    ("ConstantLR", {"total_iters": -1}, "total_iters must not be negative"),
    ("LinearLR", {"total_iters": -1}, "total_iters must not be negative"),
    ("PolynomialLR", {"total_iters": -1}, "total_iters must not be negative"),
    ("PolynomialLR", {"power": -1}, "power must not be negative"),
    ("CosineAnnealingLR", {"T_max": 0}, "T_max must be above 0"),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "step_size_up": 0}, "step_size_up must be above 0"),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "step_size_down": -1}, "step_size_down must not be negative"),
    ("ReduceLROnPlateau", {"patience": -1}, "patience must not be negative"),
    ("ReduceLROnPlateau", {"cooldown": -1}, "cooldown must not be negative"),
    ("ReduceLROnPlateau", {"factor": -1}, "factor must not be negative"),
    ("LambdaLR", {"lr_lambda": 3}, "lr_lambda is a function or a list of them, not 3"),
)


@pytest.mark.parametrize(("name", "options", "message"), OUT_OF_RANGE)
def test_numbers_out_of_range(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"{name}: {message}"):
        getattr(rg.optim.lr_scheduler, name)(_optimizer(rg), **options)


def test_a_rate_held_at_zero_comes_back() -> None:
    optimizer = _optimizer(rg)
    scheduler = rg.optim.lr_scheduler.ConstantLR(optimizer, factor=0, total_iters=2)
    found = []
    for _ in range(3):
        found.append(_rates(optimizer))
        optimizer.step()
        scheduler.step()
    assert found == [[0, 0], [0, 0], [0.3, 0.7]]


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
    with pytest.raises(OptionError, match="no momentum to cycle"):
        schedulers.OneCycleLR(rg.optim.Adagrad([rg.ones(1, requires_grad=True)]), 0.1, 10)
    with pytest.raises(OptionError, match="give total_steps"):
        schedulers.OneCycleLR(optimizer, 0.1, epochs=3)
    short = schedulers.OneCycleLR(optimizer, 0.1, 1)
    optimizer.step()
    with pytest.raises(OptionError, match="total_steps is 1"):
        [short.step() for _ in range(3)]
    with pytest.raises(OptionError, match="mode 'square' is not known"):
        schedulers.CyclicLR(optimizer, 0.1, 0.2, mode="square")
    with pytest.raises(OptionError, match="T_mult must be a positive integer"):
        schedulers.CosineAnnealingWarmRestarts(optimizer, 3, 0)
    with pytest.raises(OptionError, match="one less than schedulers"):
        schedulers.SequentialLR(optimizer, [schedulers.StepLR(optimizer, 1)], [3])
    with pytest.raises(OptionError, match="another optimizer"):
        schedulers.ChainedScheduler([schedulers.StepLR(optimizer, 1), schedulers.StepLR(_optimizer(rg), 1)])
    with pytest.raises(OptionError, match="takes a value; step it"):
        schedulers.ChainedScheduler([schedulers.ReduceLROnPlateau(optimizer)])
    with pytest.raises(TypeError, match="expected an optimizer"):
        schedulers.StepLR([0.1], 1)  # type: ignore[arg-type]
