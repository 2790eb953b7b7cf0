"""What a training run says while it works: a progress bar on stderr, a line an epoch on stdout."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

from retrograd.cli.digits_training import EpochResult, Evaluation


class Report:
    """The words of one run.

    Args:
        total_steps: how many optimizer steps the run takes.
        total_epochs: how many epochs.
        quiet: whether to keep silent until the end.
    """

    def __init__(self, total_steps: int, total_epochs: int, quiet: bool) -> None:
        self._quiet = quiet
        self._total_epochs = total_epochs
        # None shows the bar on a terminal only.
        disable = True if quiet else None
        self._bar: Any = tqdm(total=total_steps, unit="step", leave=False, disable=disable, dynamic_ncols=True)

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def step(self) -> None:
        """One optimizer step was taken."""
        self._bar.update()

    def epoch(self, result: EpochResult) -> None:
        """One epoch is over."""
        if self._quiet:
            return
        width = len(str(self._total_epochs))
        train, validation = result.train, result.validation
        self._bar.write(
            f"epoch {result.epoch:>{width}}/{self._total_epochs}"
            f"  train loss {train.loss:.4f} accuracy {train.accuracy:6.2%}"
            f"  validation loss {validation.loss:.4f} accuracy {validation.accuracy:6.2%}"
        )

    def finish(self, held_out: Evaluation, folder: Path) -> None:
        """The run is over and saved."""
        click.echo(f"held-out accuracy: {held_out.accuracy:.2%}")
        if not self._quiet:
            click.echo(f"model saved in {folder}")
