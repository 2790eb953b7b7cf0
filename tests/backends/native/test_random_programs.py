"""Random programs with gradients: every tier and thread count gives the same bits, and the reference agrees."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg

SHAPES = [(4, 6), (6, 4), (1, 6), (4, 1), (6,), (2, 4, 6), (33, 40)]
# Of images: with few channels, and with as many as Winograd's transforms ask for.
IMAGES = [(2, 4, 7, 6), (3, 17, 8, 8)]
COUNT = int(os.environ.get("RETROGRAD_RANDOM_PROGRAMS", "60"))


def _broadcasts(a: Any, b: Any) -> bool:
    pairs = zip(reversed(a.shape), reversed(b.shape), strict=False)
    return all(m == n or 1 in (m, n) for m, n in pairs)


def _unary(rng: random.Random, x: Any) -> Any:
    choice: Callable[[], Any] = rng.choice(
        [
            lambda: x.tanh(),
            lambda: x.sigmoid(),
            lambda: x.relu(),
            lambda: (x * 0.1).exp(),
            lambda: (x * x + 1.0).sqrt(),
            lambda: x.softmax(x.ndim - 1),
            lambda: x.log_softmax(0),
            lambda: -x,
            lambda: x * rng.uniform(-2, 2),
            lambda: x.clamp(-0.5, 0.75),
            lambda: rg.where(x > 0.1, x, x * 0.5),
            lambda: x.masked_fill(x < -0.5, 0.25),
        ]
    )
    return choice()


def _reduced(rng: random.Random, x: Any) -> Any:
    axis = rng.randrange(x.ndim)
    keep = rng.random() < 0.5
    if x.ndim - (not keep) < 1:
        keep = True
    return rng.choice([lambda: x.sum(axis, keep), lambda: x.mean(axis, keep), lambda: x.amax(axis, keep)])()


def _moved(rng: random.Random, x: Any) -> Any:
    if x.ndim < 2:
        return x.reshape(1, -1)
    return rng.choice(
        [
            lambda: x.transpose(0, x.ndim - 1),
            lambda: x.reshape(-1),
            lambda: x[: max(x.shape[0] // 2, 1)],
            lambda: x[..., ::2],
            lambda: x.flatten(0, 1),
            lambda: rg.cat([x, x * 2.0], rng.randrange(x.ndim)),
            lambda: rg.cat([x, x.flip(0)], rng.randrange(x.ndim)),
        ]
    )()


def _combined(rng: random.Random, pool: list[Any]) -> Any:
    a = rng.choice(pool)
    others = [b for b in pool if _broadcasts(a, b)]
    b = rng.choice(others)
    operation = rng.choice(["add", "sub", "mul", "div", "maximum"])
    return a / (b * b + 1.0) if operation == "div" else getattr(a, operation)(b)


def _multiplied(rng: random.Random, pool: list[Any]) -> Any:
    pairs = [(a, b) for a in pool for b in pool if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]]
    if not pairs:
        return _combined(rng, pool)
    a, b = rng.choice(pairs)
    return (a @ b) * (1.0 / a.shape[1])


def _layer(rng: random.Random, x: Any, weights: list[Any]) -> Any:
    """A layer of a convolutional network over images; it may make a weight."""
    F, channels = rg.nn.functional, x.shape[1]

    def weight(*shape: int) -> Any:
        values = np.random.RandomState(len(weights)).randn(*shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(rg.tensor(values.astype(np.float32), requires_grad=True))
        return weights[-1]

    def convolved() -> Any:
        kernel, stride = rng.choice([1, 2, 3]), rng.choice([1, 1, 2])
        w = weight(rng.choice([3, 17]), channels, kernel, kernel)
        return F.conv2d(x, w, stride=stride, padding=rng.randrange(kernel))

    return rng.choice(
        [
            convolved,
            convolved,
            lambda: F.conv_transpose2d(x, weight(channels, 5, 2, 2), stride=2),
            lambda: F.conv2d(x, weight(channels, 1, 3, 3), padding=1, groups=channels),
            lambda: F.max_pool2d(x, 2),
            lambda: F.max_pool2d(x, 3, stride=1, padding=1),
            lambda: F.avg_pool2d(x, 2),
            lambda: F.batch_norm(x, None, None, training=True),
            lambda: x.mean((2, 3), keepdim=True) * x,
            lambda: x.flatten(1),
        ]
    )()


def _program(seed: int) -> list[np.ndarray[Any, Any]]:
    """Build and run a program; the loss, all gradients, and what the pool ends with."""
    rng = random.Random(seed)
    data = np.random.RandomState(seed)
    leaves = [
        rg.tensor(data.randn(*rng.choice(SHAPES)).astype(np.float32), requires_grad=True)
        for _ in range(rng.randint(2, 4))
    ]
    pool = list(leaves)
    if rng.random() < 0.4:
        pool.append(rg.tensor(data.randn(*rng.choice(IMAGES)).astype(np.float32), requires_grad=True))
        leaves.append(pool[-1])
    for _ in range(rng.randint(3, 14)):
        kind = rng.random()
        x = rng.choice(pool)
        images = [image for image in pool if image.ndim == 4 and min(image.shape[2:]) > 3]
        if images and rng.random() < 0.5:
            pool.append(_layer(rng, rng.choice(images), leaves))
        elif kind < 0.35:
            pool.append(_unary(rng, x))
        elif kind < 0.5:
            pool.append(_reduced(rng, x))
        elif kind < 0.65:
            pool.append(_moved(rng, x))
        elif kind < 0.85:
            pool.append(_combined(rng, pool))
        else:
            pool.append(_multiplied(rng, pool))
        if pool[-1].numel() > 5000:
            pool.pop()
    loss = sum((x.mean() for x in pool[-3:]), start=rg.tensor(0.0))
    loss.backward()
    optimizer = rg.optim.SGD(leaves, lr=0.05, momentum=0.9)
    optimizer.step()
    results = [loss, *[x.grad for x in leaves if x.grad is not None], *leaves, pool[-1]]
    return [np.array(x.detach().numpy()) for x in results]


def _run(seed: int, backend: str, tier: int | None, threads: int = 2) -> list[np.ndarray[Any, Any]]:
    before = rg.get_num_threads()
    rg.set_num_threads(threads)
    try:
        with rg.use_backend(backend, tier):
            return _program(seed)
    finally:
        rg.set_num_threads(before)


@pytest.mark.parametrize("seed", range(COUNT))
def test_same_bits_for_tiers_and_threads_and_close_to_the_reference(seed: int) -> None:
    expected = _run(seed, "native", 0, threads=1)
    for tier, threads in ((1, 1), (1, 2), (1, 4), (0, 2)):
        for a, b in zip(expected, _run(seed, "native", tier, threads), strict=True):
            assert a.tobytes() == b.tobytes(), (tier, threads)
    for a, b in zip(expected, _run(seed, "reference", None), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)
