"""Pruning against PyTorch's."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.utils import prune
from tests.support.parity import needs_torch, torch


def _prunes() -> list[Any]:
    """The module of both libraries."""
    return [prune, importlib.import_module("torch.nn.utils.prune")]


def _pair(*shape: int) -> list[Any]:
    """The same layer of both libraries, and both generators in the same state."""
    weight = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    made = []
    for lib in (rg, torch):
        lib.manual_seed(0)
        layer = lib.nn.Linear(shape[1], shape[0]) if len(shape) == 2 else lib.nn.Conv1d(shape[1], shape[0], shape[2])
        with lib.no_grad():
            layer.weight.copy_(lib.tensor(weight))
        lib.manual_seed(1)
        made.append(layer)
    return made


def _same(ours: Any, theirs: Any) -> None:
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for key, value in ours.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[key].numpy(), err_msg=key)
    np.testing.assert_array_equal(ours.weight.detach().numpy(), theirs.weight.detach().numpy())


WAYS = [
    ("identity", {}),
    ("random_unstructured", {"amount": 0.4}),
    ("random_unstructured", {"amount": 3}),
    ("l1_unstructured", {"amount": 0.4}),
    ("l1_unstructured", {"amount": 0}),
    ("random_structured", {"amount": 0.5, "dim": 0}),
    ("random_structured", {"amount": 1, "dim": -1}),
    ("ln_structured", {"amount": 0.5, "n": 2, "dim": 0}),
    ("ln_structured", {"amount": 2, "n": float("inf"), "dim": 1}),
    ("ln_structured", {"amount": 0.25, "n": 1, "dim": -1}),
]


@needs_torch
@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2)])
@pytest.mark.parametrize(("name", "options"), WAYS)
def test_each_way_equals_pytorch(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    layers = _pair(*shape)
    for layer, lib in zip(layers, _prunes(), strict=True):
        assert getattr(lib, name)(layer, "weight", **options) is layer
    _same(*layers)


@needs_torch
@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", [WAYS[3], WAYS[7]])
def test_pruning_again_equals_pytorch(first: Any, second: Any) -> None:
    layers = _pair(4, 6)
    for layer, lib in zip(layers, _prunes(), strict=True):
        for name, options in (first, second):
            getattr(lib, name)(layer, "weight", **options)
    _same(*layers)
    assert len(layers[0]._forward_pre_hooks) == 1


@needs_torch
def test_scores_and_masks_equal_pytorch() -> None:
    layers = _pair(4, 6)
    scores = np.random.default_rng(4).normal(size=(4, 6))
    mask = scores > 0.5
    for layer, lib, pruning in zip(layers, (rg, torch), _prunes(), strict=True):
        pruning.l1_unstructured(layer, "weight", 5, importance_scores=lib.tensor(scores))
        pruning.custom_from_mask(layer, "weight", mask=lib.tensor(mask))
        pruning.ln_structured(layer, "weight", 1, 2, 0, importance_scores=lib.tensor(scores))
    _same(*layers)


@needs_torch
@pytest.mark.parametrize("method", ["L1Unstructured", "RandomUnstructured"])
def test_global_pruning_equals_pytorch(method: str) -> None:
    first, second = _pair(4, 6), _pair(3, 2, 2)
    for i, (lib, pruning) in enumerate(zip((rg, torch), _prunes(), strict=True)):
        lib.manual_seed(2)
        places = [(first[i], "weight"), (second[i], "weight")]
        for amount in (0.3, 4):
            pruning.global_unstructured(places, pruning_method=getattr(pruning, method), amount=amount)
    _same(*first)
    _same(*second)


def test_pruned_weights_stay_zero_while_the_rest_is_trained() -> None:
    layer = rg.nn.Linear(4, 1, bias=False)
    prune.custom_from_mask(layer, "weight", rg.tensor([[1, 0, 1, 0]]))
    before = layer.weight.tolist()[0]
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.1)
    layer(rg.ones(4)).sum().backward()
    assert layer.weight_orig.grad.tolist() == [[1.0, 0.0, 1.0, 0.0]]
    optimizer.step()
    layer(rg.ones(4))
    np.testing.assert_allclose(layer.weight.tolist()[0], [before[0] - 0.1, 0.0, before[2] - 0.1, 0.0], rtol=1e-6)


def test_remove_makes_it_permanent() -> None:
    model = rg.nn.Sequential(rg.nn.Linear(4, 2))
    layer: Any = model[0]
    weight = layer.weight
    assert not prune.is_pruned(model)
    prune.l1_unstructured(layer, "weight", amount=4)
    assert prune.is_pruned(model)
    prune.remove(layer, "weight")
    assert not prune.is_pruned(model)
    assert layer.weight is weight and int((weight == 0).sum().item()) == 4
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"] and not list(layer.buffers())
    with pytest.raises(OptionError, match="'weight' of Linear is not pruned"):
        prune.remove(layer, "weight")


def test_prune_without_a_module() -> None:
    t = rg.tensor([3.0, -1.0, 2.0, 0.5])
    assert prune.L1Unstructured(2).prune(t).tolist() == [3.0, 0.0, 2.0, 0.0]
    assert prune.L1Unstructured(1).prune(t, importance_scores=-t.flip(0)).tolist() == [0.0, -1.0, 2.0, 0.5]


def test_refusals() -> None:
    layer = rg.nn.Linear(4, 2)
    with pytest.raises(TypeError, match="must be a number, not a str"):
        prune.l1_unstructured(layer, "weight", "all")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"amount is 1\.5"):
        prune.l1_unstructured(layer, "weight", 1.5)
    with pytest.raises(OptionError, match="there are only 8"):
        prune.random_unstructured(layer, "weight", 9)
    with pytest.raises(OptionError, match="two axes or more"):
        prune.random_structured(layer, "bias", 1, 0)
    with pytest.raises(IndexError, match="axis 2 is out of range"):
        prune.ln_structured(layer, "weight", 1, 2, 2)
    with pytest.raises(ShapeError, match=r"importance_scores has shape \(2,\)"):
        prune.l1_unstructured(layer, "weight", 1, rg.ones(2))
    with pytest.raises(ShapeError, match=r"the mask has shape \(2,\)"):
        prune.custom_from_mask(layer, "weight", rg.ones(2))
    with pytest.raises(OptionError, match="LnStructured is structured"):
        prune.global_unstructured([(layer, "weight")], prune.LnStructured, amount=1, n=2)
    with pytest.raises(TypeError, match="parameters is a Linear"):
        prune.global_unstructured(layer, prune.L1Unstructured, amount=1)  # type: ignore[arg-type]
    assert not prune.is_pruned(layer) and list(layer.state_dict()) == ["weight", "bias"]
