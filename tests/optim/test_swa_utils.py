"""Averaged weights against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from tests.support.parity import needs_torch, torch

BATCHES = np.random.default_rng(0).normal(size=(5, 8, 3))


def _train(library: Any) -> tuple[list[Any], list[float]]:
    """States of averages of three kinds, and the learning rates, of a training with batch norm."""
    utils = library.optim.swa_utils
    library.manual_seed(0)
    layers = (library.nn.Linear(3, 4), library.nn.BatchNorm1d(4), library.nn.Linear(4, 1))
    model = library.nn.Sequential(*layers).double()
    averages = (
        utils.AveragedModel(model),
        utils.AveragedModel(model, multi_avg_fn=utils.get_ema_multi_avg_fn(0.9)),
        utils.AveragedModel(model, avg_fn=utils.get_ema_avg_fn(0.5), use_buffers=True),
    )
    optimizer = library.optim.SGD(model.parameters(), lr=0.1)
    scheduler = utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=3)
    batches, rates = [library.tensor(x) for x in BATCHES], []
    for x in batches:
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        for average in averages:
            average.update_parameters(model)
    utils.update_bn(([x] for x in batches), averages[0])
    return [average.state_dict() for average in averages], rates


@needs_torch
def test_averages_equal_pytorch() -> None:
    (ours, rates), (theirs, expected) = _train(rg), _train(torch)
    np.testing.assert_allclose(rates, expected, rtol=1e-13)
    for found, state in zip(ours, theirs, strict=True):
        assert list(found) == list(state)
        for key, value in state.items():
            np.testing.assert_allclose(found[key].numpy(), value.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


@needs_torch
@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_rates_equal_pytorch(strategy: str, epochs: int) -> None:
    found = []
    for library in (rg, torch):
        optimizer = library.optim.SGD([library.ones(1, requires_grad=True)], lr=0.3)
        scheduler = library.optim.swa_utils.SWALR(optimizer, 0.05, epochs, strategy)
        rates = []
        for _ in range(6):
            optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr()[0])
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-13)


def test_the_average_is_a_model_of_its_own() -> None:
    model = rg.nn.Linear(2, 1)
    average = rg.optim.swa_utils.AveragedModel(model)
    before = average(rg.ones(1, 2)).item()
    rg.nn.init.zeros_(model.weight)
    assert average(rg.ones(1, 2)).item() == before
    average.update_parameters(model)
    assert average.module.weight.tolist() == [[0.0, 0.0]]


def test_wrong_options_say_what_to_do() -> None:
    utils, optimizer = rg.optim.swa_utils, rg.optim.SGD([rg.ones(1, requires_grad=True)])
    with pytest.raises(OptionError, match="not both"):
        utils.AveragedModel(
            rg.nn.Linear(1, 1), avg_fn=utils.get_swa_avg_fn(), multi_avg_fn=utils.get_swa_multi_avg_fn()
        )
    with pytest.raises(OptionError, match=r"decay must lie in \[0, 1\]"):
        utils.get_ema_avg_fn(1.5)
    with pytest.raises(OptionError, match="'cos' or 'linear'"):
        utils.SWALR(optimizer, 0.1, anneal_strategy="step")
