"""Normalisation, embedding and bilinear layers against PyTorch, and their state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, IndexRangeError, OptionError, ShapeError
from tests.support.parity import assert_same, assert_same_state, copy_state, needs_torch, torch

draw = np.random.default_rng(4)
Make = Callable[[Any], Any]
LAYERS: tuple[tuple[str, Make, tuple[int, ...]], ...] = (
    ("BatchNorm1d", lambda nn: nn.BatchNorm1d(3), (4, 3)),
    ("BatchNorm1d of lines", lambda nn: nn.BatchNorm1d(3, momentum=None), (4, 3, 5)),
    ("BatchNorm1d without affine", lambda nn: nn.BatchNorm1d(3, affine=False), (4, 3)),
    ("BatchNorm1d without bias", lambda nn: nn.BatchNorm1d(3, bias=False), (4, 3)),
    ("BatchNorm1d untracked", lambda nn: nn.BatchNorm1d(3, track_running_stats=False), (4, 3)),
    ("BatchNorm2d", lambda nn: nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), (2, 3, 4, 4)),
    ("BatchNorm1d of no rows", lambda nn: nn.BatchNorm1d(3), (0, 3)),
    ("BatchNorm1d of no length", lambda nn: nn.BatchNorm1d(3), (2, 3, 0)),
    ("BatchNorm2d of no rows", lambda nn: nn.BatchNorm2d(3), (0, 3, 4, 4)),
    ("BatchNorm3d", lambda nn: nn.BatchNorm3d(2), (2, 2, 3, 2, 2)),
    ("LayerNorm", lambda nn: nn.LayerNorm(5), (3, 5)),
    ("LayerNorm of two axes", lambda nn: nn.LayerNorm((4, 5), eps=1e-3), (2, 3, 4, 5)),
    ("LayerNorm without bias", lambda nn: nn.LayerNorm(5, bias=False), (3, 5)),
    ("LayerNorm without affine", lambda nn: nn.LayerNorm(5, elementwise_affine=False), (3, 5)),
    ("GroupNorm", lambda nn: nn.GroupNorm(2, 4), (3, 4, 5)),
    ("GroupNorm without affine", lambda nn: nn.GroupNorm(4, 4, affine=False), (3, 4, 2, 2)),
)


@needs_torch
@pytest.mark.parametrize(("name", "make", "shape"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_norms_equal_pytorch(name: str, make: Make, shape: tuple[int, ...]) -> None:
    theirs, ours = make(torch.nn).double(), make(rg.nn).double()
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.tensor(draw.normal(size=tuple(p.shape))))
    assert_same_state(ours, make(torch.nn).double())
    copy_state(ours, theirs)
    assert repr(ours) == repr(theirs)
    for training in (True, True, False):
        ours.train(training), theirs.train(training)
        ours.zero_grad(), theirs.zero_grad()
        assert_same(ours, theirs, [draw.normal(1.0, 2.0, shape)], rtol=1e-10)
        assert_same_state(ours, theirs)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)


@needs_torch
def test_bilinear_and_embedding_equal_pytorch_from_the_same_seed() -> None:
    for make, arrays in (
        (lambda nn: nn.Bilinear(3, 4, 2), [draw.normal(size=(5, 3)), draw.normal(size=(5, 4))]),
        (lambda nn: nn.Bilinear(3, 4, 2, bias=False), [draw.normal(size=(2, 5, 3)), draw.normal(size=(2, 5, 4))]),
        (lambda nn: nn.Embedding(6, 3), [np.array([[0, 5], [5, 1]])]),
        (lambda nn: nn.Embedding(6, 3, padding_idx=-1), [np.array([[0, 5], [5, 1]])]),
        (lambda nn: nn.PReLU(3), [draw.normal(size=(2, 3))]),
    ):
        rg.manual_seed(5), torch.manual_seed(5)
        ours, theirs = make(rg.nn), make(torch.nn)
        assert repr(ours) == repr(theirs)
        assert_same_state(ours, theirs, rtol=1e-6)
        copy_state(ours.double(), theirs.double())
        assert_same(ours, theirs, arrays)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-11)


def test_running_statistics_are_part_of_the_step() -> None:
    """They are updated with the step that reads the batch, and no graph grows behind them."""
    layer = rg.nn.BatchNorm1d(2)
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.1)
    for i in range(3):
        optimizer.zero_grad()
        layer(rg.tensor([[1.0, 2.0], [3.0, 6.0]]) + i).square().sum().backward()
        optimizer.step()
        assert layer.running_mean._storage.node.buffer is not None
        assert not layer.running_mean.requires_grad
    assert layer.num_batches_tracked.item() == 3
    expected = [0.2 * 0.81 + 0.3 * 0.9 + 0.4, 0.4 * 0.81 + 0.5 * 0.9 + 0.6]
    np.testing.assert_allclose(layer.running_mean.tolist(), expected)


def test_evaluation_leaves_the_statistics_alone() -> None:
    layer = rg.nn.BatchNorm1d(2).eval()
    before = {key: value.tolist() for key, value in layer.state_dict().items()}
    layer(rg.rand(4, 2))
    assert {key: value.tolist() for key, value in layer.state_dict().items()} == before
    layer.train()(rg.rand(4, 2))
    layer.reset_running_stats()
    assert {key: value.tolist() for key, value in layer.state_dict().items()} == before


@needs_torch
def test_statistics_that_are_no_longer_tracked_stay() -> None:
    x = draw.normal(size=(4, 2)).astype(np.float32)
    ours, theirs = rg.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    for layer, batch in ((ours, rg.tensor(x)), (theirs, torch.tensor(x))):
        layer(batch)
        layer.track_running_stats = False
        layer(batch)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].tolist(), value.tolist(), rtol=1e-6)


TRACKERS: dict[str, Make] = {
    "BatchNorm1d": lambda nn: nn.BatchNorm1d(3, affine=False),
    "BatchNorm1d, plain averages": lambda nn: nn.BatchNorm1d(3, momentum=None),
    "InstanceNorm1d": lambda nn: nn.InstanceNorm1d(3, track_running_stats=True),
}


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_statistics_made_in_inference_mode_are_moved_only_there(make: Make) -> None:
    with rg.inference_mode():
        layer = make(rg.nn)
        layer(rg.randn(4, 3, 5))
    before = {name: value.tolist() for name, value in layer.state_dict().items()}
    for grad in (rg.enable_grad, rg.no_grad):
        with grad(), pytest.raises(GraphError, match=r"made under inference_mode\(\) is being changed in place"):
            layer(rg.randn(4, 3, 5))
        assert {name: value.tolist() for name, value in layer.state_dict().items()} == before
    with rg.inference_mode():
        layer(rg.randn(4, 3, 5))
    assert layer.running_mean.tolist() != before["running_mean"]
    layer.eval()(rg.randn(4, 3, 5))


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_inference_mode_moves_any_statistics(make: Make) -> None:
    layer = make(rg.nn)
    with rg.inference_mode():
        layer(rg.randn(4, 3, 5))
    assert layer.running_mean.tolist() != [0.0] * 3 and not layer.running_mean.is_inference()
    layer(rg.randn(4, 3, 5))


@needs_torch
@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_pytorch_refuses_such_statistics_too(make: Make) -> None:
    with torch.inference_mode():
        layer = make(torch.nn)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        layer(torch.randn(4, 3, 5))


def test_containers() -> None:
    layers = rg.nn.ModuleDict({"a": rg.nn.Linear(1, 1)})
    layers["b"] = rg.nn.ReLU()
    assert "b" in layers and len(layers) == 2 and list(layers.state_dict()) == ["a.weight", "a.bias"]
    assert isinstance(layers.pop("b"), rg.nn.ReLU) and list(layers.keys()) == ["a"]
    del layers["a"]
    assert len(layers) == 0

    values = rg.nn.ParameterList([rg.ones(2), rg.zeros(1)])
    values += [rg.ones(3)]
    assert list(values.state_dict()) == ["0", "1", "2"]
    assert [len(p) for p in values] == [2, 1, 3] and len(values[-1]) == 3
    values[0] = rg.ones(5)
    assert [len(p) for p in values.parameters()] == [5, 1, 3]
    with pytest.raises(IndexError, match="out of range"):
        values[3]


def test_wrong_uses_say_what_to_do() -> None:
    with pytest.raises(ShapeError, match=r"it must be \(rows, channels, height, width\) with 3 channels"):
        rg.nn.BatchNorm2d(3)(rg.rand(2, 3))
    with pytest.raises(ShapeError, match="drop_last=True"):
        rg.nn.BatchNorm1d(3)(rg.rand(1, 3))
    with pytest.raises(OptionError, match="do not divide"):
        rg.nn.GroupNorm(3, 4)
    with pytest.raises(ShapeError, match="last axes must be normalized_shape"):
        rg.nn.LayerNorm(4)(rg.rand(2, 3))
    table = rg.nn.Embedding(4, 2)
    with pytest.raises(IndexRangeError, match=r"4 is no row: the weight has 4 rows"):
        table(rg.tensor([0, 4]))
    with pytest.raises(DTypeError, match=r"use \.long\(\)"):
        table(rg.rand(3))
    with pytest.raises(IndexRangeError, match="padding_idx 9 is no row"):
        rg.nn.Embedding(4, 2, padding_idx=9)
    with pytest.raises(ShapeError, match="equal leading axes"):
        rg.nn.Bilinear(2, 3, 1)(rg.rand(4, 2), rg.rand(5, 3))
