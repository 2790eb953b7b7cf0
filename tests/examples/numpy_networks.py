"""The examples' networks in plain NumPy, written out: what the programs are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Arrays = list[Array]
# parameters and gradients to the next parameters; keeps its own state
Update = Callable[[Arrays, Arrays], Arrays]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def sgd(rate: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0) -> Update:
    """Gradient descent with PyTorch's momentum."""
    velocities: Arrays = []

    def update(parameters: Arrays, gradients: Arrays) -> Arrays:
        decayed = [g + weight_decay * p for p, g in zip(parameters, gradients, strict=True)]
        if momentum:
            previous = velocities or [np.zeros_like(g) for g in decayed]
            velocities[:] = [momentum * v + g for v, g in zip(previous, decayed, strict=True)]
            decayed = [g + momentum * v if nesterov else v for g, v in zip(decayed, velocities, strict=True)]
        return [p - rate * g for p, g in zip(parameters, decayed, strict=True)]

    return update


def adam(rate: float) -> Update:
    """Adam with the usual constants."""
    moments: list[Arrays] = []
    count = 0

    def update(parameters: Arrays, gradients: Arrays) -> Arrays:
        nonlocal count
        count += 1
        if not moments:
            moments.extend([[np.zeros_like(g) for g in gradients] for _ in range(2)])
        first, second = moments
        first[:] = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
        second[:] = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
        return [
            p - rate * (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
            for p, m, v in zip(parameters, first, second, strict=True)
        ]

    return update


def cross_entropy(scores: Array, labels: Array) -> tuple[float, Array]:
    """The mean loss, and its gradient."""
    rows = np.arange(len(labels))
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    loss = float((np.log(total[:, 0]) - shifted[rows, labels]).mean())
    g = powers / total
    g[rows, labels] -= 1
    return loss, g / len(labels)


def fit_line(weights: Arrays, batches: Iterable[tuple[Array, Array]], update: Update) -> Arrays:
    """Linear regression by mean squared error."""
    for x, y in batches:
        weight, bias = weights
        g = 2 * (x @ weight.T + bias - y) / y.size
        weights = update(weights, [g.T @ x, g.sum(axis=0)])
    return weights


class NormalisedClassifier:
    """Linear, ReLU, batch norm, Linear; parameters in the order of the module's."""

    def __init__(self, parameters: Arrays) -> None:
        self.parameters = parameters
        self.mean, self.variance = np.zeros(32), np.ones(32)

    def step(self, x: Array, labels: Array, update: Update) -> float:
        w1, b1, gamma, beta, w2, b2 = self.parameters
        before = x @ w1.T + b1
        h = np.maximum(before, 0)
        mean, variance = h.mean(axis=0), h.var(axis=0)
        n = len(x)
        self.mean = 0.9 * self.mean + 0.1 * mean
        self.variance = 0.9 * self.variance + 0.1 * variance * n / (n - 1)
        deviation = 1 / np.sqrt(variance + 1e-5)
        normal = (h - mean) * deviation
        z = normal * gamma + beta
        loss, g = cross_entropy(z @ w2.T + b2, labels)
        g_z = g @ w2
        g_normal = g_z * gamma
        g_h = deviation / n * (n * g_normal - g_normal.sum(axis=0) - normal * (g_normal * normal).sum(axis=0))
        g_before = g_h * (before > 0)
        gradients = [g_before.T @ x, g_before.sum(axis=0), (g_z * normal).sum(axis=0), g_z.sum(axis=0)]
        self.parameters = update(self.parameters, [*gradients, g.T @ z, g.sum(axis=0)])
        return loss


def _windows(x: Array) -> Array:
    """Patches of 3 x 3 around each pixel, zeros outside: (n, h, w, channels * 9)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = x.shape
    return patches.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def _convolved(x: Array, weight: Array, bias: Array) -> Array:
    return np.asarray((_windows(x) @ weight.reshape(len(weight), -1).T + bias).transpose(0, 3, 1, 2))


def _convolved_backward(x: Array, weight: Array, g: Array) -> tuple[Array, Array, Array]:
    """Gradients of the image, the weight and the bias."""
    rows = g.transpose(0, 2, 3, 1)
    g_weight = np.tensordot(rows, _windows(x), axes=((0, 1, 2), (0, 1, 2))).reshape(weight.shape)
    flipped = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    return _convolved(g, flipped, np.zeros(len(flipped))), g_weight, rows.sum(axis=(0, 1, 2))


def _quarters(x: Array) -> Array:
    """The four numbers of each 2 x 2: (n, c, h / 2, w / 2, 4)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)


def _pooled_backward(x: Array, g: Array) -> Array:
    """Each gradient goes to the first greatest number of its 2 x 2."""
    quarters = _quarters(x)
    spread = np.zeros_like(quarters)
    np.put_along_axis(spread, quarters.argmax(axis=-1)[..., None], g[..., None], axis=-1)
    n, c, h, w = x.shape
    return spread.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)


def convnet_step(parameters: Arrays, x: Array, labels: Array, update: Update) -> tuple[Arrays, float]:
    """One step of conv, ReLU, pool, conv, ReLU, pool, dense, ReLU, dense."""
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters
    before1 = _convolved(x, k1, c1)
    h1 = np.maximum(before1, 0)
    p1 = _quarters(h1).max(axis=-1)
    before2 = _convolved(p1, k2, c2)
    h2 = np.maximum(before2, 0)
    flat = _quarters(h2).max(axis=-1).reshape(len(x), -1)
    before3 = flat @ w1.T + b1
    h3 = np.maximum(before3, 0)
    loss, g = cross_entropy(h3 @ w2.T + b2, labels)
    g3 = (g @ w2) * (before3 > 0)
    g_pool2 = (g3 @ w1).reshape(len(x), 64, 2, 2)
    g2 = _pooled_backward(h2, g_pool2) * (before2 > 0)
    g_p1, g_k2, g_c2 = _convolved_backward(p1, k2, g2)
    g1 = _pooled_backward(h1, g_p1) * (before1 > 0)
    _, g_k1, g_c1 = _convolved_backward(x, k1, g1)
    gradients = [g_k1, g_c1, g_k2, g_c2, g3.T @ flat, g3.sum(axis=0), g.T @ h3, g.sum(axis=0)]
    return update(parameters, gradients), loss
