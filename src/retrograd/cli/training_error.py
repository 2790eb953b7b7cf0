"""What goes wrong while training."""

from __future__ import annotations

import math

from retrograd.cli.evaluation import EpochResult
from retrograd.core.errors import RetrogradError


class TrainingError(RetrogradError, RuntimeError):
    """A training run that leads nowhere."""


def require_finite(result: EpochResult, learning_rate: float) -> None:
    """Let an epoch pass whose training loss is a finite number.

    Raises:
        TrainingError: it is not.

    Example:
        >>> from retrograd.cli.evaluation import ClassEvaluation
        >>> require_finite(EpochResult(1, ClassEvaluation(0.5, 0.9), ClassEvaluation(0.6, 0.8)), 0.1)
    """
    if not math.isfinite(result.train.loss):
        raise TrainingError(
            f"the loss is {result.train.loss} after epoch {result.epoch}: the learning rate {learning_rate:g} is too "
            f"high; try --lr {learning_rate / 10:g}"
        )
