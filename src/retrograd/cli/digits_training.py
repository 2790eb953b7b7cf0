"""Training on the digits: the loop as one writes it by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

import retrograd as rg
from retrograd.core.errors import RetrogradError
from retrograd.data.digits import load_digits_split

PIXELS: Final = 64
CLASSES: Final = 10
_BRIGHTEST: Final = np.float32(16)
_VALIDATION: Final = 144
# With SGD the held-out accuracy passes 97.5 % from each of 30 seeds; Adam swings more from one to the next.
_DEFAULT_LR: Final = {"adam": 0.005, "sgd": 0.2}
_MOMENTUM: Final = 0.9

Array = npt.NDArray[Any]


class TrainingError(RetrogradError, RuntimeError):
    """A training run that leads nowhere."""


@dataclass(frozen=True)
class DigitsOptions:
    """What a user may choose.

    Attributes:
        hidden: units of each hidden layer.
        optimizer: "sgd" with momentum 0.9, or "adam".
        lr: learning rate; None for the optimizer's default.
        epochs: passes over the training images.
        batch_size: images a step; the last batch of an epoch may be smaller.
        seed: of the initial weights and of the order of the images.
        threads: CPU threads; None for all.
    """

    hidden: tuple[int, ...] = (100,)
    optimizer: str = "sgd"
    lr: float | None = None
    epochs: int = 30
    batch_size: int = 32
    seed: int = 0
    threads: int | None = None

    @property
    def learning_rate(self) -> float:
        return _DEFAULT_LR[self.optimizer] if self.lr is None else self.lr


class Evaluation(NamedTuple):
    """Mean cross-entropy, and the share of images recognised."""

    loss: float
    accuracy: float


class EpochResult(NamedTuple):
    """How the model stood after an epoch, counted from 1."""

    epoch: int
    train: Evaluation
    validation: Evaluation

    def as_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "train": self.train._asdict(), "validation": self.validation._asdict()}


class ImageSet(NamedTuple):
    """Pixels of shape (n, 64) from 0 to 1, and labels of shape (n,)."""

    pixels: rg.Tensor
    labels: rg.Tensor

    @classmethod
    def of(cls, images: Array, labels: Array) -> ImageSet:
        return cls(rg.tensor(images.reshape(-1, PIXELS) / _BRIGHTEST), rg.tensor(labels))


class DigitsTraining:
    """One run: data, model, optimizer.

    Args:
        options: the user's choices.

    Attributes:
        model: the classifier, from (n, 64) pixels to (n, 10) logits.
        history: the results of the epochs so far.

    Example:
        >>> training = DigitsTraining(DigitsOptions(hidden=(8,), epochs=1))
        >>> [result.epoch for result in training.epochs()]
        [1]
    """

    def __init__(self, options: DigitsOptions) -> None:
        self.options = options
        self.history: list[EpochResult] = []
        if options.threads is not None:
            rg.set_num_threads(options.threads)
        rg.manual_seed(options.seed)
        self.model = build_model(options.hidden)
        self._criterion = rg.nn.CrossEntropyLoss()
        self._optimizer = _build_optimizer(options, self.model)
        split = load_digits_split()
        self._train = ImageSet.of(split.train_images[:-_VALIDATION], split.train_labels[:-_VALIDATION])
        self._validation = ImageSet.of(split.train_images[-_VALIDATION:], split.train_labels[-_VALIDATION:])
        self._held_out = ImageSet.of(split.held_out_images, split.held_out_labels)

    @property
    def total_steps(self) -> int:
        return self.options.epochs * math.ceil(len(self._train.labels) / self.options.batch_size)

    def epochs(self, on_step: Callable[[], None] = lambda: None) -> Iterator[EpochResult]:
        """Train, epoch by epoch.

        Args:
            on_step: called after each optimizer step.

        Raises:
            TrainingError: the loss is no longer a finite number.
        """
        for epoch in range(1, self.options.epochs + 1):
            self._train_one_epoch(on_step)
            result = EpochResult(epoch, self._evaluate(self._train), self._evaluate(self._validation))
            if not math.isfinite(result.train.loss):
                raise TrainingError(
                    f"the loss is {result.train.loss} after epoch {epoch}: the learning rate "
                    f"{self.options.learning_rate:g} is too high; try a tenth of it"
                )
            self.history.append(result)
            yield result

    def evaluate_held_out(self) -> Evaluation:
        """How the model does on the images that it has never seen."""
        return self._evaluate(self._held_out)

    def _train_one_epoch(self, on_step: Callable[[], None]) -> None:
        order = rg.randperm(len(self._train.labels))
        for start in range(0, len(order), self.options.batch_size):
            batch = order[start : start + self.options.batch_size]
            self._optimizer.zero_grad()
            loss = self._criterion(self.model(self._train.pixels[batch]), self._train.labels[batch])
            loss.backward()
            self._optimizer.step()
            on_step()

    def _evaluate(self, images: ImageSet) -> Evaluation:
        with rg.no_grad():
            logits = self.model(images.pixels)
            loss = self._criterion(logits, images.labels)
        recognised = logits.numpy().argmax(axis=1) == images.labels.numpy()
        return Evaluation(float(loss.item()), float(recognised.mean()))


def build_model(hidden: tuple[int, ...]) -> rg.nn.Sequential:
    """A multilayer perceptron from 64 pixels to 10 logits, with ReLU between the layers.

    Example:
        >>> sorted(build_model((100,)).state_dict())
        ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    layers: list[rg.nn.Module] = []
    sizes = (PIXELS, *hidden)
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [rg.nn.Linear(fan_in, fan_out), rg.nn.ReLU()]
    return rg.nn.Sequential(*layers, rg.nn.Linear(sizes[-1], CLASSES))


def _build_optimizer(options: DigitsOptions, model: rg.nn.Module) -> rg.optim.Optimizer:
    if options.optimizer == "adam":
        return rg.optim.Adam(model.parameters(), lr=options.learning_rate)
    return rg.optim.SGD(model.parameters(), lr=options.learning_rate, momentum=_MOMENTUM)
