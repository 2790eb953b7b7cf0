"""XOR with two hidden sigmoids and no biases, from weights drawn between -1 and 1.

    python examples/xor.py

10,000 steps of plain gradient descent with a learning rate of 0.1, as the first books on backpropagation tell it.
That is hard: the derivative of a sigmoid is at most 1/4, so gradients shrink with each layer, and without biases the
answer to (0, 0) is bound to sit between the others. The last lines do it as one would today: with biases, tanh
inside, and Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import retrograd as rg
from retrograd import nn

STEPS, RATE = 10_000, 0.1

inputs = rg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=rg.float64)
targets = rg.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=rg.float64)


def initial_model() -> nn.Sequential:
    """2-2-1, as in the books."""
    rg.manual_seed(2)
    model = nn.Sequential(
        nn.Linear(2, 2, bias=False, dtype=rg.float64),
        nn.Sigmoid(),
        nn.Linear(2, 1, bias=False, dtype=rg.float64),
        nn.Sigmoid(),
    )
    for weight in model.parameters():
        nn.init.uniform_(weight, -1, 1)
    return model


def modern_model() -> nn.Sequential:
    """2-2-1 with biases and tanh."""
    rg.manual_seed(2)
    return nn.Sequential(nn.Linear(2, 2, dtype=rg.float64), nn.Tanh(), nn.Linear(2, 1, dtype=rg.float64), nn.Sigmoid())


def train(model: nn.Sequential, make_optimizer: Callable[[Any], rg.optim.Optimizer], steps: int) -> float:
    """Train in place; the loss of the last step."""
    optimizer = make_optimizer(model.parameters())
    criterion = nn.MSELoss()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    return float(loss.item())


def main() -> tuple[nn.Sequential, float]:
    """The network trained by plain gradient descent, and its loss."""
    model = initial_model()
    loss = train(model, lambda parameters: rg.optim.SGD(parameters, lr=RATE), STEPS)
    print(f"gradient descent: loss {loss:.6f} after {STEPS} steps")
    modern = modern_model()
    modern_loss = train(modern, lambda parameters: rg.optim.Adam(parameters, lr=RATE), STEPS // 20)
    print(f"as one does today: loss {modern_loss:.6f} after {STEPS // 20} steps")
    with rg.no_grad():
        for row, slow, fast in zip(inputs.tolist(), model(inputs).tolist(), modern(inputs).tolist(), strict=True):
            print(f"{row} -> {slow[0]:.3f}, today {fast[0]:.3f}")
    return model, loss


if __name__ == "__main__":
    main()
