"""A single layer of one sigmoid on the four rows of XOR: it cannot learn them.

    python examples/xor_single_layer.py

One unit draws one straight line through the square of inputs. No line has (0, 1) and (1, 0) on one side and (0, 0)
and (1, 1) on the other, so the best that 10,000 steps of gradient descent reach is to answer about 1/2 to everything.
`xor.py` adds a hidden layer.
"""

from __future__ import annotations

import retrograd as rg
from retrograd import nn

STEPS, RATE = 10_000, 0.1

inputs = rg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=rg.float64)
targets = rg.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=rg.float64)


def main() -> tuple[nn.Sequential, float]:
    """The trained layer and its loss."""
    rg.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 1, dtype=rg.float64), nn.Sigmoid())
    optimizer = rg.optim.SGD(model.parameters(), lr=RATE)
    criterion = nn.MSELoss()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    with rg.no_grad():
        for row, target, answer in zip(inputs.tolist(), targets.tolist(), model(inputs).tolist(), strict=True):
            print(f"{row} should be {target[0]:.0f}, is {answer[0]:.3f}")
    print(f"loss {loss.item():.4f}: 1/4 is what answering 1/2 to everything gives. One layer cannot learn XOR.")
    return model, loss.item()


if __name__ == "__main__":
    main()
