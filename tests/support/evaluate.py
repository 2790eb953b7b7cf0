"""Operations applied to arrays, and finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import retrograd as rg
from retrograd.core.node import Node
from retrograd.core.operation import project, record
from retrograd.core.signature import Operation
from retrograd.ops.movement import inverse_order, permute
from retrograd.tensor.base import wrap

Array = np.ndarray[Any, Any]
STEP = 1e-6


def outputs(operation: Operation, inputs: Sequence[Node], attributes: tuple[Any, ...]) -> list[Any]:
    """The results as tensors."""
    node = record(operation, tuple(inputs), attributes)
    assert node.signature is not None
    if len(node.signature.outputs) == 1:
        return [wrap(node)]
    return [wrap(project(node, i)) for i in range(len(node.signature.outputs))]


def apply(operation: Operation, arrays: Sequence[Array], attributes: tuple[Any, ...]) -> list[Array]:
    """The results of arrays as arrays."""
    made = outputs(operation, [rg.tensor(x)._read() for x in arrays], attributes)
    return [x.detach().numpy().copy() for x in made]


def apply_permuted(operation: Operation, arrays: Sequence[Array], attributes: tuple[Any, ...]) -> list[Array]:
    """As `apply`, with inputs that lie in memory with their axes reversed."""
    nodes = []
    for x in arrays:
        order = tuple(reversed(range(x.ndim)))
        nodes.append(permute(rg.tensor(np.array(x.T, order="C"))._read(), inverse_order(order)))
    return [x.detach().numpy().copy() for x in outputs(operation, nodes, attributes)]


def weights(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def slopes(function: Callable[[Sequence[Array]], float], arrays: Sequence[Array], place: int) -> Array:
    """The gradient of a function with respect to one array, by central differences."""
    result = np.zeros(arrays[place].shape)
    for index in np.ndindex(result.shape):
        values = []
        for sign in (1, -1):
            moved = [x.copy() for x in arrays]
            moved[place][index] += sign * STEP
            values.append(function(moved))
        result[index] = (values[0] - values[1]) / (2 * STEP)
    return result
