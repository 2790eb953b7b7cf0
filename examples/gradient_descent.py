"""Batch, stochastic and mini-batch gradient descent side by side on one line fit.

    python examples/gradient_descent.py

The gradient of the mean error over all rows is exact and dear; that of one row is cheap and noisy; a mini-batch lies
between. Each way sees the same 64 rows for 20 epochs and starts from the same weights.
"""

from __future__ import annotations

import retrograd as rg
from retrograd import nn
from retrograd.utils.data import DataLoader, TensorDataset

ROWS, EPOCHS = 64, 20
WAYS = {"batch": (ROWS, 0.3), "mini-batch": (8, 0.1), "stochastic": (1, 0.02)}


def data() -> tuple[rg.Tensor, rg.Tensor]:
    """Rows x of two numbers, and y = 2 x1 - 3 x2 + 1 with a little noise."""
    rg.manual_seed(0)
    x = rg.randn(ROWS, 2, dtype=rg.float64)
    noise = 0.05 * rg.randn(ROWS, 1, dtype=rg.float64)
    return x, x @ rg.tensor([[2.0], [-3.0]], dtype=rg.float64) + 1 + noise


def train(batch_size: int, rate: float) -> tuple[nn.Linear, list[float]]:
    """The fitted layer, and the mean loss over all rows after each epoch."""
    x, y = data()
    rg.manual_seed(1)
    model = nn.Linear(2, 1, dtype=rg.float64)
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer = rg.optim.SGD(model.parameters(), lr=rate)
    criterion = nn.MSELoss()
    history = []
    for _ in range(EPOCHS):
        for rows, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(rows), targets)
            loss.backward()
            optimizer.step()
        with rg.no_grad():
            history.append(criterion(model(x), y).item())
    return model, history


def main() -> dict[str, tuple[nn.Linear, list[float]]]:
    """What each way comes to."""
    results = {}
    for name, (batch_size, rate) in WAYS.items():
        model, history = train(batch_size, rate)
        steps = EPOCHS * ROWS // batch_size
        shown = ", ".join(f"{loss:.4f}" for loss in (history[0], history[4], history[-1]))
        print(f"{name:<11} {steps:>5} steps of {batch_size:>2} rows; loss after epochs 1, 5 and {EPOCHS}: {shown}")
        results[name] = model, history
    return results


if __name__ == "__main__":
    main()
