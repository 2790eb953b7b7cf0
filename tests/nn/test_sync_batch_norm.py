"""Batch normalisation over processes, of which there is one."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd import nn
from retrograd.core.errors import OptionError, ShapeError
from tests.support.lazy import bits
from tests.support.parity import needs_torch, torch


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 4), (5, 3, 4, 2), (2, 3, 1, 2, 2, 2)])
def test_on_one_process_it_is_batch_normalisation(shape: tuple[int, ...]) -> None:
    x = rg.randn(shape)
    layer, plain = nn.SyncBatchNorm(3), nn.BatchNorm1d(3)
    for training in (True, False):
        layer.train(training)
        plain.train(training)
        flat = x.transpose(1, -1).reshape(-1, 3)
        expected = plain(flat).reshape(x.transpose(1, -1).shape).transpose(1, -1)
        assert rg.allclose(layer(x), expected, atol=1e-6)
    assert rg.allclose(layer.running_var, plain.running_var)


def test_conversion_shares_parameters_and_statistics() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, momentum=0.3), nn.Sequential(nn.BatchNorm1d(2)))
    net[2].eval()
    before = net[1]
    state = bits(net.state_dict().values())
    made = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert made is net
    assert [type(made[1]), type(made[2][0])] == [nn.SyncBatchNorm] * 2
    assert (made[1].weight is before.weight, made[1].running_mean is before.running_mean) == (True, True)
    assert (made[1].momentum, made[1].training, made[2][0].training) == (0.3, True, False)
    assert bits(made.state_dict().values()) == state
    assert isinstance(nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm3d(2)), nn.SyncBatchNorm)


@needs_torch
def test_it_looks_as_in_pytorch() -> None:
    assert repr(nn.SyncBatchNorm(3, affine=False)) == repr(torch.nn.SyncBatchNorm(3, affine=False))
    assert [*nn.SyncBatchNorm(3).state_dict()] == [*torch.nn.SyncBatchNorm(3).state_dict()]


def test_refusals() -> None:
    with pytest.raises(OptionError, match="there is one process"):
        nn.SyncBatchNorm(3, process_group=object())  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"\(rows, channels, ...\) with 3 channels"):
        nn.SyncBatchNorm(3)(rg.ones(3))
