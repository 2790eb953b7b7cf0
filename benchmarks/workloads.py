"""What is trained: networks, and the numbers they begin with."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """One training problem.

    Attributes:
        name: as the user writes it.
        sizes: units of each layer, from the input to the output.
        activation: "relu", between the layers; or "sigmoid", after every layer.
        bias: whether layers have one.
        loss: "cross_entropy" or "mse".
        optimizer: "adam" or "sgd".
        lr: learning rate.
        batch_size: rows a step; the rows of the data are a multiple of it.
        steps: timed steps a turn of a loop that looks at each loss.
        chunk_steps: steps a call of a loop that runs by itself.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    bias: bool
    loss: str
    optimizer: str
    lr: float
    batch_size: int
    steps: int
    chunk_steps: int

    @property
    def is_classifier(self) -> bool:
        return self.loss == "cross_entropy"


WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload("xor", (2, 2, 1), "sigmoid", False, "mse", "sgd", 0.1, 4, 300, 10_000),
        Workload("digits", (64, 100, 10), "relu", True, "cross_entropy", "adam", 1e-3, 200, 140, 350),
        Workload(
            "mlp", (784, 512, 256, 10), "relu", True, "cross_entropy", "adam", 1e-3, 128, steps=60, chunk_steps=60
        ),
    )
}


@dataclass(frozen=True)
class Problem:
    """A workload with its numbers.

    Attributes:
        workload: what it is.
        inputs: float32 of shape (rows, sizes[0]).
        targets: int64 labels of shape (rows,), or float32 of shape (rows, sizes[-1]).
        weights: float32 of shape (fan_out, fan_in), a layer each.
        biases: float32 of shape (fan_out,), a layer each; empty where layers have none.
    """

    workload: Workload
    inputs: Array
    targets: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def batches(self) -> list[tuple[Array, Array]]:
        """The data cut into batches, in order."""
        size = self.workload.batch_size
        return [
            (self.inputs[start : start + size], self.targets[start : start + size])
            for start in range(0, len(self.inputs), size)
        ]

    def save(self, path: Path) -> None:
        """Write it down for other processes."""
        arrays = {f"weight{index}": array for index, array in enumerate(self.weights)}
        arrays |= {f"bias{index}": array for index, array in enumerate(self.biases)}
        description = np.array(json.dumps(dataclasses.asdict(self.workload)))
        arrays |= {"inputs": self.inputs, "targets": self.targets}
        np.savez(path, allow_pickle=False, description=description, **arrays)

    @classmethod
    def load(cls, path: Path) -> Problem:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            fields = json.loads(str(arrays["description"]))
            workload = Workload(**fields | {"sizes": tuple(fields["sizes"])})
            layers = range(len(workload.sizes) - 1)
            weights = tuple(arrays[f"weight{index}"] for index in layers)
            biases = tuple(arrays[f"bias{index}"] for index in layers) if workload.bias else ()
            return cls(workload, arrays["inputs"], arrays["targets"], weights, biases)
