"""Modules split over devices, of which there is one."""

from __future__ import annotations

import retrograd as rg
from retrograd import nn
from tests.support.parity import needs_torch, torch


def test_it_calls_the_module_with_everything() -> None:
    class Scaled(nn.Module):
        def forward(self, x: object, *, by: float = 1.0) -> object:
            return x * by  # type: ignore[operator]

    assert nn.DataParallel(Scaled(), device_ids=[0, 1])(rg.ones(2), by=3.0).tolist() == [3.0, 3.0]
    assert nn.parallel.data_parallel(Scaled(), rg.ones(2), module_kwargs={"by": 2.0}).tolist() == [2.0, 2.0]
    assert nn.parallel.data_parallel(Scaled(), (rg.ones(2),)).tolist() == [1.0, 1.0]


@needs_torch
def test_it_looks_as_in_pytorch() -> None:
    ours, theirs = (m.nn.DataParallel(m.nn.Linear(3, 2)) for m in (rg, torch))
    assert repr(ours) == repr(theirs)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
