"""Data and initial weights, made once, then given to every contender."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

import retrograd as rg
from benchmarks.models import MODELS, SYMBOLS, WORDS
from benchmarks.problem import Array, Problem
from benchmarks.workloads import Workload
from retrograd.data.digits import load_digits

_DIGITS_ROWS: Final = 1400
_BATCHES: Final = 4


def make_problem(workload: Workload, seed: int = 0) -> Problem:
    """Data of a workload, and the weights that its layers begin with after `manual_seed(seed)`, in PyTorch as here."""
    rg.manual_seed(seed)
    state = {name: value.numpy() for name, value in MODELS[workload.name](rg).state_dict().items()}
    inputs, targets = _DATA[workload.name](np.random.default_rng(seed), workload.batch_size)
    return Problem(workload, inputs, targets, state)


Data = tuple[Array, Array]


def _xor_data(_: np.random.Generator, __: int) -> Data:
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return inputs, np.array([[0], [1], [1], [0]], np.float32)


def _digits_data(_: np.random.Generator, __: int) -> Data:
    images, labels = load_digits()
    return images.reshape(-1, 64)[:_DIGITS_ROWS] / np.float32(16), labels[:_DIGITS_ROWS]


def _noise(*shape: int, classes: int, batches: int = _BATCHES) -> Callable[[np.random.Generator, int], Data]:
    def data(random: np.random.Generator, batch_size: int) -> Data:
        rows = batches * batch_size
        return random.standard_normal((rows, *shape), np.float32), random.integers(0, classes, rows)

    return data


def _masks(random: np.random.Generator, batch_size: int) -> Data:
    """Images and, for each pixel, whether a blurred copy of the image is positive there."""
    images = random.standard_normal((_BATCHES * batch_size, 3, 64, 64), np.float32)
    blurred = np.roll(images, 1, 2) + images + np.roll(images, 1, 3)
    return images, (blurred.mean(axis=1) > 0).astype(np.int64)


def _sums(random: np.random.Generator, batch_size: int) -> Data:
    sequences = random.standard_normal((_BATCHES * batch_size, 50, 10), np.float32)
    return sequences, sequences[:, -5:].mean(axis=(1, 2), keepdims=True)[..., 0]


def _text(random: np.random.Generator, batch_size: int) -> Data:
    symbols = random.integers(0, SYMBOLS, (_BATCHES * batch_size, 65))
    return symbols[:, :-1].copy(), symbols[:, 1:].copy()


def _sentences(random: np.random.Generator, batch_size: int) -> Data:
    rows = _BATCHES * batch_size
    return random.integers(0, WORDS, (rows, 128)), random.integers(0, 2, rows)


_DATA: Final[dict[str, Callable[[np.random.Generator, int], Data]]] = {
    "xor": _xor_data,
    "digits": _digits_data,
    "mlp": _noise(784, classes=10, batches=10),
    "bn-mlp": _noise(784, classes=10, batches=10),
    "cnn": _noise(1, 28, 28, classes=10),
    "resnet20": _noise(3, 32, 32, classes=10),
    "unet": _masks,
    "rnn": _sums,
    "lstm": _noise(64, 64, classes=10),
    "gpt": _text,
    "bert": _sentences,
}
