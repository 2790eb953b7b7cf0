"""Training on the digits: the loop as one writes it by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

import retrograd as rg
from retrograd.cli.evaluation import ClassEvaluation, EpochResult
from retrograd.cli.training_error import require_finite
from retrograd.data.digits import load_digits_split

SIDE: Final = 8
PIXELS: Final = SIDE * SIDE
CLASSES: Final = 10
NETWORKS: Final = ("conv", "dense")
_CHANNELS: Final = (32, 64)
_DEFAULT_HIDDEN: Final = {"conv": (64,), "dense": (100,)}
_BRIGHTEST: Final = np.float32(16)
_VALIDATION: Final = 144
_DEFAULT_LR: Final = {
    ("conv", "sgd"): 0.03,
    ("conv", "adam"): 0.003,
    ("dense", "sgd"): 0.2,
    ("dense", "adam"): 0.005,
}
_MOMENTUM: Final = 0.9

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class DigitsOptions:
    """What a user may choose.

    Attributes:
        network: "conv", two convolutions with pooling before the dense layers; or "dense", these alone.
        hidden: units of each dense layer but the last; None for the network's default.
        optimizer: "sgd" with momentum 0.9, or "adam".
        lr: learning rate; None for the default of network and optimizer.
        epochs: passes over the training images.
        batch_size: images a step; the last batch of an epoch may be smaller.
        seed: of the initial weights and of the order of the images.
        threads: CPU threads; None for all.
    """

    network: str = "conv"
    hidden: tuple[int, ...] | None = None
    optimizer: str = "sgd"
    lr: float | None = None
    epochs: int = 15
    batch_size: int = 32
    seed: int = 0
    threads: int | None = None

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        return _DEFAULT_HIDDEN[self.network] if self.hidden is None else self.hidden

    @property
    def learning_rate(self) -> float:
        return _DEFAULT_LR[self.network, self.optimizer] if self.lr is None else self.lr


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
        >>> training = DigitsTraining(DigitsOptions("dense", (8,), epochs=1))
        >>> [result.epoch for result in training.epochs()]
        [1]
    """

    def __init__(self, options: DigitsOptions) -> None:
        self.options = options
        self.history: list[EpochResult] = []
        if options.threads is not None:
            rg.set_num_threads(options.threads)
        rg.manual_seed(options.seed)
        self.model = build_model(options.network, options.hidden_sizes)
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
            require_finite(result, self.options.learning_rate)
            self.history.append(result)
            yield result

    def evaluate_held_out(self) -> ClassEvaluation:
        """How the model does on the images that it has never seen."""
        return self._evaluate(self._held_out)

    def config(self, held_out: ClassEvaluation) -> dict[str, Any]:
        """What was trained, on what, and how: enough to build the model again."""
        options = self.options
        return {
            "data": "digits",
            "input": "64 pixels from 0 to 16, divided by 16",
            "network": options.network,
            "hidden": list(options.hidden_sizes),
            "classes": CLASSES,
            "activation": "relu",
            "training": dataclasses.asdict(options) | {"hidden": options.hidden_sizes, "lr": options.learning_rate},
            "held_out": held_out._asdict(),
        }

    def _train_one_epoch(self, on_step: Callable[[], None]) -> None:
        order = rg.randperm(len(self._train.labels))
        for start in range(0, len(order), self.options.batch_size):
            batch = order[start : start + self.options.batch_size]
            self._optimizer.zero_grad()
            loss = self._criterion(self.model(self._train.pixels[batch]), self._train.labels[batch])
            loss.backward()
            self._optimizer.step()
            on_step()

    def _evaluate(self, images: ImageSet) -> ClassEvaluation:
        with rg.no_grad():
            logits = self.model(images.pixels)
            loss = self._criterion(logits, images.labels)
        recognised = logits.numpy().argmax(axis=1) == images.labels.numpy()
        return ClassEvaluation(float(loss.item()), float(recognised.mean()))


def build_model(network: str, hidden: tuple[int, ...]) -> rg.nn.Sequential:
    """From 64 pixels to 10 logits: perhaps convolutions and pooling, then dense layers, ReLU behind each but the last.

    Example:
        >>> sorted(build_model("dense", (100,)).state_dict())
        ['0.bias', '0.weight', '2.bias', '2.weight']
        >>> build_model("conv", (64,))(rg.zeros(5, 64)).shape
        retrograd.Size([5, 10])
    """
    layers: list[rg.nn.Module] = []
    features = PIXELS
    if network == "conv":
        layers, features = _convolutions()
    sizes = (features, *hidden)
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [rg.nn.Linear(fan_in, fan_out), rg.nn.ReLU()]
    return rg.nn.Sequential(*layers, rg.nn.Linear(sizes[-1], CLASSES))


def _convolutions() -> tuple[list[rg.nn.Module], int]:
    """Convolutions, each of which sees 3 x 3 and is followed by pooling of 2 x 2; and how many numbers come out."""
    layers: list[rg.nn.Module] = [rg.nn.Unflatten(1, (1, SIDE, SIDE))]
    side = SIDE
    for channels_in, channels in itertools.pairwise((1, *_CHANNELS)):
        layers += [rg.nn.Conv2d(channels_in, channels, 3, padding=1), rg.nn.ReLU(), rg.nn.MaxPool2d(2)]
        side //= 2
    return [*layers, rg.nn.Flatten()], _CHANNELS[-1] * side * side


def _build_optimizer(options: DigitsOptions, model: rg.nn.Module) -> rg.optim.Optimizer:
    if options.optimizer == "adam":
        return rg.optim.Adam(model.parameters(), lr=options.learning_rate)
    return rg.optim.SGD(model.parameters(), lr=options.learning_rate, momentum=_MOMENTUM)
