"""How well a model does on a set of examples, and what an epoch of training came to."""

from __future__ import annotations

from typing import Any, NamedTuple


class ClassEvaluation(NamedTuple):
    """Mean cross-entropy, and the share of examples whose class was found.

    >>> print(ClassEvaluation(0.25, 0.875))
    loss 0.2500 accuracy 87.50%
    """

    loss: float
    accuracy: float

    def __str__(self) -> str:
        return f"loss {self.loss:.4f} accuracy {self.accuracy:6.2%}"


class NumberEvaluation(NamedTuple):
    """Mean squared error of the standardised target, coefficient of determination, and error in the target's own unit.

    `r2` is None where it is not defined: for targets that are all alike.

    >>> print(NumberEvaluation(0.25, 0.75, 12.0))
    loss 0.2500 R2 0.7500 RMSE 12
    """

    loss: float
    r2: float | None
    rmse: float

    def __str__(self) -> str:
        r2 = "undefined" if self.r2 is None else f"{self.r2:.4f}"
        return f"loss {self.loss:.4f} R2 {r2} RMSE {self.rmse:.4g}"


Evaluation = ClassEvaluation | NumberEvaluation


class EpochResult(NamedTuple):
    """How the model stood after an epoch, counted from 1."""

    epoch: int
    train: Evaluation
    validation: Evaluation

    def as_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "train": self.train._asdict(), "validation": self.validation._asdict()}
