"""A module of your own with batch normalisation, trained from a DataLoader by three optimizers.

    python examples/batch_norm_loader.py

`Linear, ReLU, BatchNorm1d, Linear` tells two moons apart: once with plain SGD and weight decay, once with Nesterov
momentum, once with Adam.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import retrograd as rg
from retrograd import nn
from retrograd.utils.data import DataLoader, TensorDataset

ROWS, EPOCHS, BATCH = 256, 15, 32
OPTIMIZERS: dict[str, Callable[[Any], rg.optim.Optimizer]] = {
    "SGD with weight decay": lambda parameters: rg.optim.SGD(parameters, lr=0.1, weight_decay=1e-3),
    "Nesterov momentum": lambda parameters: rg.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda parameters: rg.optim.Adam(parameters, lr=0.01),
}


class Classifier(nn.Module):
    """Two numbers to the scores of two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 32, dtype=rg.float64)
        self.norm = nn.BatchNorm1d(32, dtype=rg.float64)
        self.out = nn.Linear(32, 2, dtype=rg.float64)

    def forward(self, x: rg.Tensor) -> rg.Tensor:
        scores: rg.Tensor = self.out(self.norm(nn.functional.relu(self.hidden(x))))
        return scores


def moons() -> tuple[rg.Tensor, rg.Tensor]:
    """Two half circles that reach into each other, with noise, around the origin."""
    rg.manual_seed(0)
    angle = math.pi * rg.rand(ROWS, dtype=rg.float64)
    label = rg.arange(ROWS) % 2
    side = 1 - 2 * label.double()
    x = rg.stack([side * angle.cos() + label.double(), side * angle.sin() + label.double() / 2], dim=1)
    return 3 * (x - x.mean(dim=0)) + 0.3 * rg.randn(ROWS, 2, dtype=rg.float64), label


def train(make_optimizer: Callable[[Any], rg.optim.Optimizer]) -> tuple[Classifier, list[float]]:
    """The trained module, and the loss of each step."""
    dataset = TensorDataset(*moons())
    rg.manual_seed(1)
    model = Classifier()
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    optimizer = make_optimizer(model.parameters())
    criterion = nn.CrossEntropyLoss()
    losses = []
    for _ in range(EPOCHS):
        for rows, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(rows), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return model, losses


def main() -> dict[str, tuple[Classifier, list[float]]]:
    """What each optimizer comes to."""
    x, labels = moons()
    results = {}
    for name, make_optimizer in OPTIMIZERS.items():
        model, losses = train(make_optimizer)
        model.eval()
        with rg.no_grad():
            accuracy = (model(x).argmax(dim=1) == labels).double().mean().item()
        print(f"{name:<22} first loss {losses[0]:.3f}, last {losses[-1]:.3f}, {accuracy:.1%} of the rows are right")
        results[name] = model, losses
    return results


if __name__ == "__main__":
    main()
