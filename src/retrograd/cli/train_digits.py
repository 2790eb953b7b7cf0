"""`retrograd train digits`: reads the options, trains, reports, saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from retrograd.cli.digits_training import DigitsOptions, DigitsTraining
from retrograd.cli.option_types import layer_sizes, positive_number
from retrograd.cli.report import Report
from retrograd.cli.run_folder import RunFolder

_DEFAULTS = DigitsOptions()


@click.command("digits")
@click.option(
    "--hidden",
    type=layer_sizes,
    metavar="SIZES",
    multiple=True,
    help="Units of the hidden layers, from the first to the last; repeat it or separate by commas.  [default: 100]",
)
@click.option("--optimizer", type=click.Choice(["sgd", "adam"]), default=_DEFAULTS.optimizer, show_default=True)
@click.option(
    "--lr",
    type=positive_number,
    metavar="NUMBER",
    help="Learning rate.  [default: 0.2 for sgd, 0.005 for adam]",
)
@click.option("--epochs", type=click.IntRange(min=1), default=_DEFAULTS.epochs, show_default=True)
@click.option("--batch-size", type=click.IntRange(min=1), default=_DEFAULTS.batch_size, show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**64 - 1),
    default=_DEFAULTS.seed,
    show_default=True,
    help="Fixes the initial weights and the order of the images.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("digits-model"),
    show_default=True,
    help="Folder for the model; it is made where it does not exist.",
)
@click.option("--threads", type=click.IntRange(min=1, max=1024), help="CPU threads.  [default: all]")
@click.option("--quiet", is_flag=True, help="Print the final accuracy only.")
def train_digits(
    hidden: tuple[tuple[int, ...], ...],
    optimizer: str,
    lr: float | None,
    epochs: int,
    batch_size: int,
    seed: int,
    out: Path,
    threads: int | None,
    quiet: bool,
) -> None:
    """Train a classifier of the UCI optical digits: 1,797 images of 8x8 pixels.

    Of the images 1,293 are trained on, 144 validate each epoch, and 360 are held out to the end.
    """
    options = DigitsOptions(
        hidden=tuple(size for sizes in hidden for size in sizes) or _DEFAULTS.hidden,
        optimizer=optimizer,
        lr=lr,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        threads=threads,
    )
    with _clear_file_errors(out):
        folder = RunFolder.create(out)
    training = DigitsTraining(options)
    with Report(training.total_steps, epochs, quiet) as report:
        for result in training.epochs(on_step=report.step):
            report.epoch(result)
    held_out = training.evaluate_held_out()
    with _clear_file_errors(out):
        folder.save(training, held_out)
    report.finish(held_out, out)


@contextmanager
def _clear_file_errors(folder: Path) -> Iterator[None]:
    """Say which folder could not be written, and why, in one line."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"cannot write to the folder '{folder}': {error.strerror or error}") from error
