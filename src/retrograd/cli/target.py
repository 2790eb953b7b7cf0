"""What a model is to find: a class or a number. How the target's cells become numbers, and outputs become answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

import retrograd as rg
from retrograd.cli.csv_file import Cells, TableError
from retrograd.cli.evaluation import ClassEvaluation, NumberEvaluation
from retrograd.cli.settings import Settings
from retrograd.io.safetensors_io import FileFormatError

Array = npt.NDArray[Any]

CLASSIFICATION: Final = "classification"
REGRESSION: Final = "regression"
TASKS: Final = (CLASSIFICATION, REGRESSION)
_MOST_NUMBERED_CLASSES: Final = 20
_ROWS_A_CLASS: Final = 5


@dataclass(frozen=True)
class ClassTarget:
    """One of several classes; the model has an output, a logit, for each.

    Attributes:
        name: of the column.
        classes: their names.
    """

    task: ClassVar[str] = CLASSIFICATION
    name: str
    classes: tuple[str, ...]

    @classmethod
    def fit(cls, cells: Cells) -> ClassTarget:
        """Learn the classes.

        Raises:
            TableError: there is only one, or as good as none that occurs twice.
        """
        if cells.all_numbers:
            classes = [_label(number) for number in sorted(set(cells.numbers().tolist()))]
        else:
            classes = sorted(set(cells.texts))
        if len(classes) == 1:
            raise TableError(f"the target '{cells.name}' is '{classes[0]}' in every row: there is nothing to learn")
        if 2 * len(classes) > len(cells.texts) + 2:
            raise TableError(
                f"the target '{cells.name}' has {len(classes)} classes in {len(cells.texts)} rows; "
                "choose another column, or --task regression if it holds numbers"
            )
        return cls(cells.name, tuple(classes))

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def encode(self, cells: Cells) -> Array:
        """The places of the classes, int64 of shape (n,)."""
        places = {name: i for i, name in enumerate(self.classes)}
        labels = [_label(number) for number in cells.numbers().tolist()] if cells.all_numbers else cells.texts
        return np.array([places[label] for label in labels], np.int64)

    def criterion(self) -> rg.nn.Module:
        return rg.nn.CrossEntropyLoss()

    def evaluate(self, outputs: Array, encoded: Array) -> ClassEvaluation:
        """How well logits of shape (n, classes) do."""
        loss = self.criterion()(rg.tensor(outputs), rg.tensor(encoded))
        return ClassEvaluation(float(loss.item()), float((outputs.argmax(axis=1) == encoded).mean()))

    def answers(self, outputs: Array) -> list[str]:
        return [self.classes[i] for i in outputs.argmax(axis=1)]

    def probabilities(self, outputs: Array) -> Array:
        """Softmax of the logits, of shape (n, classes)."""
        return np.asarray(rg.softmax(rg.tensor(outputs), dim=1).numpy())

    def config(self) -> dict[str, Any]:
        return {"task": self.task, **asdict(self)}


@dataclass(frozen=True)
class NumberTarget:
    """A number; the model has one output, the number standardised.

    Attributes:
        name: of the column.
        mean, scale: of the numbers trained on.
    """

    task: ClassVar[str] = REGRESSION
    name: str
    mean: float
    scale: float

    @classmethod
    def fit(cls, cells: Cells) -> NumberTarget:
        """Learn mean and scale.

        Raises:
            TableError: a cell is no number, or all are alike.
        """
        numbers = cells.numbers()
        if numbers.min() == numbers.max():
            raise TableError(f"the target '{cells.name}' is {numbers[0]:g} in every row: there is nothing to learn")
        return cls(cells.name, float(numbers.mean()), float(numbers.std()) or 1.0)

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, cells: Cells) -> Array:
        """The standardised numbers, float32 of shape (n, 1)."""
        return ((cells.numbers() - self.mean) / self.scale).astype(np.float32)[:, None]

    def criterion(self) -> rg.nn.Module:
        return rg.nn.MSELoss()

    def evaluate(self, outputs: Array, encoded: Array) -> NumberEvaluation:
        """How well outputs of shape (n, 1) do."""
        wanted = encoded.astype(np.float64)
        error = float(np.square(outputs.astype(np.float64) - wanted).mean())
        variance = float(wanted.var())
        return NumberEvaluation(error, 1.0 - error / variance if variance else None, self.scale * error**0.5)

    def answers(self, outputs: Array) -> list[str]:
        # Nine digits are all that a float32 has.
        return [f"{number:.9g}" for number in outputs[:, 0].astype(np.float64) * self.scale + self.mean]

    def config(self) -> dict[str, Any]:
        return {"task": self.task, **asdict(self)}


Target = ClassTarget | NumberTarget


def rows_with_target(cells: Cells) -> npt.NDArray[np.int64]:
    """The rows whose target is known.

    Raises:
        TableError: there is none; or a NaN or an infinity stands among numbers.
    """
    known = np.flatnonzero(~cells.missing)
    if not known.size:
        raise TableError(f"the target '{cells.name}' is missing in every row")
    if cells.all_numbers:
        for place, text in enumerate(cells.texts):
            if text.casefold().endswith("nan"):
                raise TableError(f"{cells.where(place)}, the target, is '{text}'; correct it, or leave the cell empty")
        cells.numbers()
    return known


def find_task(cells: Cells) -> str:
    """Classification, where the target is text or one of a few whole numbers; else regression.

    Example:
        >>> find_task(Cells.parse("kind", ["cat", "dog"], [2, 3]))
        'classification'
        >>> find_task(Cells.parse("price", ["1.5", "2.5"], [2, 3]))
        'regression'
    """
    if not cells.all_numbers:
        return CLASSIFICATION
    numbers = cells.numbers()
    kinds = len(np.unique(numbers))
    few = kinds == 2 or (kinds <= _MOST_NUMBERED_CLASSES and _ROWS_A_CLASS * kinds <= len(numbers))
    return CLASSIFICATION if few and bool((numbers == np.round(numbers)).all()) else REGRESSION


def fit_target(task: str, cells: Cells, train: npt.NDArray[np.int64]) -> Target:
    """Learn the target of a task: classes from all rows, statistics from those trained on.

    Raises:
        TableError: the task cannot be learned from these cells.
    """
    if task == CLASSIFICATION:
        return ClassTarget.fit(cells)
    return NumberTarget.fit(cells.take(train))


def target_from(settings: Settings) -> Target:
    """The target whose `config()` these settings are.

    Raises:
        FileFormatError: they are of no target.
    """
    name, task = settings.text("name"), settings.text("task")
    if task == CLASSIFICATION:
        classes = settings.texts("classes")
        if len(classes) < 2:
            raise FileFormatError("config.json is damaged: a model of classes has at least two")
        return ClassTarget(name, classes)
    if task == REGRESSION:
        return NumberTarget(name, settings.number("mean"), settings.number("scale", above=0.0))
    raise FileFormatError(f"config.json is damaged: '{task}' is an unknown task")


def _label(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
