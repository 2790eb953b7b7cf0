"""Containers: the same calls give the same modules as in PyTorch."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch


def _lists(lib: Any) -> list[str]:
    nn = lib.nn
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()])
    seen = [repr(layers)]
    layers.insert(1, nn.Tanh())
    seen.append(repr(layers))
    del layers[0]
    layers[0] = nn.Sigmoid()
    seen += [
        repr(layers),
        repr(layers + nn.ModuleList([nn.ReLU()])),
        repr(layers.pop(1)),
        repr(layers[:1]),
        repr(layers),
    ]
    layers += [nn.ReLU(), nn.ReLU()]
    seen += [repr(layers), repr(nn.ModuleList()), str(layers[0] in layers)]
    return seen


def _rows(lib: Any) -> list[str]:
    nn = lib.nn
    row = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    row.append(nn.Tanh())
    row.insert(1, nn.Sigmoid())
    seen = [repr(row)]
    del row[0]
    seen += [repr(row), repr(row * 2), repr(row + row), repr(row.pop(0)), repr(row[1:])]
    row.extend(nn.Sequential(nn.ReLU()))
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))
    seen += [repr(row), repr(named), repr(named[1:])]
    del named[0]
    return [*seen, repr(named)]


def _dictionaries(lib: Any) -> list[str]:
    nn = lib.nn
    table = nn.ParameterDict({"x": lib.ones(2, 3), "y": nn.Parameter(lib.zeros(1))})
    seen = [str(list(table)), str("x" in table), str(table.get("z", 3)), str([n for n, _ in table.named_parameters()])]
    table.update({"z": lib.ones(1)})
    seen += [str(tuple(table.pop("x").shape)), str(list(table.state_dict())), str(list((table | table).keys()))]
    seen += [str(table.popitem()[0]), str(len(table.copy())), str(list(table.fromkeys(["p", "q"], 1).items()))]
    table.clear()
    modules = nn.ModuleDict({"a": nn.ReLU()})
    modules["b"] = nn.Tanh()
    return [*seen, str(len(table)), repr(modules), str(list(modules.items()))]


def _walks(lib: Any) -> list[str]:
    """Shared modules and parameters, with and without their second names."""
    nn = lib.nn
    net = nn.Sequential(nn.Linear(2, 2))
    net.tied = net[0]
    net.inner = nn.Module()
    net.inner.weight = net[0].weight
    net.inner.register_buffer("seen", lib.zeros(1))
    net.inner.register_buffer("none", None)
    walks = (
        net.named_modules(remove_duplicate=False),
        net.named_parameters(remove_duplicate=False),
        net.named_parameters(prefix="z"),
        net.named_parameters(recurse=False),
        net.named_buffers("b"),
        net.named_children(),
    )
    names = [str([name for name, _ in walk]) for walk in walks]
    return [
        *names,
        str(list(net.state_dict())),
        repr(net),
        repr(net.get_submodule("inner")),
        str(len(net.get_buffer("inner.seen"))),
    ]


@needs_torch
@pytest.mark.parametrize("calls", [_lists, _rows, _dictionaries, _walks])
def test_containers_are_pytorchs(calls: Any) -> None:
    for ours, theirs in zip(calls(rg), calls(torch), strict=True):
        assert ours == theirs


def test_parameter_lists_hold_their_order() -> None:
    values = rg.nn.ParameterList([rg.ones(1), rg.zeros(2)])
    values.append(rg.ones(3))
    first = values.pop(0)
    assert [tuple(p.shape) for p in values] == [(2,), (3,)]
    assert list(values.state_dict()) == ["0", "1"]
    assert first.requires_grad
    assert "of size 2" in repr(values)


def test_names_that_would_break_a_parameter_dict_are_refused() -> None:
    with pytest.raises(KeyError, match="attribute of every module"):
        rg.nn.ParameterDict({"forward": rg.ones(1)})
    with pytest.raises(KeyError):
        rg.nn.ParameterDict()["training"]


def test_places_out_of_range_are_refused() -> None:
    for container in (rg.nn.ModuleList([rg.nn.ReLU()]), rg.nn.Sequential(rg.nn.ReLU())):
        with pytest.raises(IndexError, match="1 is out of range for 1 modules"):
            container[1]
