"""Numbers that layers hold: what is held, and that it follows the layer."""

from __future__ import annotations

import copy
import pickle

import pytest

import retrograd as rg
from retrograd.core.dtype import DType, float32, float64
from retrograd.tensor.held_number import HeldNumber


def test_one_node_for_as_long_as_number_and_dtype_stay() -> None:
    held, eps = HeldNumber(), 1e-5
    node = held.node(eps, float32)
    assert held.node(eps, float32) is node
    assert held.node(eps, float64) is not node
    assert held.node(eps, float64).type.dtype is float64
    assert held.node(2e-5, float64).buffer.value == 2e-5  # type: ignore[union-attr]


def test_copies_hold_nothing_yet() -> None:
    held, eps = HeldNumber(), 1e-5
    node = held.node(eps, float32)
    for other in (copy.deepcopy(held), pickle.loads(pickle.dumps(held))):
        assert other.node(eps, float32) is not node


@pytest.mark.parametrize("dtype", [float32, float64])
def test_a_layer_may_get_another_number(dtype: DType) -> None:
    layer, x = rg.nn.LayerNorm(2, dtype=dtype), rg.tensor([[1.0, 3.0]], dtype=dtype)
    assert layer(x).tolist()[0] == pytest.approx([-1.0, 1.0], rel=1e-4)
    layer.eps = 3.0
    assert layer(x).tolist()[0] == pytest.approx([-0.5, 0.5])
    assert copy.deepcopy(layer)(x).tolist()[0] == pytest.approx([-0.5, 0.5])


def test_a_momentum_that_is_a_tensor_is_read_each_time() -> None:
    layer, x = rg.nn.BatchNorm1d(1), rg.tensor([[1.0], [3.0]])
    layer.momentum = rg.tensor(0.5)
    layer(x)
    assert layer.running_mean.item() == 1.0
    layer.momentum.fill_(0.0)
    layer(x)
    assert layer.running_mean.item() == 1.0
