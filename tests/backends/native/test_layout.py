"""The layout pass: it changes no value, and within a network nothing is permuted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native.compiler import host
from retrograd.backends.native.layout import choose_layouts
from retrograd.backends.reference.backend import ReferenceProgram
from retrograd.core.buffer import Buffer
from retrograd.core.graph import Graph
from retrograd.core.verifier import verify
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.evaluate import observed
from tests.support.native_step import kernels_of

nn, F = rg.nn, rg.nn.functional


def _graphs(program: Callable[[], None]) -> list[Graph]:
    """The graphs that a program evaluates, as backends take them."""
    runtime.forget_programs()
    with rg.use_backend("null"):
        program()
    return [entry.structure.graph for entry in runtime._programs.young.values()]


def _values(graph: Graph) -> list[np.ndarray[Any, Any]]:
    """The outputs for random inputs."""
    rng = np.random.default_rng(0)
    inputs = [Buffer(type_) for type_ in graph.inputs]
    for buffer in inputs:
        array = buffer.array()
        high = 3 if buffer.type.dtype.kind < 2 else 4
        array[...] = rng.integers(-high if buffer.type.dtype.name not in ("bool", "uint8") else 0, high, array.shape)
        if buffer.type.dtype.kind == 2:
            array[...] += rng.random(array.shape)
    outputs = [Buffer(type_) for type_ in graph.output_types]
    ReferenceProgram(graph).run(inputs, outputs)
    return [buffer.array().copy() for buffer in outputs]


def _movements(x: Any) -> Any:
    """Every movement, of values that lie channels last."""
    y = F.conv2d(x, rg.ones(6, 4, 3, 3) * 0.1, padding=1)
    parts = [y[:, 1:4, ::2, 2:], y.flip(1, 3)[:, :3, 1::2, 2:], y.transpose(1, 2)[:, :3, :3, 2:5].repeat(1, 1, 1, 1)]
    total = parts[0].sum() + parts[1].exp().mean() + parts[2].sum(3).max()
    total = total + rg.cat([y, y * 2.0], 1).mean((2, 3)).sum() + y.reshape(2, 3, 2, -1).amax(3).sum()
    padded = F.pad(y, (1, 2, 0, 1))
    return total + padded.permute(2, 0, 3, 1).sum(1).std() + y.squeeze().unsqueeze(2).mean((0, 2, 3)).sum()


def _moving() -> None:
    x = rg.zeros(2, 4, 6, 8, requires_grad=True)
    _movements(x).backward()
    (x.grad * 1.0).numpy()


def _network(dimensions: int) -> Callable[[], None]:
    conv, norm, pool = (getattr(nn, f"{name}{dimensions}d") for name in ("Conv", "BatchNorm", "MaxPool"))

    def train() -> None:
        rg.manual_seed(0)
        network = nn.Sequential(
            conv(3, 8, 3, padding=1), norm(8), nn.ReLU(), pool(2), conv(8, 6, 3, stride=2, groups=2), nn.Flatten(),
            nn.LazyLinear(4),
        )  # fmt: skip
        x = rg.zeros(2, 3, *(9,) * dimensions)
        network(x)
        optimizer = rg.optim.Adam(network.parameters())
        nn.CrossEntropyLoss()(network(x), rg.zeros(2, dtype=rg.int64)).backward()
        optimizer.step()

    return train


@pytest.mark.parametrize("program", [_moving, *map(_network, (1, 2, 3))], ids=["moving", "1d", "2d", "3d"])
def test_no_value_changes(program: Callable[[], None]) -> None:
    graphs = [graph for graph in _graphs(program) if choose_layouts(graph, host().target) is not graph]
    assert graphs
    for graph in graphs:
        rewritten = choose_layouts(graph, host().target)
        verify(rewritten)
        for expected, value in zip(_values(graph), _values(rewritten), strict=True):
            np.testing.assert_allclose(value, expected, rtol=2e-4, atol=2e-4)


def test_graphs_without_space_stay_as_they_are() -> None:
    def program() -> None:
        x = rg.zeros(4, 5, 6, requires_grad=True)
        (x.softmax(2).sum(2) @ rg.zeros(5, 3)).mean().backward()
        x.grad.sum((0, 1)).numpy()

    for graph in _graphs(program):
        assert choose_layouts(graph, host().target) is graph


def test_a_network_is_permuted_at_its_ends_alone() -> None:
    rg.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 48, 5, stride=2), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(48 * 9, 10),
    )  # fmt: skip
    x, y = rg.randn(8, 3, 32, 32), rg.zeros(8, dtype=rg.int64)
    optimizer = rg.optim.SGD(network.parameters(), lr=0.1)
    with rg.use_backend("native", 1), observed() as seen:
        nn.CrossEntropyLoss()(network(x), y).backward()
        optimizer.step()
    program: Any = seen[-1].program
    kernels = Counter(kernels_of(program))
    moved = [
        program.lowering.types[work.writes[0]].size
        for phase in program.schedule.phases
        for work in phase
        if work.kernel.startswith("transpose")
    ]
    # The images; what is flattened and its gradient; the gradients of the weights of three layers.
    assert sorted(moved) == sorted([x.numel(), 8 * 48 * 9, 8 * 48 * 9, 32 * 3 * 9, 32 * 32 * 9, 48 * 32 * 25])
    assert kernels["conv.winograd_weight"] == 1
    assert kernels["conv.weight"] == 2
