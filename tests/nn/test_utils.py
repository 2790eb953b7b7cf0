"""Clipping of gradients, and parameters as a vector."""

from __future__ import annotations

import math

import numpy as np
import pytest

import retrograd as rg
from retrograd import nn
from retrograd.core.errors import GraphError, ShapeError
from tests.support.parity import needs_torch, torch

draw = np.random.default_rng(5)
GRADIENTS = [draw.normal(size=(3, 2)), draw.normal(size=(4,)), draw.normal(size=())]


@needs_torch
@pytest.mark.parametrize("max_norm", [0.3, 100.0])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
def test_clip_grad_norm_equals_pytorch(norm_type: float, max_norm: float) -> None:
    ours = [rg.zeros(*g.shape, dtype=rg.float64, requires_grad=True) for g in GRADIENTS]
    theirs = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in GRADIENTS]
    for p, q, g in zip(ours, theirs, GRADIENTS, strict=True):
        p.grad, q.grad = rg.tensor(g), torch.tensor(g)
    unused = rg.zeros(2, requires_grad=True)
    found = rg.nn.utils.clip_grad_norm_([*ours, unused], max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_clipping_rides_in_the_step() -> None:
    w = rg.tensor([3.0, 4.0], requires_grad=True)
    optimizer = rg.optim.SGD([w], lr=1.0)
    (w * w / 2).sum().backward()
    norm = rg.nn.utils.clip_grad_norm_([w], 1.0)
    assert norm._storage.node.buffer is None
    optimizer.step()
    assert norm._storage.node.buffer is not None
    np.testing.assert_allclose(w.tolist(), [2.4, 3.2], rtol=1e-6)


def test_clipping_by_value_and_errors() -> None:
    w = rg.tensor([3.0, -4.0, 0.1], requires_grad=True)
    (w * w / 2).sum().backward()
    rg.nn.utils.clip_grad_value_(w, 1)
    np.testing.assert_allclose(w.grad.tolist(), [1.0, -1.0, 0.1], rtol=1e-6)
    w.grad = rg.tensor([math.inf, 0.0, 0.0])
    with pytest.raises(GraphError, match="error_if_nonfinite=False"):
        rg.nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
    assert rg.nn.utils.clip_grad_norm_([rg.ones(1, requires_grad=True)], 1.0).item() == 0.0


def test_parameters_as_a_vector_and_back() -> None:
    layer = rg.nn.Linear(3, 2)
    vector = rg.nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (8,)
    rg.nn.utils.vector_to_parameters(vector.detach() * 2, layer.parameters())
    np.testing.assert_array_equal(
        rg.nn.utils.parameters_to_vector(layer.parameters()).detach().numpy(), 2 * vector.detach().numpy()
    )
    with pytest.raises(ShapeError, match="have 8 elements"):
        rg.nn.utils.vector_to_parameters(rg.zeros(7), layer.parameters())


def test_old_names_say_so() -> None:
    w = rg.ones(2, 2, requires_grad=True)
    with pytest.warns(FutureWarning, match="old name of nn.init.constant_"):
        assert nn.init.constant(w, 3.0) is w
    assert w.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    w.sum().backward()
    with pytest.warns(FutureWarning, match="old name of nn.utils.clip_grad_norm_"):
        assert nn.utils.clip_grad_norm([w], 1.0).item() == 2.0


def test_a_weight_without_elements_is_told() -> None:
    with pytest.warns(UserWarning, match="no elements to draw"):
        assert nn.Linear(0, 3)(rg.ones(2, 0)).tolist() == [[0.0] * 3] * 2
