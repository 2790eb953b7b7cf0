"""Memory that is shared, pinned, overwritten, given back. The rules are listed in test_lazy_rules.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.tensor.retained import retained
from tests.support.lazy import data, model, train


def test_exported_memory_keeps_its_address() -> None:
    w = rg.ones(3, requires_grad=True)
    array = w.detach().numpy()
    address = array.__array_interface__["data"][0]
    optimizer = rg.optim.SGD([w], lr=0.5)
    for expected in (0.0, 0.0):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        assert array.tolist() == [expected] * 3
    with rg.no_grad():
        w[1] = 4.0
        w.add_(1.0)
    assert array.tolist() == [1, 5, 1]
    assert w.detach().numpy().__array_interface__["data"][0] == w.data_ptr() == address


def test_what_was_read_before_an_export_does_not_see_later_writes() -> None:
    x = rg.ones(3)
    y = x * 2.0
    array = x.numpy()
    array[:] = 7.0
    assert y.tolist() == [2, 2, 2]
    assert (x * 2.0).tolist() == [14, 14, 14]
    del array
    assert (x * 2.0).tolist() == [14, 14, 14]


@pytest.mark.parametrize("part", [lambda x: x[0:1], lambda x: x[0], lambda x: x.t()[:, :1], lambda x: x * 0.5])
def test_foreign_memory_is_read_when_an_operation_is_recorded(part: Callable[[Any], Any]) -> None:
    batch = np.zeros((2, 3))
    x = rg.from_numpy(batch)
    sums = []
    for i in range(5):
        batch[...] = i
        sums.append(part(x).sum())
    assert [s.item() for s in sums] == [0, 3, 6, 9, 12]
    x.add_(1.0)
    assert batch.tolist() == [[5.0] * 3] * 2


def test_a_slice_of_foreign_memory_copies_only_itself() -> None:
    big = np.zeros((1000, 1000))
    x = rg.from_numpy(big)
    part = x[10:12]
    node = part._read()
    assert node.buffer.type.shape == (2, 1000)


@pytest.mark.parametrize("alias", [lambda x: x.detach(), lambda x: x.data, lambda x: x.detach()[:]])
def test_writes_through_an_alias_are_seen(alias: Callable[[Any], Any]) -> None:
    w = rg.ones(3, requires_grad=True)
    view = w[1:]
    loss = (w * w).sum()
    alias(w).mul_(3.0)
    assert w.tolist() == [3, 3, 3]
    assert view.tolist() == [3, 3]
    loss.backward()
    assert w.grad.tolist() == [2, 2, 2], "the backward pass reads the values of the forward pass"


def test_the_step_does_not_overwrite_what_a_backward_pass_will_read() -> None:
    w = rg.tensor([2.0, 3.0], requires_grad=True)
    kept = (w * w).sum()
    kept.item()
    optimizer = rg.optim.SGD([w], lr=1.0)
    w.sum().backward()
    optimizer.step()
    assert w.tolist() == [1, 2]
    optimizer.zero_grad()
    kept.backward()
    assert w.grad.tolist() == [4, 6]


def test_the_step_does_not_overwrite_what_pending_gradients_read() -> None:
    """A hook that steps as soon as one gradient is there, while others are still to be computed from old values."""
    a, b = rg.tensor([2.0], requires_grad=True), rg.tensor([3.0], requires_grad=True)
    for p in (a, b):
        p.register_post_accumulate_grad_hook(lambda p: rg.optim.SGD([p], lr=1.0).step())
    (a * b).sum().backward()
    assert (a.tolist(), b.tolist()) == ([-1.0], [1.0])


def test_a_step_reuses_the_memory_of_its_parameters() -> None:
    network = model()
    optimizer = rg.optim.Adam(network.parameters(), lr=0.01)
    train(network, optimizer, 2)
    addresses = [p.data_ptr() for p in network.parameters()]
    train(network, optimizer, 3)
    assert [p.data_ptr() for p in network.parameters()] == addresses


def test_inference_does_not_pile_up_what_is_retained() -> None:
    network, (x, _) = model(), data()
    retained.clean()
    before = len(retained.storages)
    for _ in range(2 * before + 500):
        network(x).sum().item()
    assert len(retained.storages) <= 2 * before + 100
