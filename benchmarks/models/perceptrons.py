"""Dense networks."""

from __future__ import annotations

from typing import Any


def xor(library: Any) -> Any:
    """2-2-1, sigmoids, no biases."""
    nn = library.nn
    return nn.Sequential(nn.Linear(2, 2, bias=False), nn.Sigmoid(), nn.Linear(2, 1, bias=False), nn.Sigmoid())


def digits(library: Any) -> Any:
    """64-100-10."""
    nn = library.nn
    return nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))


def mlp(library: Any) -> Any:
    """784-512-256-10."""
    nn = library.nn
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))


def bn_mlp(library: Any) -> Any:
    """784-256-10 with batch normalisation after the rectifier."""
    nn = library.nn
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.BatchNorm1d(256), nn.Linear(256, 10))
