"""Modules that find the shapes of their parameters at their first call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, ShapeError
from retrograd.nn.lazy import LazyModuleMixin
from tests.support.parity import needs_torch, torch

Make = Callable[[Any], Any]
LAYERS: tuple[tuple[str, Make, tuple[int, ...]], ...] = (
    ("LazyLinear", lambda nn: nn.LazyLinear(4), (2, 3)),
    ("LazyLinear without bias", lambda nn: nn.LazyLinear(4, bias=False), (3,)),
    ("LazyConv1d", lambda nn: nn.LazyConv1d(4, 3, padding=1), (2, 3, 5)),
    ("LazyConv1d unbatched", lambda nn: nn.LazyConv1d(4, 3), (3, 5)),
    ("LazyConv2d", lambda nn: nn.LazyConv2d(4, 3, groups=2, bias=False), (2, 6, 5, 5)),
    ("LazyConv3d", lambda nn: nn.LazyConv3d(4, 2, padding_mode="replicate", padding=1), (1, 3, 2, 2, 2)),
    ("LazyConvTranspose1d", lambda nn: nn.LazyConvTranspose1d(4, 3, 2), (2, 3, 5)),
    ("LazyConvTranspose2d", lambda nn: nn.LazyConvTranspose2d(4, 3, 2, 1, 1, 2), (2, 6, 3, 3)),
    ("LazyConvTranspose3d", lambda nn: nn.LazyConvTranspose3d(2, 2), (1, 3, 2, 2, 2)),
    ("LazyBatchNorm1d", lambda nn: nn.LazyBatchNorm1d(), (4, 3)),
    ("LazyBatchNorm2d", lambda nn: nn.LazyBatchNorm2d(affine=False), (4, 3, 2, 2)),
    ("LazyBatchNorm3d", lambda nn: nn.LazyBatchNorm3d(track_running_stats=False), (4, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d", lambda nn: nn.LazyInstanceNorm1d(), (4, 3, 5)),
    ("LazyInstanceNorm2d", lambda nn: nn.LazyInstanceNorm2d(track_running_stats=False), (4, 3, 2, 2)),
    ("LazyInstanceNorm3d", lambda nn: nn.LazyInstanceNorm3d(affine=False), (4, 3, 2, 2, 2)),
)


@needs_torch
@pytest.mark.parametrize(("name", "make", "shape"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_lazy_layers_become_pytorchs(name: str, make: Make, shape: tuple[int, ...]) -> None:
    rg.manual_seed(2), torch.manual_seed(2)
    ours, theirs = make(rg.nn), make(torch.nn)
    assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    held = list(ours.parameters())
    found, expected = ours(rg.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert type(ours).__name__ == type(theirs).__name__
    assert repr(ours) == repr(theirs)
    assert all(a is b for a, b in zip(held, ours.parameters(), strict=True))
    for key, value in theirs.state_dict().items():
        ulp = 0 if "running" not in key else 1e-6
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=ulp, atol=ulp)


def test_a_lazy_module_has_the_dtype_it_was_given() -> None:
    model = rg.nn.Sequential(
        rg.nn.LazyConv2d(3, 2), rg.nn.LazyBatchNorm2d(), rg.nn.Flatten(), rg.nn.LazyLinear(2)
    ).double()
    y = model(rg.ones(2, 1, 3, 3).double())
    assert y.dtype is rg.float64
    assert all(p.dtype is rg.float64 for p in model.parameters())
    assert model[1].running_mean.dtype is rg.float64
    y.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_parameters_without_a_shape_say_so() -> None:
    layer = rg.nn.LazyLinear(2)
    assert repr(layer.weight) == "<UninitializedParameter>"
    for ask in (lambda: layer.weight.shape, lambda: layer.weight + 1, lambda: layer.bias.ndim):
        with pytest.raises(GraphError, match="call the module once first"):
            ask()


def test_an_optimizer_made_before_the_first_call_trains_what_comes_after() -> None:
    layer = rg.nn.LazyLinear(1)
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.5)
    layer(rg.ones(2, 3))
    before = layer.bias.item()
    layer(rg.ones(2, 3)).mean().backward()
    optimizer.step()
    assert layer.bias.item() == pytest.approx(before - 0.5)


def test_a_state_with_shapes_gives_them_to_a_lazy_module() -> None:
    source, target = rg.nn.Linear(3, 2), rg.nn.LazyLinear(2)
    target.load_state_dict(source.state_dict())
    x = rg.rand(4, 3)
    np.testing.assert_array_equal(target(x).detach().numpy(), source(x).detach().numpy())
    assert type(target) is rg.nn.Linear and target.in_features == 3


def test_a_state_without_shapes_leaves_a_lazy_module_lazy() -> None:
    target = rg.nn.LazyBatchNorm1d()
    target.load_state_dict(rg.nn.LazyBatchNorm1d().state_dict())
    assert target.has_uninitialized_params()


def test_a_lazy_module_can_be_copied() -> None:
    layer = rg.nn.LazyConv1d(2, 3)
    twin = copy.deepcopy(layer)
    layer(rg.ones(1, 4, 5)), twin(rg.ones(1, 6, 5))
    assert (layer.in_channels, twin.in_channels) == (4, 6)


def test_a_lazy_convolution_says_which_inputs_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="2 spatial axes"):
        rg.nn.LazyConv2d(2, 3)(rg.ones(4, 5))
    with pytest.raises(ShapeError, match="does not divide 3 channels"):
        rg.nn.LazyConv1d(2, 3, groups=2)(rg.ones(1, 3, 5))


def test_users_can_make_their_own() -> None:
    class Scale(LazyModuleMixin):
        def __init__(self) -> None:
            super().__init__()
            self.scale = rg.nn.UninitializedParameter()

        def initialize_parameters(self, x: Any) -> None:
            if self.has_uninitialized_params():
                self.scale.materialize((x.shape[-1],))
                rg.nn.init.ones_(self.scale)

        def forward(self, x: Any) -> Any:
            return x * self.scale

    layer = Scale()
    assert layer(rg.ones(2, 3)).tolist() == [[1.0] * 3] * 2
    assert layer(rg.ones(1, 3)).tolist() == [[1.0] * 3]
