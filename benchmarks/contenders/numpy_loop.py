"""Plain NumPy: forward and backward passes written out for the dense networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contender import StepContender
from benchmarks.problem import Array, Problem


class NumpyLoop(StepContender):
    """What one writes to understand backpropagation."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.data = problem.batches()
        self.reset()

    @staticmethod
    def warm_up() -> None:
        ones = np.ones((64, 64), np.float32)
        np.exp(ones @ ones)

    def reset(self) -> None:
        state = self.problem.state
        names = sorted({name.split(".")[0] for name in state})
        self.weights = [state[f"{name}.weight"].copy() for name in names]
        self.biases = [state[f"{name}.bias"].copy() for name in names if f"{name}.bias" in state]
        self.parameters = self.weights + self.biases
        self.first = [np.zeros_like(p) for p in self.parameters]
        self.second = [np.zeros_like(p) for p in self.parameters]
        self.count = 0

    def use_dropout(self) -> None:
        """These networks have none."""

    def step(self, index: int) -> float:
        inputs, targets = self.data[index % len(self.data)]
        values = [inputs]
        for layer, weight in enumerate(self.weights):
            values.append(self._activated(layer, values[-1] @ weight.T))
        loss, g = self._loss(values[-1], targets)
        gradients: list[Array] = []
        for layer in reversed(range(len(self.weights))):
            g = self._through_activation(layer, values[layer + 1], g)
            gradients.insert(0, g.T @ values[layer])
            if self.biases:
                gradients.insert(len(self.weights) - layer, g.sum(axis=0))
            if layer:
                g = g @ self.weights[layer]
        self._update(gradients)
        return loss

    def _activated(self, layer: int, x: Array) -> Array:
        if not self.biases:
            return np.asarray(1 / (1 + np.exp(-x)))
        x += self.biases[layer]
        return x if layer == len(self.weights) - 1 else np.maximum(x, 0)

    def _through_activation(self, layer: int, value: Array, g: Array) -> Array:
        if not self.biases:
            return np.asarray(g * value * (1 - value))
        return g if layer == len(self.weights) - 1 else g * (value > 0)

    def _loss(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        if not self.problem.workload.is_classifier:
            error = outputs - targets
            return float((error**2).mean()), 2 * error / error.size
        rows = np.arange(len(targets))
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        probabilities = np.exp(shifted)
        total = probabilities.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - shifted[rows, targets]).mean())
        g = probabilities / total
        g[rows, targets] -= 1
        return loss, g / len(targets)

    def _update(self, gradients: list[Array]) -> None:
        options: Any = self.problem.workload.options
        lr = options["lr"]
        self.count += 1
        for p, g, m, v in zip(self.parameters, gradients, self.first, self.second, strict=True):
            if self.problem.workload.optimizer == "SGD":
                p -= lr * g
                continue
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            root = np.sqrt(v) / np.sqrt(1 - 0.999**self.count) + 1e-8
            p -= (lr / (1 - 0.9**self.count) * m / root).astype(np.float32)
