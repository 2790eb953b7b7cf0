"""Training on a table: the loop as one writes it by hand, which keeps the best epoch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import retrograd as rg
from retrograd.cli.evaluation import EpochResult, Evaluation
from retrograd.cli.table_model import TableModel, snapshot
from retrograd.cli.table_preparation import Examples, PreparedTable
from retrograd.cli.training_error import TrainingError, require_finite

OPTIMIZERS: Final = ("adam", "adamw", "sgd")
_DEFAULT_LR: Final = {"adam": 0.002, "adamw": 0.002, "sgd": 0.02}
_MOMENTUM: Final = 0.9


@dataclass(frozen=True)
class TableOptions:
    """What a user may choose.

    Attributes:
        hidden: units of each dense layer but the last.
        optimizer: "adam", "adamw", or "sgd" with momentum 0.9.
        lr: learning rate; None for the optimizer's default.
        epochs: passes over the rows that are trained on.
        batch_size: rows a step; the last batch of an epoch may be smaller.
        seed: of the parting of the rows, of the initial weights and of the order of the rows.
        threads: CPU threads; None for all.
        validation: the share of the rows that validates.
        weight_decay: the optimizer's.
        dropout: the share of the hidden units that rest, in training.
    """

    hidden: tuple[int, ...] = (64, 32)
    optimizer: str = "adam"
    lr: float | None = None
    epochs: int = 50
    batch_size: int = 32
    seed: int = 0
    threads: int | None = None
    validation: float = 0.2
    weight_decay: float = 0.0
    dropout: float = 0.0

    @property
    def learning_rate(self) -> float:
        return _DEFAULT_LR[self.optimizer] if self.lr is None else self.lr


class TableTraining:
    """One run: data, model, optimizer.

    Args:
        prepared: what to learn from.
        options: the user's choices.

    Attributes:
        model: as it stands after the last epoch; after `take_best`, after the best.
        history: the results of the epochs so far.
        best: the result with the lowest validation loss; None before the first epoch ends.
    """

    def __init__(self, prepared: PreparedTable, options: TableOptions) -> None:
        self.options = options
        self.history: list[EpochResult] = []
        self.best: EpochResult | None = None
        if options.threads is not None:
            rg.set_num_threads(options.threads)
        rg.manual_seed(options.seed)
        self.model = TableModel(prepared.columns, prepared.target, options.hidden, options.dropout)
        self._best_weights = snapshot(self.model.network)
        self._prepared = prepared
        self._inputs = rg.tensor(prepared.train.inputs)
        self._targets = rg.tensor(prepared.train.targets)
        self._criterion = prepared.target.criterion()
        self._optimizer = _build_optimizer(options, self.model.network)

    @property
    def total_steps(self) -> int:
        return self.options.epochs * math.ceil(len(self._inputs) / self.options.batch_size)

    def epochs(self, on_step: Callable[[], None] = lambda: None) -> Iterator[EpochResult]:
        """Train, epoch by epoch.

        Args:
            on_step: called after each optimizer step.

        Raises:
            TrainingError: the loss is no longer a finite number.
        """
        for epoch in range(1, self.options.epochs + 1):
            self._train_one_epoch(on_step)
            train, validation = self._evaluate(self._prepared.train), self._evaluate(self._prepared.validation)
            result = EpochResult(epoch, train, validation)
            require_finite(result, self.options.learning_rate)
            if not math.isfinite(validation.loss):
                raise TrainingError(f"the validation loss is {validation.loss} after epoch {epoch}: lower --lr")
            if self.best is None or validation.loss < self.best.validation.loss:
                self.best, self._best_weights = result, snapshot(self.model.network)
            self.history.append(result)
            yield result

    def take_best(self) -> EpochResult | None:
        """Put the weights of the best epoch into the model; that epoch's result, or None before the first."""
        self.model.network.load_state_dict({name: rg.tensor(array) for name, array in self._best_weights.items()})
        return self.best

    def config(self) -> dict[str, Any]:
        """What was trained, on what, and how: with the weights, enough to predict."""
        training = dataclasses.asdict(self.options) | {"lr": self.options.learning_rate}
        return {
            **self.model.config(),
            "left_out": self._prepared.left_out,
            "training": training,
            "best": None if self.best is None else self.best.as_dict(),
        }

    def _train_one_epoch(self, on_step: Callable[[], None]) -> None:
        self.model.network.train()
        order = rg.randperm(len(self._inputs))
        for start in range(0, len(order), self.options.batch_size):
            batch = order[start : start + self.options.batch_size]
            self._optimizer.zero_grad()
            loss = self._criterion(self.model.network(self._inputs[batch]), self._targets[batch])
            loss.backward()
            self._optimizer.step()
            on_step()

    def _evaluate(self, examples: Examples) -> Evaluation:
        return self._prepared.target.evaluate(self.model.outputs(examples.inputs), examples.targets)


def _build_optimizer(options: TableOptions, network: rg.nn.Module) -> rg.optim.Optimizer:
    lr, decay = options.learning_rate, options.weight_decay
    if options.optimizer == "adam":
        return rg.optim.Adam(network.parameters(), lr=lr, weight_decay=decay)
    if options.optimizer == "adamw":
        return rg.optim.AdamW(network.parameters(), lr=lr, weight_decay=decay)
    return rg.optim.SGD(network.parameters(), lr=lr, momentum=_MOMENTUM, weight_decay=decay)
