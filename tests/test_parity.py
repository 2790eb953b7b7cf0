"""Whole trainings, step by step: against PyTorch, and against a few lines of NumPy."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.parity import needs_torch, torch

Array = np.ndarray[Any, Any]
STEPS, BATCH, CLASSES = 100, 128, 10
XOR_STEPS, XOR_RATE = 10_000, 0.1


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def images(count: int) -> tuple[Array, Array]:
    """Images of 28 x 28 with grey values from 0 to 1: blurred strokes that depend on the class, shifted and noisy."""
    rg.manual_seed(11)
    strokes = rg.rand(CLASSES, 7, 7).numpy() > 0.6
    patterns = np.kron(strokes, np.ones((4, 4))).astype(np.float32)
    labels = rg.randint(0, CLASSES, (count,)).numpy()
    shifts = rg.randint(-2, 3, (count, 2)).numpy()
    noise = 0.2 * rg.rand(count, 28, 28).numpy()
    shifted = np.stack([np.roll(patterns[k], tuple(s), (0, 1)) for k, s in zip(labels, shifts, strict=True)])
    return (0.8 * shifted + noise).reshape(count, 784).astype(np.float32), labels


def mlp(library: Any) -> Any:
    library.manual_seed(0)
    nn = library.nn
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, CLASSES))


def losses_of(library: Any, x: Any, y: Any) -> list[float]:
    model = mlp(library)
    criterion = library.nn.CrossEntropyLoss()
    optimizer = library.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for step in range(STEPS):
        start = step * BATCH % (len(x) - BATCH + 1)
        optimizer.zero_grad()
        loss = criterion(model(x[start : start + BATCH]), y[start : start + BATCH])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@functools.cache
def pytorch_losses() -> list[float]:
    torch.set_num_threads(1)
    x, y = images(20 * BATCH)
    losses = losses_of(torch, torch.tensor(x), torch.tensor(y))
    assert losses[-1] < 0.5 * losses[0], "the task can be learned"
    return losses


@needs_torch
def test_a_hundred_steps_of_the_mlp_have_pytorchs_losses(backend: str) -> None:
    x, y = images(20 * BATCH)
    ours = losses_of(rg, rg.tensor(x), rg.tensor(y))
    np.testing.assert_allclose(ours, pytorch_losses(), rtol=0, atol=1e-5)


def convnet(library: Any, dtype: Any) -> Any:
    """conv 32, pool, conv 64, pool, dense 64, ten classes, for images of 28 x 28."""
    library.manual_seed(0)
    nn = library.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 64, dtype=dtype),
        nn.ReLU(),
        nn.Linear(64, CLASSES, dtype=dtype),
    )


def convnet_gradients(library: Any, x: Array, y: Array) -> list[Array]:
    model = convnet(library, library.float64)
    loss = library.nn.CrossEntropyLoss()(model(library.tensor(x, dtype=library.float64)), library.tensor(y))
    loss.backward()
    return [parameter.grad.numpy() for parameter in model.parameters()]


def convnet_losses(library: Any, x: Array, y: Array, batch: int = 32) -> list[float]:
    model = convnet(library, library.float32)
    optimizer = library.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    losses = []
    for step in range(STEPS):
        start = step * batch % (len(x) - batch + 1)
        optimizer.zero_grad()
        rows, labels = library.tensor(x[start : start + batch]), library.tensor(y[start : start + batch])
        loss = library.nn.functional.cross_entropy(model(rows), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@functools.cache
def convnet_of_pytorch() -> tuple[list[Array], list[float]]:
    torch.set_num_threads(1)
    x, y = images(20 * 32)
    x = x.reshape(-1, 1, 28, 28)
    losses = convnet_losses(torch, x, y)
    assert losses[-1] < 0.5 * losses[0], "the task can be learned"
    return convnet_gradients(torch, x[:16], y[:16]), losses


@needs_torch
def test_the_gradient_of_a_convolutional_network_is_pytorchs(backend: str) -> None:
    expected, _ = convnet_of_pytorch()
    x, y = images(20 * 32)
    ours = convnet_gradients(rg, x[:16].reshape(-1, 1, 28, 28), y[:16])
    for a, b in zip(ours, expected, strict=True):
        assert np.linalg.norm(a - b) <= 1e-6 * np.linalg.norm(b)


@needs_torch
def test_a_hundred_steps_of_a_convolutional_network_have_pytorchs_losses() -> None:
    _, expected = convnet_of_pytorch()
    x, y = images(20 * 32)
    with use_backend("native"):
        np.testing.assert_allclose(convnet_losses(rg, x.reshape(-1, 1, 28, 28), y), expected, rtol=0, atol=1e-5)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def xor_in_numpy(hidden: Array, out: Array, x: Array, y: Array) -> tuple[Array, Array, float]:
    """Two layers of sigmoids without biases, mean square error, plain gradient descent."""
    for _ in range(XOR_STEPS):
        h = _sigmoid(x @ hidden.T)
        p = _sigmoid(h @ out.T)
        loss = float(np.mean((p - y) ** 2))
        g = 2 * (p - y) / y.size * p * (1 - p)
        g_hidden = (g @ out) * h * (1 - h)
        out = out - XOR_RATE * g.T @ h
        hidden = hidden - XOR_RATE * g_hidden.T @ x
    return hidden, out, loss


def test_xor_equals_numpy(backend: str) -> None:
    generator = np.random.default_rng(5)
    hidden, out = generator.uniform(-1, 1, (2, 2)), generator.uniform(-1, 1, (1, 2))
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    model = rg.nn.Sequential(
        rg.nn.Linear(2, 2, bias=False, dtype=rg.float64),
        rg.nn.Sigmoid(),
        rg.nn.Linear(2, 1, bias=False, dtype=rg.float64),
        rg.nn.Sigmoid(),
    )
    model.load_state_dict({"0.weight": rg.tensor(hidden), "2.weight": rg.tensor(out)})
    optimizer = rg.optim.SGD(model.parameters(), lr=XOR_RATE)
    criterion, inputs, targets = rg.nn.MSELoss(), rg.tensor(x), rg.tensor(y)
    for _ in range(XOR_STEPS):
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    expected_hidden, expected_out, expected_loss = xor_in_numpy(hidden, out, x, y)
    np.testing.assert_allclose(model[0].weight.detach().numpy(), expected_hidden, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model[2].weight.detach().numpy(), expected_out, rtol=0, atol=1e-10)
    assert loss.item() == pytest.approx(expected_loss, abs=1e-10)
