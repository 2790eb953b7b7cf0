"""What modules save and load, against PyTorch, and what hooks see of it."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from retrograd.nn.module import Module, StateDictError
from retrograd.runtime.evaluate import observed
from tests.support.parity import needs_torch, torch


def _counting(lib: Any) -> Any:
    """A module with an extra state, a persistent buffer and one that is not saved."""

    class Counting(lib.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.fc = lib.nn.Linear(1, 1)
            self.kept = lib.nn.Buffer(lib.zeros(2))
            self.scratch = lib.nn.Buffer(lib.zeros(2), persistent=False)
            self.count = 3

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    return Counting()


@needs_torch
def test_keys_are_pytorchs() -> None:
    for options in ({}, {"prefix": "p."}, {"destination": OrderedDict(first=1)}):
        ours, theirs = (_counting(lib).state_dict(**copy.copy(options)) for lib in (rg, torch))
        assert list(ours) == list(theirs)
    ours, theirs = (_counting(lib).state_dict()._metadata for lib in (rg, torch))
    assert ours == theirs


def test_extra_state_is_loaded() -> None:
    first, second = _counting(rg), _counting(rg)
    first.count = 7
    assert str(second.load_state_dict(first.state_dict())) == "<All keys matched successfully>"
    assert second.count == 7
    state = first.state_dict()
    del state["_extra_state"]
    with pytest.raises(StateDictError, match="missing keys: _extra_state"):
        second.load_state_dict(state)


def test_keep_vars_gives_the_parameters_and_assign_takes_them() -> None:
    first, second = rg.nn.Linear(2, 1), rg.nn.Linear(2, 1)
    assert first.state_dict(keep_vars=True)["weight"] is first.weight
    given = {"weight": rg.ones(1, 2), "bias": rg.nn.Parameter(rg.zeros(1))}
    second.load_state_dict(given, assign=True)
    assert second.bias is given["bias"]
    given["weight"].fill_(5.0)
    assert second.weight.tolist() == [[5.0, 5.0]]
    assert second.weight.requires_grad
    assert dict(second.named_parameters())["weight"] is second.weight


def test_what_is_no_tensor_is_named() -> None:
    with pytest.raises(StateDictError, match="weight: there is a list, and a tensor is expected"):
        rg.nn.Linear(1, 1).load_state_dict({"weight": [[1.0]], "bias": rg.ones(1)})


def _hooked(lib: Any) -> list[Any]:
    """What hooks around saving and loading see, in their order."""
    net, seen = lib.nn.Sequential(lib.nn.Linear(1, 1)), []
    net.register_state_dict_pre_hook(lambda module, prefix, keep: seen.append(("save", prefix, keep)))
    net[0].register_state_dict_post_hook(lambda module, state, prefix, meta: seen.append((list(state), prefix)))

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        seen.append(("load", prefix, sorted(state), module is net[0]))
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    handle = net[0].register_load_state_dict_pre_hook(rename)

    def forgive(module: Any, keys: Any) -> None:
        seen.append(("after", list(keys.missing_keys), list(keys.unexpected_keys)))
        keys.missing_keys.clear()

    net.register_load_state_dict_post_hook(forgive)
    state = net.state_dict()
    changed = OrderedDict({"0.kernel": state["0.weight"] + 1})
    net.load_state_dict(changed)
    handle.remove()
    seen.append(float((net[0].weight - changed["0.kernel"]).abs().max()))
    return seen


@needs_torch
def test_hooks_see_what_pytorchs_see() -> None:
    assert _hooked(rg) == _hooked(torch)


def test_an_older_module_may_load_by_itself() -> None:
    """A subclass that renames a key on the way, as layers do that have changed."""

    class Renamed(rg.nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
            if local_metadata.get("version", 1) < 2:
                state[prefix + "weight"] = state.pop(prefix + "w")
            super()._load_from_state_dict(state, prefix, local_metadata, *rest)

    net = rg.nn.Sequential(Renamed(1, 1))
    net.load_state_dict({"0.w": rg.full((1, 1), 4.0), "0.bias": rg.zeros(1)})
    assert net[0].weight.item() == 4.0
    net.load_state_dict(net.state_dict())
    with pytest.raises(StateDictError):
        net.load_state_dict({"0.w": rg.full((1, 1), 5.0), "0.bias": rg.zeros(3)})
    assert net[0].weight.item() == 4.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_stand_alone(duplicate: Any) -> None:
    net = rg.nn.Sequential(rg.nn.Linear(2, 2), rg.nn.BatchNorm1d(2))
    net.tied = net[0]
    other = duplicate(net)
    assert other.tied is other[0]
    assert other[0].weight is dict(other[0].named_parameters())["weight"]
    rg.nn.init.zeros_(net[0].weight)
    assert other[0].weight.abs().sum().item() > 0
    other(rg.ones(3, 2)).sum().backward()
    assert net[0].weight.grad is None and other[0].weight.grad is not None
    assert net[1].num_batches_tracked.item() == 0 and other[1].num_batches_tracked.item() == 1


# -- attributes -------------------------------------------------------------------------------------------------------


def test_buffers_are_entered_by_their_kind() -> None:
    net = Module()
    net.seen = rg.nn.Buffer(rg.zeros(1))
    net.seen = rg.ones(1)
    assert [name for name, _ in net.named_buffers()] == ["seen"]
    net.seen = None
    assert list(net.state_dict()) == [] and "seen" in net._buffers
    net.seen = rg.nn.Buffer(rg.zeros(1), persistent=False)
    assert list(net.state_dict()) == [] and net.seen.tolist() == [0]
    del net.seen
    assert not hasattr(net, "seen")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.register_parameter("a.b", None), KeyError, "nor have a dot"),
        (lambda m: m.register_buffer("", None), KeyError, "must not be empty"),
        (lambda m: m.register_parameter("w", rg.ones(1)), TypeError, r"write Parameter\(tensor\)"),
        (lambda m: m.register_buffer("b", 3), TypeError, "must be a tensor or None"),
        (lambda m: m.add_module("m", rg.ones(1)), TypeError, "must be a Module or None"),
        (lambda m: m.add_module("forward", None), KeyError, "has an attribute 'forward' already"),
        (lambda m: setattr(m, "fc", 3), TypeError, "is a child module, and cannot become a int"),
        (lambda m: setattr(m.fc, "weight", rg.ones(1)), TypeError, "is a parameter, and cannot become a Tensor"),
        (lambda m: setattr(m, "seen", 3), TypeError, "is a buffer"),
        (lambda m: m.get_submodule("fc.deep"), AttributeError, "Linear has no module 'deep'"),
        (lambda m: m.get_parameter("fc.w"), AttributeError, "Linear has no parameter 'w'"),
        (lambda m: m.get_buffer("fc.weight"), AttributeError, "Linear has no buffer 'weight'"),
        (lambda m: m.set_submodule("", m), ValueError, "is empty"),
        (lambda m: m.set_submodule("gc", rg.nn.ReLU(), strict=True), AttributeError, "has no module 'gc'"),
        (lambda m: m.cuda(), OptionError, "computes on 'cpu'"),
    ],
)
def test_wrong_uses_say_what_to_do(call: Any, error: type[Exception], message: str) -> None:
    module = Module()
    module.fc = rg.nn.Linear(1, 1)
    module.register_buffer("seen", rg.zeros(1))
    with pytest.raises(error, match=message):
        call(module)


def test_modules_are_reached_by_their_names() -> None:
    net = rg.nn.Sequential(rg.nn.Sequential(rg.nn.Linear(1, 1)))
    assert net.get_submodule("") is net
    assert net.get_submodule("0.0") is net[0][0]
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    net.set_submodule("0.0", rg.nn.ReLU())
    assert repr(net[0][0]) == "ReLU()"
    assert net.compile() is None
    assert "0" not in dir(net) and "forward" in dir(net)


# -- conversion -------------------------------------------------------------------------------------------------------


def test_casts_reach_parameters_gradients_and_buffers() -> None:
    net = rg.nn.Sequential(rg.nn.Linear(2, 2), rg.nn.BatchNorm1d(2))
    net(rg.ones(3, 2)).sum().backward()
    weight = net[0].weight
    net.double()
    assert net[0].weight is weight
    assert {x.dtype for x in (*net.parameters(), net[1].running_mean, weight.grad)} == {rg.float64}
    assert net[1].num_batches_tracked.dtype is rg.int64
    for cast, dtype in (("half", rg.float16), ("bfloat16", rg.bfloat16), ("float", rg.float32)):
        assert getattr(net, cast)()[0].weight.dtype is dtype
    assert net.type(rg.float64)[0].bias.dtype is rg.float64
    assert net.to(rg.ones(1))[0].bias.dtype is rg.float32
    assert net.to("cpu", rg.float64).cpu().share_memory()[0].bias.dtype is rg.float64
    assert tuple(net.to_empty(device="cpu")[0].weight.shape) == (2, 2)
    with pytest.raises(OptionError, match="cannot become int64"):
        net.to(rg.int64)


def test_what_was_loaded_is_a_copy_and_needs_no_program() -> None:
    module, other = rg.nn.Linear(3, 2), rg.nn.Linear(3, 2)
    state = other.state_dict()
    with observed() as seen:
        module.load_state_dict(state)
        np.testing.assert_array_equal(module.weight.detach().numpy(), other.weight.detach().numpy())
    assert not seen
    with rg.no_grad():
        other.weight.zero_()
    assert module.weight.detach().numpy().all()
    module.load_state_dict({name: value.double() for name, value in state.items()})
    assert module.weight.dtype is rg.float32 and not module.weight.detach().numpy().any()


def test_initial_weights_need_no_program() -> None:
    with observed() as seen:
        module = rg.nn.Sequential(rg.nn.Linear(30, 20), rg.nn.Conv2d(2, 3, 3), rg.nn.Embedding(10, 4))
        assert all(p.detach().numpy().any() for p in module.parameters())
    assert not seen
