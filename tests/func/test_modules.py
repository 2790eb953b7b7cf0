"""Modules as functions: functional_call, and ensembles by stack_module_state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from retrograd.func import functional_call, grad, stack_module_state, vmap

nn = rg.nn


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("scale", rg.ones(3))

    def forward(self, x: Any, *, factor: float = 1.0) -> Any:
        return self.second(self.first(x)) * self.scale * factor


def test_other_tensors_stand_in_for_the_parameters() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    before = dict(model.named_parameters())
    given = {name: rg.ones(*p.shape) for name, p in before.items()}
    assert functional_call(model, given, rg.ones(1, 2)).tolist() == [[10.0]]
    for name, p in model.named_parameters():
        assert p is before[name]
    assert model[0].weight is before["0.weight"]


def test_some_tensors_arguments_and_keywords() -> None:
    model = Tied()
    x = rg.ones(1, 3)
    doubled = functional_call(model, {"scale": rg.ones(3) * 2.0}, (x,), {"factor": 3.0})
    np.testing.assert_allclose(doubled.detach().numpy(), (model(x) * 6.0).detach().numpy(), rtol=1e-6)


def test_a_shared_parameter_is_replaced_everywhere() -> None:
    model, x = Tied(), rg.ones(1, 3)
    identity = rg.eye(3) * 2.0
    assert functional_call(model, {"first.weight": identity}, x).tolist() == [[4.0, 4.0, 4.0]]
    assert functional_call(model, {"second.weight": identity}, x).tolist() == [[4.0, 4.0, 4.0]]
    half = functional_call(model, {"first.weight": identity}, x, tie_weights=False)
    np.testing.assert_allclose(half.detach().numpy(), (model.second(x) * 2.0).detach().numpy(), rtol=1e-6)


def test_everything_is_put_back_after_an_error() -> None:
    model = nn.Linear(2, 3)
    weight = model.weight
    with pytest.raises(RuntimeError):
        functional_call(model, {"weight": rg.ones(7, 7)}, rg.ones(1, 2))
    assert model.weight is weight and dict(model.named_parameters())["weight"] is weight


def test_gradients_of_each_example_equal_those_of_a_loop() -> None:
    rg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = rg.randn(5, 3, dtype=rg.float64), rg.tensor([0, 1, 1, 0, 1])
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters: Any, row: Any, target: Any) -> Any:
        return nn.functional.cross_entropy(functional_call(model, parameters, (row[None],)), target[None])

    found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    for i in range(5):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        for name, p in model.named_parameters():
            np.testing.assert_allclose(found[name][i].numpy(), p.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_an_ensemble_equals_its_members() -> None:
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval() for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    assert all(p.is_leaf and p.requires_grad for p in parameters.values())
    assert not any(b.requires_grad for b in buffers.values())
    x = rg.randn(6, 3)
    run = lambda p, b, x: functional_call(models[0], (p, b), (x,))  # noqa: E731
    found = vmap(run, in_dims=(0, 0, None))(parameters, buffers, x)
    for i, model in enumerate(models):
        np.testing.assert_allclose(found[i].detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def _different_modes() -> Any:
    return [nn.Linear(1, 1), nn.Linear(1, 1).eval()]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: functional_call(nn.Linear(1, 1), {"wight": rg.ones(1, 1)}, rg.ones(1, 1)), "no parameter .* wight"),
        (lambda: functional_call(nn.Linear(1, 1), [{"weight": rg.ones(1, 1)}] * 2, rg.ones(1, 1)), "more than one"),
        (lambda: functional_call(nn.Linear(1, 1), {"bias": rg.ones(1)}, rg.ones(1, 1), strict=True), "for weight"),
        (lambda: functional_call(Tied(), {"first.weight": 1, "second.weight": 2}, rg.ones(1, 3)), "are one parameter"),
        (lambda: stack_module_state([]), "is empty"),
        (lambda: stack_module_state([nn.Linear(1, 1), nn.ReLU()]), "one class"),
        (lambda: stack_module_state(_different_modes()), "training mode"),
    ],
)
def test_refusals(use: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        use()


def test_batch_normalisation_without_a_memory() -> None:
    net = rg.nn.Sequential(rg.nn.Linear(3, 2), rg.nn.BatchNorm1d(2), rg.nn.Sequential(rg.nn.SyncBatchNorm(2)))
    assert rg.func.replace_all_batch_norm_modules_(net) is net
    assert [name for name in net.state_dict() if "running" in name or "tracked" in name] == []
    x = rg.randn(4, 3)
    assert rg.equal(net(x), net.eval()(x))
