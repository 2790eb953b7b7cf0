"""`retrograd train digits`: reads the options, trains, reports, saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrograd.cli.digits_training import NETWORKS, DigitsOptions, DigitsTraining
from retrograd.cli.report import Report
from retrograd.cli.run_folder import RunFolder
from retrograd.cli.training_options import joined, training_options

_DEFAULTS = DigitsOptions()


@click.command("digits")
@click.option(
    "--network",
    type=click.Choice(NETWORKS),
    default=_DEFAULTS.network,
    show_default=True,
    help="Two convolutions with pooling before the dense layers, or these alone.",
)
@training_options(
    _DEFAULTS,
    optimizers=("sgd", "adam"),
    learning_rates="sgd 0.03, adam 0.003; without convolutions 0.2 and 0.005",
    hidden="64, or 100 without convolutions",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("digits-model"),
    show_default=True,
    help="Folder for the model; it is made where it does not exist.",
)
def train_digits(out: Path, quiet: bool, hidden: tuple[tuple[int, ...], ...], **choices: Any) -> None:
    """Train a classifier of the UCI optical digits: 1,797 images of 8x8 pixels.

    Of the images 1,293 are trained on, 144 validate each epoch, and 360 are held out to the end.
    """
    options = DigitsOptions(hidden=joined(hidden), **choices)
    with RunFolder.create(out) as folder:
        training = DigitsTraining(options)
        with Report(training.total_steps, options.epochs, quiet) as report:
            for result in training.epochs(on_step=report.step):
                report.epoch(result)
        held_out = training.evaluate_held_out()
        folder.save(training.model.state_dict(), training.config(held_out), training.history)
    report.finish(f"held-out accuracy: {held_out.accuracy:.2%}", out)
