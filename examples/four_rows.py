"""A table of four rows learned by a 3-4-1 network without biases, in 1,500 steps.

    python examples/four_rows.py

The target is the exclusive or of the first two columns; the third column is always 1 and stands in for a bias. The
error is half the sum of squares and the learning rate 1, so each step adds `layer.T @ delta` to the weights.
"""

from __future__ import annotations

import retrograd as rg

STEPS = 1_500

inputs = rg.tensor([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=rg.float64)
targets = rg.tensor([[0], [1], [1], [0]], dtype=rg.float64)


def initial_weights() -> tuple[rg.Tensor, rg.Tensor]:
    """Of the hidden layer and of the output, uniform between 0 and 1."""
    rg.manual_seed(1)
    hidden = rg.rand(3, 4, dtype=rg.float64).requires_grad_()
    out = rg.rand(4, 1, dtype=rg.float64).requires_grad_()
    return hidden, out


def main() -> tuple[list[rg.Tensor], list[float]]:
    """The trained weights, and what the network answers."""
    hidden, out = initial_weights()
    for step in range(STEPS):
        answers = ((inputs @ hidden).sigmoid() @ out).sigmoid()
        loss = ((answers - targets) ** 2).sum() / 2
        loss.backward()
        with rg.no_grad():
            for weight in (hidden, out):
                weight -= weight.grad
                weight.grad = None
        if step % 300 == 0:
            print(f"step {step:>4}: loss {loss.item():.5f}")
    print("answers", [round(answer, 4) for answer in answers.flatten().tolist()])
    return [hidden.detach(), out.detach()], answers.detach().flatten().tolist()


if __name__ == "__main__":
    main()
