"""Parametrized tensors of modules, and the parametrizations that come with the library, against PyTorch's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, RetrogradError, ShapeError
from retrograd.nn.utils import parametrizations, parametrize
from tests.support.parity import needs_torch, torch

CLOSE = {"rtol": 2e-5, "atol": 2e-6}


class Doubled(rg.nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2

    def right_inverse(self, x: Any) -> Any:
        return x / 2


class Shifted(rg.nn.Module):
    def forward(self, x: Any) -> Any:
        return x + 1


class Summed(rg.nn.Module):
    """From two originals."""

    def forward(self, a: Any, b: Any) -> Any:
        return a + b

    def right_inverse(self, x: Any) -> Any:
        return x - 1, rg.ones_like(x)


def _layer() -> Any:
    layer = rg.nn.Linear(3, 2)
    rg.nn.init.constant_(layer.weight, 6.0)
    return layer


def test_reading_computes_and_assigning_inverts() -> None:
    layer = _layer()
    parametrize.register_parametrization(layer, "weight", Doubled())
    assert layer.weight.tolist() == [[6.0] * 3] * 2
    assert layer.parametrizations.weight.original.tolist() == [[3.0] * 3] * 2
    layer.weight = rg.ones(2, 3)
    assert layer.parametrizations.weight.original.tolist() == [[0.5] * 3] * 2
    layer.weight = rg.nn.Parameter(rg.zeros(2, 3))
    assert "weight" not in layer._parameters
    assert layer.weight.sum().item() == 0.0


def test_gradients_reach_the_original() -> None:
    layer = _layer()
    parametrize.register_parametrization(layer, "weight", Doubled())
    layer(rg.ones(3)).sum().backward()
    assert layer.parametrizations.weight.original.grad.tolist() == [[2.0] * 3] * 2
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]


def test_several_in_a_row() -> None:
    layer = _layer()
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.register_parametrization(layer, "weight", Shifted())
    assert layer.weight.tolist() == [[7.0] * 3] * 2
    with pytest.raises(RetrogradError, match="Shifted does not define right_inverse"):
        layer.weight = rg.ones(2, 3)


def test_several_originals() -> None:
    layer = _layer()
    parametrize.register_parametrization(layer, "weight", Summed())
    parts = layer.parametrizations.weight
    assert parts.original0.tolist() == [[5.0] * 3] * 2 and parts.original1.tolist() == [[1.0] * 3] * 2
    assert isinstance(parts.original1, rg.nn.Parameter)
    with pytest.raises(OptionError, match="is 2 tensors"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, rg.nn.Parameter) and layer.weight.tolist() == [[6.0] * 3] * 2


def test_a_buffer_stays_a_buffer() -> None:
    norm = rg.nn.BatchNorm1d(2)
    parametrize.register_parametrization(norm, "running_mean", Shifted())
    assert norm.running_mean.tolist() == [1.0, 1.0]
    assert "parametrizations.running_mean.original" in dict(norm.named_buffers())
    parametrize.remove_parametrizations(norm, "running_mean")
    assert norm._buffers["running_mean"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("leave", [True, False])
def test_removal_gives_the_class_and_the_parameter_back(leave: bool) -> None:
    layer, other = _layer(), rg.nn.Linear(1, 1)
    weight = layer.weight
    for name in ("weight", "bias"):
        parametrize.register_parametrization(layer, name, Shifted())
    assert type(layer) is not rg.nn.Linear and isinstance(layer, rg.nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is rg.nn.Linear
    assert parametrize.is_parametrized(layer) and not parametrize.is_parametrized(other)
    parametrize.remove_parametrizations(layer, "weight", leave)
    assert not parametrize.is_parametrized(layer, "weight") and parametrize.is_parametrized(layer, "bias")
    assert layer.weight is weight
    assert layer.weight.tolist() == [[7.0 if leave else 6.0] * 3] * 2
    parametrize.remove_parametrizations(layer, "bias")
    assert type(layer) is rg.nn.Linear and not hasattr(layer, "parametrizations")
    with pytest.raises(OptionError, match="has no parametrization"):
        parametrize.remove_parametrizations(layer, "bias")


@pytest.mark.parametrize("way", ["copy", "pickle"])
def test_copies_are_parametrized_and_independent(way: str) -> None:
    layer = _layer()
    parametrize.register_parametrization(layer, "weight", Doubled())
    twin = copy.deepcopy(layer) if way == "copy" else pickle.loads(pickle.dumps(layer))
    parametrize.remove_parametrizations(layer, "weight")
    twin.weight = rg.ones(2, 3)
    assert twin.parametrizations.weight.original.tolist() == [[0.5] * 3] * 2
    assert layer.weight.tolist() == [[6.0] * 3] * 2


def test_cached_computes_once() -> None:
    calls = []

    class Counted(rg.nn.Module):
        def forward(self, x: Any) -> Any:
            calls.append(1)
            return x * 1

    layer = parametrize.register_parametrization(_layer(), "weight", Counted(), unsafe=True)
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert len(calls) == 1
    assert layer.weight is not layer.weight


def test_what_does_not_fit_is_refused() -> None:
    class Flat(rg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.reshape(-1)

    class Wide(rg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.double()

    layer = _layer()
    with pytest.raises(ShapeError, match=r"shape \(6,\) and had \(2, 3\); pass unsafe=True"):
        parametrize.register_parametrization(layer, "weight", Flat())
    with pytest.raises(OptionError, match="float64 and was float32; pass unsafe=True"):
        parametrize.register_parametrization(layer, "weight", Wide())
    with pytest.raises(OptionError, match="no parameter or buffer 'weights'"):
        parametrize.register_parametrization(layer, "weights", Flat())
    assert type(layer) is rg.nn.Linear and isinstance(layer.weight, rg.nn.Parameter)
    parametrize.register_parametrization(layer, "weight", Flat(), unsafe=True)
    assert layer.weight.shape == (6,)


def test_transfer_shares_the_originals() -> None:
    layer, other = _layer(), rg.nn.Linear(3, 2)
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.transfer_parametrizations_and_params(layer, other)
    assert other.parametrizations.weight.original is layer.parametrizations.weight.original
    assert rg.equal(other.weight, layer.weight)


# -- the library's own ------------------------------------------------------------------------------------------------


def _trained_alike(ours: Any, theirs: Any, x: Any, steps: int = 3) -> None:
    """Some steps of both from the same state: outputs and states agree."""
    ours.load_state_dict({k: rg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    opt = rg.optim.SGD(ours.parameters(), lr=0.1, momentum=0.9)
    ref = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        opt.zero_grad()
        ref.zero_grad()
        y, z = ours(rg.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), **CLOSE)
        (y * y).sum().backward()
        (z * z).sum().backward()
        opt.step()
        ref.step()
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    for key, value in ours.state_dict().items():
        np.testing.assert_allclose(value.numpy(), state[key], **CLOSE, err_msg=key)
    np.testing.assert_allclose(ours.eval()(rg.tensor(x)).detach(), theirs.eval()(torch.tensor(x)).detach(), **CLOSE)


@needs_torch
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("dim", [0, 1, None, -2])
def test_weight_norm_equals_pytorch(dim: int | None, old: bool) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    made = []
    for lib in (rg, torch):
        lib.manual_seed(0)
        where = lib.nn.utils if old else lib.nn.utils.parametrizations
        made.append(where.weight_norm(lib.nn.Conv1d(3, 2, 2), "weight", dim))
    _trained_alike(*made, x)


@needs_torch
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(("kind", "n"), [("Linear", 1), ("Conv1d", 3), ("ConvTranspose1d", 1)])
def test_spectral_norm_equals_pytorch(kind: str, n: int, old: bool) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 5) if kind != "Linear" else (4, 3)).astype(np.float32)
    made = []
    for lib in (rg, torch):
        lib.manual_seed(0)
        where = lib.nn.utils if old else lib.nn.utils.parametrizations
        layer = getattr(lib.nn, kind)(*((3, 2) if kind == "Linear" else (3, 2, 2)))
        made.append(where.spectral_norm(layer, n_power_iterations=n))
    ours, theirs = made
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-4, atol=1e-5, err_msg=key)
    _trained_alike(ours, theirs, x)


def test_a_vector_is_divided_by_its_norm() -> None:
    layer = rg.nn.Linear(3, 2)
    rg.nn.init.constant_(layer.bias, 3.0)
    parametrizations.spectral_norm(layer, "bias")
    np.testing.assert_allclose(layer.bias.tolist(), [0.5**0.5] * 2, rtol=1e-6)


@needs_torch
@pytest.mark.parametrize("use_trivialization", [True, False])
@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_orthogonal_equals_pytorch(shape: tuple[int, int], orthogonal_map: str, use_trivialization: bool) -> None:
    made = []
    for lib in (rg, torch):
        lib.manual_seed(0)
        layer = lib.nn.Linear(shape[1], shape[0])
        made.append(
            lib.nn.utils.parametrizations.orthogonal(
                layer, orthogonal_map=orthogonal_map, use_trivialization=use_trivialization
            )
        )
    ours, theirs = made
    if use_trivialization or orthogonal_map == "householder":
        np.testing.assert_allclose(ours.weight.detach(), theirs.weight.detach().numpy(), rtol=1e-4, atol=1e-5)
    _trained_alike(ours, theirs, np.random.default_rng(0).normal(size=(5, shape[1])).astype(np.float32))
    short = ours.weight if shape[0] < shape[1] else ours.weight.mT
    np.testing.assert_allclose((short @ short.mT).detach(), np.eye(min(shape)), atol=1e-5)


def test_an_orthogonal_weight_can_be_assigned() -> None:
    layer = parametrizations.orthogonal(rg.nn.Linear(2, 2))
    layer.weight = rg.tensor([[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(layer.weight.detach(), [[0.0, 1.0], [-1.0, 0.0]], atol=1e-6)
    with pytest.raises(ShapeError, match=r"shape \(2, 2\), and cannot become one of \(3, 3\)"):
        layer.weight = rg.eye(3)
    free = parametrizations.orthogonal(rg.nn.Linear(2, 2), use_trivialization=False)
    with pytest.raises(NotImplementedError, match="use_trivialization=True"):
        free.weight = rg.eye(2)


def test_old_weight_norm_state_loads_into_the_new() -> None:
    old = rg.nn.utils.weight_norm(rg.nn.Linear(3, 2))
    new = parametrizations.weight_norm(rg.nn.Linear(3, 2))
    new.load_state_dict(old.state_dict())
    x = rg.ones(3)
    assert rg.equal(old(x), new(x))


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_removing_a_hook_leaves_the_weight(name: str) -> None:
    layer = getattr(rg.nn.utils, name)(rg.nn.Linear(3, 2)).eval()
    with pytest.raises(RetrogradError, match=f"has a {name} already"):
        getattr(rg.nn.utils, name)(layer)
    x = rg.ones(3)
    before = layer(x)
    getattr(rg.nn.utils, f"remove_{name}")(layer)
    assert [key for key, _ in layer.named_parameters()] == ["bias", "weight"] and not list(layer.buffers())
    np.testing.assert_allclose(layer(x).detach(), before.detach(), rtol=1e-6)
    with pytest.raises(OptionError, match=f"has no {name}"):
        getattr(rg.nn.utils, f"remove_{name}")(layer)


def test_refusals_of_the_parametrizations() -> None:
    layer = rg.nn.Linear(3, 2)
    with pytest.raises(OptionError, match="n_power_iterations is 0"):
        parametrizations.spectral_norm(layer, n_power_iterations=0)
    with pytest.raises(IndexError, match="axis 2 is out of range"):
        parametrizations.spectral_norm(layer, dim=2)
    with pytest.raises(OptionError, match="no parameter or buffer 'w'"):
        parametrizations.orthogonal(layer, "w")
    with pytest.raises(OptionError, match="must have two axes"):
        parametrizations.orthogonal(layer, "bias")
    with pytest.raises(OptionError, match="orthogonal_map is 'qr'"):
        parametrizations.orthogonal(layer, orthogonal_map="qr")
    with pytest.raises(OptionError, match="has no shape yet"):
        rg.nn.utils.weight_norm(rg.nn.LazyLinear(2))
