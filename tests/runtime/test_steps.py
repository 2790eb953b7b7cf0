"""Steps of training: what they record, compute and keep. The rules are listed in test_lazy_rules.py."""

from __future__ import annotations

from typing import Any
from weakref import ref

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from retrograd.optim import closing as optimizers
from retrograd.runtime import evaluate as runtime
from tests.support.lazy import bits, data, model, primitives_run, recorded_since, train


def test_the_optimizer_closes_the_step_with_one_program() -> None:
    network, (x, y) = model(), data()
    optimizer = rg.optim.Adam(network.parameters(), lr=0.01)
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    also = x.sum()
    loss.backward()
    with runtime.observed() as seen:
        optimizer.step()
        assert len(seen) == 1
        loss.item()
        also.item()
        bits(network.parameters())
        bits(p.grad for p in network.parameters())
        assert len(seen) == 1


def test_reading_a_loss_first_does_not_run_the_forward_pass_twice() -> None:
    programs = []
    for look in (lambda loss: None, lambda loss: loss.item()):
        network = model()
        optimizer = rg.optim.SGD(network.parameters(), lr=0.1)
        with primitives_run() as counts:
            train(network, optimizer, 1, look)
        programs.append((counts["matmul"], counts["tanh"]))
    # Two products forward; backward one for each weight, and one for the hidden layer.
    assert programs == [(5, 1), (5, 1)]


def test_a_layer_the_backward_pass_and_the_optimizer_are_one_node_each(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (x, y) = model(), data()
    optimizer = rg.optim.Adam(network.parameters(), lr=0.01)
    closing = []
    close = optimizers.close_with

    def spy(waiting: Any, last: Any) -> None:
        closing.append((recorded_since(first, last.node), recorded_since(first, *(s.node for s in waiting))))
        close(waiting, last)

    monkeypatch.setattr(optimizers, "close_with", spy)
    for _ in range(2):
        first = rg.ones(1)._read().number
        optimizer.zero_grad()
        loss = rg.nn.CrossEntropyLoss()(network(x), y)
        loss.backward()
        optimizer.step()
    layers = ["linear", "tanh", "linear"]
    assert closing[1] == ([*layers, "backward", "adam"], [*layers, "cross_entropy", "backward"])


def test_what_is_kept_for_backward_goes_with_the_graph() -> None:
    network, (x, y) = model(), data()
    hidden = []
    network[1].register_forward_hook(lambda module, args, result: hidden.append(ref(result._read())))
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    loss.item()
    assert hidden[0]() is not None and hidden[0]().buffer is not None, "kept: the backward pass will read it"
    loss.backward()
    assert hidden[0]() is not None, "pending gradients still read it"
    bits(p.grad for p in network.parameters())
    assert hidden[0]() is None
    forgotten = rg.nn.CrossEntropyLoss()(network(x), y)
    forgotten.item()
    del forgotten
    assert hidden[1]() is None


def test_a_released_graph_is_an_error() -> None:
    w = rg.ones(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert w.grad.tolist() == [4, 4, 4]
    with pytest.raises(GraphError, match=r"released by an earlier backward pass.*retain_graph=True"):
        loss.backward()


# -- nothing freezes, state is found ----------------------------------------------------------------------------------


def test_a_model_may_change_its_mind_in_every_step() -> None:
    w = rg.ones(3, requires_grad=True)
    found = []
    for step in range(8):
        depth = step % 3
        y = w
        for _ in range(depth):
            y = y * 2.0
        if y.sum().item() > 6:
            y = y + 100.0
        w.grad = None
        y.sum().backward()
        found.append((y.sum().item(), w.grad.tolist()[0]))
    expected = [(3.0, 1.0), (6.0, 2.0), (312.0, 4.0)]
    assert found == [expected[step % 3] for step in range(8)]


def test_settings_are_looked_up_afresh() -> None:
    network = rg.nn.Sequential(rg.nn.Linear(3, 3), rg.nn.ReLU())
    x = rg.ones(2, 3)
    for _ in range(3):
        network(x).sum().item()
    with rg.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.fill_(-10.0)
    assert network(x).tolist() == [[0, 0, 0]] * 2
    network.add_module("1", rg.nn.LeakyReLU(0.5))
    assert network(x).tolist() == [[-3.5] * 3] * 2
    network[1].negative_slope = 0.1
    assert network(x).tolist() == [[pytest.approx(-0.7)] * 3] * 2


def test_state_of_every_kind_goes_in_and_out() -> None:
    """A parameter of the model, one that only the loss knows, running statistics, momenta, and the random generator."""
    rg.manual_seed(0)
    network = rg.nn.Sequential(rg.nn.Linear(4, 3), rg.nn.BatchNorm1d(3))
    temperature = rg.ones(1, requires_grad=True)
    seen = rg.zeros(())
    optimizer = rg.optim.SGD([*network.parameters(), temperature], lr=0.1, momentum=0.9)

    def state() -> list[Any]:
        return [*bits([*network.parameters(), *network.buffers(), temperature, seen]), rg.get_rng_state().tolist()]

    before = state()
    for _ in range(2):
        optimizer.zero_grad()
        loss = (network(rg.randn(6, 4)) * temperature - 1.0).square().mean()
        loss.backward()
        optimizer.step()
        seen += loss.detach()
    assert all(a != b for a, b in zip(state(), before, strict=True))
    assert all(
        optimizer.state[p]["momentum_buffer"].abs().sum().item() > 0 for p in [*network.parameters(), temperature]
    )


def test_random_numbers_are_drawn_when_they_are_recorded() -> None:
    rg.manual_seed(0)
    expected = [rg.rand(3).tolist(), rg.randn(3).tolist(), rg.randperm(5).tolist()]
    rg.manual_seed(0)
    a, b, c = rg.rand(3) * 1.0, rg.randn(3) * 1.0, rg.randperm(5) * 1
    assert [c.tolist(), b.tolist(), a.tolist()] == expected[::-1]
