"""`retrograd train FILE.csv`: reads the options and the table, trains, reports, saves the best epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrograd.cli.csv_file import read_table
from retrograd.cli.option_types import at_least_zero, existing_file, share, share_or_zero
from retrograd.cli.report import Report
from retrograd.cli.run_folder import RunFolder
from retrograd.cli.table_preparation import PreparedTable, prepare_table
from retrograd.cli.table_training import OPTIMIZERS, TableOptions, TableTraining
from retrograd.cli.target import TASKS
from retrograd.cli.training_options import joined, training_options

_DEFAULTS = TableOptions()


class Interrupted(click.ClickException):
    """Ctrl-C, when something had been learned."""

    exit_code = 130


@click.command("FILE.csv")
@click.argument("file", type=existing_file, metavar="", required=False)
@click.option("--target", metavar="COLUMN", help="The column to predict.  [required]")
@click.option("--task", type=click.Choice(TASKS), help="[default: found from the target]")
@click.option(
    "--validation",
    type=share,
    metavar="SHARE",
    default=str(_DEFAULTS.validation),
    show_default=True,
    help="Share of the rows that are not trained on, but choose the best epoch.",
)
@training_options(
    _DEFAULTS, OPTIMIZERS, learning_rates="adam and adamw 0.002, sgd 0.02", hidden=",".join(map(str, _DEFAULTS.hidden))
)
@click.option("--weight-decay", type=at_least_zero, metavar="NUMBER", default="0", show_default=True)
@click.option(
    "--dropout",
    type=share_or_zero,
    metavar="SHARE",
    default="0",
    show_default=True,
    help="Share of the hidden units that rest at each step.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the model; it is made where it does not exist.  [default: the file's name and -model]",
)
def train_table(
    file: Path | None,
    target: str | None,
    task: str | None,
    hidden: tuple[tuple[int, ...], ...],
    out: Path | None,
    quiet: bool,
    **choices: Any,
) -> None:
    """Train on the rows of a CSV file, to predict one column from the others.

    The first line names the columns. Columns of numbers are standardised, texts are taken as categories, and empty
    cells as missing. A target of texts, or of a few whole numbers, is classified; one of other numbers is a regression.
    The epoch with the lowest validation loss is saved. A file called digits is reached as ./digits.
    """
    if file is None:
        raise click.UsageError("which table? Use: retrograd train FILE.csv --target COLUMN")
    table = read_table(file)
    if target is None:
        named = ", ".join(f"'{name}'" for name in table.names if name)
        raise click.UsageError(f"--target is missing: say which column to predict, of {named}")
    options = TableOptions(hidden=joined(hidden) or _DEFAULTS.hidden, **choices)
    prepared = prepare_table(table, target, task, options.validation, options.seed)
    with RunFolder.create(out or Path(f"{file.stem}-model")) as folder:
        _run(prepared, options, folder, quiet)


def _run(prepared: PreparedTable, options: TableOptions, folder: RunFolder, quiet: bool) -> None:
    training = TableTraining(prepared, options)
    interrupted = False
    with Report(training.total_steps, options.epochs, quiet) as report:
        report.introduce(prepared.summary())
        try:
            for result in training.epochs(on_step=report.step):
                report.epoch(result)
        except KeyboardInterrupt:
            interrupted = True
    best = training.take_best()
    if best is None:
        raise Interrupted("interrupted before the first epoch was over; nothing is saved")
    folder.save(training.model.network.state_dict(), training.config(), training.history)
    if interrupted:
        raise Interrupted(f"interrupted; the best epoch so far, {best.epoch}, is saved in {folder.path}")
    report.finish(f"best epoch {best.epoch}: validation {best.validation}", folder.path)
