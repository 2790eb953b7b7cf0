"""One step of backpropagation, written out and then done by the library: 3 inputs, 2 hidden units, 1 output.

    python examples/by_hand.py

A network of sigmoids makes a prediction p of a target t, with the error E = (p - t)^2 / 2. The chain rule says how E
changes with each weight, from the output backwards; every weight then takes a small step against its gradient.
"""

from __future__ import annotations

import retrograd as rg

RATE = 0.1

inputs = rg.tensor([[0.05, 0.10, 0.90]], dtype=rg.float64)
target = rg.tensor([[0.80]], dtype=rg.float64)


def initial_weights() -> tuple[rg.Tensor, rg.Tensor, rg.Tensor, rg.Tensor]:
    """Weights and bias of the hidden layer (a column for each unit), then of the output."""
    hidden = rg.tensor([[0.15, 0.25], [0.20, 0.30], [-0.10, 0.40]], dtype=rg.float64, requires_grad=True)
    hidden_bias = rg.tensor([0.35, 0.35], dtype=rg.float64, requires_grad=True)
    out = rg.tensor([[0.40], [-0.45]], dtype=rg.float64, requires_grad=True)
    out_bias = rg.tensor([0.60], dtype=rg.float64, requires_grad=True)
    return hidden, hidden_bias, out, out_bias


def gradients_by_hand(weights: tuple[rg.Tensor, ...]) -> list[rg.Tensor]:
    """The chain rule, line by line. A sigmoid s has the derivative s (1 - s)."""
    hidden, hidden_bias, out, out_bias = (weight.detach() for weight in weights)
    h = (inputs @ hidden + hidden_bias).sigmoid()
    p = (h @ out + out_bias).sigmoid()
    error_p = p - target
    error_sum = error_p * p * (1 - p)
    error_h = error_sum @ out.T
    error_hidden_sum = error_h * h * (1 - h)
    return [inputs.T @ error_hidden_sum, error_hidden_sum[0], h.T @ error_sum, error_sum[0]]


def forward(weights: tuple[rg.Tensor, ...]) -> rg.Tensor:
    """The error E of the prediction."""
    hidden, hidden_bias, out, out_bias = weights
    h = (inputs @ hidden + hidden_bias).sigmoid()
    p = (h @ out + out_bias).sigmoid()
    error: rg.Tensor = ((p - target) ** 2).sum() / 2
    return error


def main() -> tuple[list[rg.Tensor], float, float]:
    """Updated weights, and the error before and after."""
    weights = initial_weights()
    before = forward(weights)
    before.backward()
    for name, weight, by_hand in zip(
        ("hidden", "hidden bias", "out", "out bias"), weights, gradients_by_hand(weights), strict=True
    ):
        assert weight.grad is not None
        difference = (weight.grad - by_hand).abs().max().item()
        print(f"gradient of {name}: {weight.grad.tolist()}, by hand the same within {difference:.0e}")
    with rg.no_grad():
        for weight in weights:
            weight -= RATE * weight.grad
    after = forward(weights)
    print(f"error before the step {before.item():.8f}, after it {after.item():.8f}")
    return [weight.detach() for weight in weights], before.item(), after.item()


if __name__ == "__main__":
    main()
