"""Two convolutions for images of 28 x 28 in grey."""

from __future__ import annotations

from typing import Any


def cnn(library: Any) -> Any:
    """conv 32, pool, conv 64, pool, dense 64, 10 classes."""
    nn = library.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 5 * 5, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
