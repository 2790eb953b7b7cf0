"""Modules: what they find, what they save and load, and what they refuse."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd import nn
from retrograd.core.errors import OptionError, RetrogradError, ShapeError
from retrograd.nn.module import StateDictError
from tests.support.parity import needs_torch, torch


class Net(nn.Module):
    """A network with everything that a module may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False))
        self.scale = nn.Parameter(rg.ones(1))
        self.register_buffer("seen", rg.zeros(1))
        self.register_buffer("scratch", rg.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.head(self.fc(x)) * self.scale


KEYS = ["scale", "seen", "fc.weight", "fc.bias", "head.1.weight"]


def test_parameters_buffers_and_modules_are_found_in_order() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["scale", "fc.weight", "fc.bias", "head.1.weight"]
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "fc", "head", "head.0", "head.1"]
    assert list(net.state_dict()) == KEYS


def test_a_shared_parameter_is_found_once() -> None:
    net = Net()
    net.tied = net.head[1]
    net.also = net.scale
    assert len(list(net.parameters())) == 4
    assert len(list(net.modules())) == 5


def test_parameters_are_those_of_named_parameters() -> None:
    """They are found without names, by a walk of their own."""
    net = Net()
    net.tied = net.head
    net.fc.inner = nn.Sequential(nn.Linear(2, 2), net.head[1])
    for recurse in (True, False):
        named = [id(parameter) for _, parameter in net.named_parameters(recurse=recurse)]
        assert [id(parameter) for parameter in net.parameters(recurse)] == named

    class Chosen(Net):
        def named_parameters(self, *args: Any, **kwargs: Any) -> Any:
            return (pair for pair in super().named_parameters(*args, **kwargs) if pair[0] != "scale")

    assert len(list(Chosen().parameters())) == len(list(Net().parameters())) - 1


def test_a_parameter_that_is_replaced_or_deleted_is_forgotten() -> None:
    net = Net()
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    del net.fc
    assert [name for name, _ in net.named_parameters()] == ["head.1.weight"]
    net.head = None
    assert list(net.parameters()) == []
    del net.head
    net.head = rg.ones(1)
    assert list(net.children()) == []


def test_a_buffer_that_is_set_stays_a_buffer() -> None:
    net = Net()
    net.seen = rg.ones(1)
    assert net.state_dict()["seen"].tolist() == [1]


def test_super_init_must_come_first() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(1, 1)

    with pytest.raises(RetrogradError, match="super"):
        Wrong()


def test_a_state_dict_shares_memory_and_loading_copies() -> None:
    net, other = Net(), Net()
    state = net.state_dict()
    state["scale"].fill_(7.0)
    assert net.scale.tolist() == [7]
    assert not state["scale"].requires_grad
    result = other.load_state_dict(state)
    assert result == ([], [])
    net.scale.data.zero_()
    assert other.scale.tolist() == [7]
    assert other.scale.requires_grad and other.scale.is_leaf


def test_keys_that_do_not_fit_are_named_and_nothing_is_changed() -> None:
    net = Net()
    before = net.scale.tolist()
    state = {**Net().state_dict(), "extra": rg.ones(1), "scale": rg.full((1,), 5.0)}
    del state["fc.bias"]
    with pytest.raises(StateDictError, match=r"missing keys: fc\.bias; unexpected keys: extra"):
        net.load_state_dict(state)
    assert net.scale.tolist() == before
    assert net.load_state_dict(state, strict=False) == (["fc.bias"], ["extra"])
    assert net.scale.tolist() == [5]


@pytest.mark.parametrize("strict", [True, False])
def test_a_shape_that_does_not_fit_is_refused_always(strict: bool) -> None:
    state = {**Net().state_dict(), "fc.weight": rg.ones(2, 2)}
    with pytest.raises(StateDictError, match=r"fc\.weight: the file has shape \(2, 2\), the module \(3, 2\)"):
        Net().load_state_dict(state, strict=strict)


def test_train_eval_and_freezing_reach_every_module() -> None:
    net = Net().eval()
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())
    net.requires_grad_(False)
    assert not net(rg.ones(1, 2)).requires_grad
    net.requires_grad_()
    net(rg.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    with pytest.raises(OptionError, match="True or False"):
        net.train("yes")  # type: ignore[arg-type]


def test_a_module_in_double_trains_in_double() -> None:
    net = Net().double()
    assert {p.dtype for p in net.parameters()} == {rg.float64}
    assert net.seen.dtype is rg.float64
    optimizer = rg.optim.SGD(net.parameters(), lr=0.1)
    before = net.scale.item()
    net(rg.ones(4, 2, dtype=rg.float64)).sum().backward()
    optimizer.step()
    assert net.scale.item() != before
    with pytest.raises(OptionError, match="'cuda' is not there"):
        net.to("cuda")


def test_forward_hooks_may_replace() -> None:
    layer = nn.Identity()
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1.0,))
    handle = layer.register_forward_hook(lambda module, args, result: result * 2.0)
    assert layer(rg.ones(1)).item() == 4
    handle.remove()
    assert layer(rg.ones(1)).item() == 2


def test_apply_goes_children_first() -> None:
    seen: list[str] = []
    Net().apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Module does not define forward"):
        nn.Module()(1)


# -- containers -------------------------------------------------------------------------------------------------------


def test_sequential_runs_in_order_and_is_a_list() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = rg.ones(4, 2)
    assert net(x).tolist() == net[2](net[1](net[0](x))).tolist()
    assert len(net) == 3
    assert net[-1] is list(net)[2]
    assert net[1:](net[0](x)).tolist() == net(x).tolist()
    net.append(nn.Sigmoid())
    assert repr(net[3]) == "Sigmoid()"


def test_sequential_takes_names() -> None:
    net = nn.Sequential(OrderedDict(fc=nn.Linear(2, 1), act=nn.Tanh()))
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]


def test_module_list_finds_parameters() -> None:
    assert len(list(nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)]).parameters())) == 4


@needs_torch
def test_repr_is_pytorchs() -> None:
    texts = [
        repr(lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.ReLU(), lib.nn.Sequential(lib.nn.Softmax(dim=1))))
        for lib in (rg, torch)
    ]
    assert texts[0] == texts[1]


# -- layers and losses ------------------------------------------------------------------------------------------------


@needs_torch
def test_linear_draws_pytorchs_weights() -> None:
    rg.manual_seed(3)
    torch.manual_seed(3)
    ours, theirs = nn.Linear(5, 4), torch.nn.Linear(5, 4)
    assert ours.weight.tolist() == theirs.weight.tolist()
    assert ours.bias.tolist() == theirs.bias.tolist()


def test_linear_names_the_extent_that_is_wrong() -> None:
    with pytest.raises(ShapeError, match=r"\(4, 5\).*must have extent 3"):
        nn.Linear(3, 2)(rg.ones(4, 5))
    with pytest.raises(OptionError, match="negative"):
        nn.Linear(-1, 2)


@needs_torch
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_equal_pytorchs(reduction: str) -> None:
    logits = [[0.5, -1.0, 2.0], [3.0, 0.0, -2.0]]
    for name, target in (("CrossEntropyLoss", [2, 1]), ("MSELoss", [[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]])):
        ours, theirs = (
            getattr(lib.nn, name)(reduction=reduction)(lib.tensor(logits), lib.tensor(target)) for lib in (rg, torch)
        )
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_mse_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(ShapeError, match=r"\(404, 1\).*\(404,\).*target\.reshape\(\(404, 1\)\)"):
        nn.MSELoss()(rg.ones(404, 1), rg.ones(404))


def test_cross_entropy_refuses_what_is_no_class() -> None:
    with pytest.raises(IndexError, match=r"target 3 is not a class.*0\.\.2"):
        nn.CrossEntropyLoss()(rg.ones(2, 3), rg.tensor([0, 3]))
    with pytest.raises(ShapeError, match="do not fit"):
        nn.CrossEntropyLoss()(rg.ones(2, 3), rg.tensor([0, 1, 2]))
    with pytest.raises(TypeError, match=r"int64.*long"):
        nn.CrossEntropyLoss()(rg.ones(2, 3), rg.ones(2))
    with pytest.raises(OptionError, match="mean, sum, none"):
        nn.CrossEntropyLoss(reduction="avg")
