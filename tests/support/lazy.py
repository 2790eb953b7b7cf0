"""Small networks that train, and ways to see what is recorded and what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import retrograd as rg
from retrograd.runtime import evaluate as runtime


@contextmanager
def new_structures() -> Iterator[Callable[[], int]]:
    """How many structures have been met for the first time within."""
    before = _structures()
    yield lambda: len(_structures() - before)


def _structures() -> set[tuple[object, ...]]:
    return {*runtime._programs.young, *runtime._programs.old}


@contextmanager
def primitives_run() -> Iterator[Counter[str]]:
    """How often each primitive stands in the programs that ran within."""
    counts: Counter[str] = Counter()
    with runtime.observed() as seen:
        yield counts
    for evaluation in seen:
        counts.update(step.signature.operation.name for step in evaluation.graph.steps)


def model(seed: int = 3) -> Any:
    rg.manual_seed(seed)
    return rg.nn.Sequential(rg.nn.Linear(5, 8), rg.nn.Tanh(), rg.nn.Linear(8, 3))


def convolutional(seed: int = 3) -> Any:
    """A network of images: kernels of every kind, normalisation, pooling, and a way around."""
    nn = rg.nn
    rg.manual_seed(seed)

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16))

        def forward(self, x: Any) -> Any:
            return rg.relu(x + self.inside(x))

    return nn.Sequential(
        nn.Unflatten(1, (1, 1, 5)), nn.Upsample(scale_factor=(8, 2)), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        Around(), nn.MaxPool2d(2), nn.Conv2d(16, 18, 3, stride=2), nn.ReLU(), nn.AvgPool2d((1, 2)), nn.Flatten(),
        nn.Linear(18, 3),
    )  # fmt: skip


def data(rows: int = 6) -> tuple[Any, Any]:
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (rows, 5)).astype(np.float32)
    return rg.tensor(x), rg.tensor(generator.integers(0, 3, rows))


def train(network: Any, optimizer: Any, steps: int, look: Callable[[Any], None] = lambda loss: None) -> list[float]:
    criterion, (x, y) = rg.nn.CrossEntropyLoss(), data()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(network(x), y)
        look(loss)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def bits(tensors: Any) -> list[bytes]:
    return [x.detach().numpy().tobytes() for x in tensors]


def recorded_since(number: int, *roots: Any) -> list[str]:
    """The operations recorded after a node that the roots depend on, in order; projections are parts of these."""
    seen, stack = set(roots), list(roots)
    while stack:
        for x in stack.pop().inputs:
            if x.number > number and x not in seen:
                seen.add(x)
                stack.append(x)
    nodes = sorted((node for node in seen if node.signature is not None), key=lambda node: node.number)
    return [node.signature.operation.name for node in nodes if node.signature.projects is None]
