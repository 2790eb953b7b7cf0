"""A workload with its numbers, as it travels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.workloads import WORKLOADS, Workload

Array = npt.NDArray[Any]
_STATE = "state/"


@dataclass(frozen=True)
class Problem:
    """A workload with its numbers.

    Attributes:
        workload: what it is.
        inputs: float32, or int64 where they are symbols; of shape (rows, ...).
        targets: int64 classes of shape (rows, ...), or float32 of shape (rows, 1).
        state: initial parameters and buffers under the names of the network's `state_dict`.
    """

    workload: Workload
    inputs: Array
    targets: Array
    state: dict[str, Array]

    def batches(self) -> list[tuple[Array, Array]]:
        """The data cut into batches, in order."""
        size = self.workload.batch_size
        return [
            (self.inputs[start : start + size], self.targets[start : start + size])
            for start in range(0, len(self.inputs), size)
        ]

    def save(self, path: Path) -> None:
        """Write it down for other processes."""
        arrays = {_STATE + name: array for name, array in self.state.items()}
        arrays |= {"name": np.array(self.workload.name), "inputs": self.inputs, "targets": self.targets}
        np.savez(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Problem:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            state = {name.removeprefix(_STATE): arrays[name] for name in arrays if name.startswith(_STATE)}
            return cls(WORKLOADS[str(arrays["name"])], arrays["inputs"], arrays["targets"], state)
