"""Keras, `train_on_batch` on its default backend: the loop that its users write when they want each loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import keras
import numpy as np

from benchmarks.contender import StepContender
from benchmarks.problem import Problem

layers = keras.layers


class KerasLoop(StepContender):
    """The dense and convolutional networks."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.batches = [(_placed(inputs), targets) for inputs, targets in problem.batches()]
        self.reset()

    @staticmethod
    def warm_up() -> None:
        model = _dense(2)
        model.compile(optimizer="adam", loss="mse")
        model.train_on_batch(np.ones((4, 2), np.float32), np.ones((4, 2), np.float32))

    def reset(self) -> None:
        workload = self.problem.workload
        self.model = _NETWORKS[workload.name]()
        self.model.build((None, *self.batches[0][0].shape[1:]))
        self.model.set_weights(_weights(self.problem))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if workload.is_classifier else "mse"
        self.model.compile(optimizer=_optimizer(workload.optimizer, dict(workload.options)), loss=loss)

    def use_dropout(self) -> None:
        """These networks have none."""

    def step(self, index: int) -> float:
        return float(self.model.train_on_batch(*self.batches[index % len(self.batches)]))


def _placed(inputs: Any) -> Any:
    return inputs.transpose(0, 2, 3, 1).copy() if inputs.ndim == 4 else inputs


def _optimizer(name: str, options: dict[str, Any]) -> Any:
    lr = options.pop("lr")
    if name == "Adam":
        return keras.optimizers.Adam(lr, epsilon=1e-8)
    return keras.optimizers.SGD(lr, options.get("momentum", 0.0), options.get("nesterov", False))


def _weights(problem: Problem) -> list[Any]:
    """In Keras's layouts: dense (in, out), convolutions (H, W, in, out), dense rows after `Flatten` channels last."""
    weights = []
    for name, array in problem.state.items():
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            array = array.T
            if problem.workload.name == "cnn" and name == "7.weight":
                array = array.reshape(64, 5, 5, -1).transpose(1, 2, 0, 3).reshape(array.shape)
        weights.append(np.ascontiguousarray(array))
    return weights


def _xor() -> Any:
    return keras.Sequential([layers.Dense(2, "sigmoid", use_bias=False), layers.Dense(1, "sigmoid", use_bias=False)])


def _dense(*sizes: int) -> Any:
    hidden = [layers.Dense(size, "relu") for size in sizes[:-1]]
    return keras.Sequential([*hidden, layers.Dense(sizes[-1])])


def _cnn() -> Any:
    return keras.Sequential(
        [
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, "relu"),
            layers.Dense(10),
        ]
    )


_NETWORKS: Final[dict[str, Callable[[], Any]]] = {
    "xor": _xor,
    "digits": lambda: _dense(100, 10),
    "mlp": lambda: _dense(512, 256, 10),
    "cnn": _cnn,
}
