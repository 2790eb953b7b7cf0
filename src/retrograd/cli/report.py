"""What a training run says while it works: a progress bar on stderr, a line an epoch on stdout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

from retrograd.cli.evaluation import EpochResult


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

    def introduce(self, lines: Iterable[str]) -> None:
        """What is known before the first epoch."""
        for line in () if self._quiet else lines:
            self._bar.write(line)

    def step(self) -> None:
        """One optimizer step was taken."""
        self._bar.update()

    def epoch(self, result: EpochResult) -> None:
        """One epoch is over."""
        if self._quiet:
            return
        width = len(str(self._total_epochs))
        self._bar.write(
            f"epoch {result.epoch:>{width}}/{self._total_epochs}  train {result.train}  validation {result.validation}"
        )

    def finish(self, outcome: str, folder: Path) -> None:
        """The run is over and saved."""
        click.echo(outcome)
        if not self._quiet:
            click.echo(f"model saved in {folder}")
