"""Data and initial weights, made once in NumPy, then given to every contender."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.workloads import Array, Problem, Workload
from retrograd.data.digits import load_digits

_DIGITS_ROWS: Final = 1400
_MLP_ROWS: Final = 1280


def make_problem(workload: Workload, seed: int = 0) -> Problem:
    """Data and initial weights of a workload; weights are uniform within 1 / sqrt(fan_in), as PyTorch's are."""
    random = np.random.default_rng(seed)
    inputs, targets = _DATA[workload.name](random)
    weights: list[Array] = []
    biases: list[Array] = []
    for fan_in, fan_out in itertools.pairwise(workload.sizes):
        bound = fan_in**-0.5
        weights.append(random.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32))
        if workload.bias:
            biases.append(random.uniform(-bound, bound, fan_out).astype(np.float32))
    return Problem(workload, inputs, targets, tuple(weights), tuple(biases))


def _xor_data(_: np.random.Generator) -> tuple[Array, Array]:
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return inputs, np.array([[0], [1], [1], [0]], np.float32)


def _digits_data(_: np.random.Generator) -> tuple[Array, Array]:
    images, labels = load_digits()
    return images.reshape(-1, 64)[:_DIGITS_ROWS] / np.float32(16), labels[:_DIGITS_ROWS]


def _mlp_data(random: np.random.Generator) -> tuple[Array, Array]:
    inputs = random.standard_normal((_MLP_ROWS, 784), np.float32)
    return inputs, random.integers(0, 10, _MLP_ROWS)


_DATA: Final[dict[str, Callable[[np.random.Generator], tuple[Array, Array]]]] = {
    "xor": _xor_data,
    "digits": _digits_data,
    "mlp": _mlp_data,
}
