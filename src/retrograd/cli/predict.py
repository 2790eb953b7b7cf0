"""`retrograd predict FOLDER FILE.csv`: a trained model's answers for new rows, as CSV."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy.typing as npt

from retrograd.cli.csv_file import read_table
from retrograd.cli.option_types import existing_file
from retrograd.cli.table_model import TableModel
from retrograd.cli.target import ClassTarget, Target


@click.command("predict")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("file", type=existing_file, metavar="FILE.csv")
@click.option("--output", type=click.Path(path_type=Path), help="File for the answers.  [default: standard output]")
@click.option("--probabilities", is_flag=True, help="Give the probability of each class, too.")
def predict(folder: Path, file: Path, output: Path | None, probabilities: bool) -> None:
    """Predict with a model that `retrograd train FILE.csv` has saved in FOLDER: a line for each row of FILE.csv.

    Columns that the model does not know are passed over. Categories that it has not met count as missing.
    """
    model = TableModel.load(folder)
    if probabilities and not isinstance(model.target, ClassTarget):
        raise click.UsageError("--probabilities is for classes, and this model predicts a number")
    if output is not None and output.exists() and output.samefile(file):
        raise click.UsageError(f"--output would overwrite the table '{file}'")
    outputs = model.outputs_for(read_table(file))
    text = _as_csv(answer_rows(model.target, outputs, probabilities))
    if output is None:
        click.echo(text, nl=False)
    else:
        _write_whole(output, text)


def answer_rows(target: Target, outputs: npt.NDArray[Any], probabilities: bool) -> Iterator[list[str]]:
    """The lines of the answer: names, then a row for each of the outputs."""
    answers = target.answers(outputs)
    if not (probabilities and isinstance(target, ClassTarget)):
        yield [target.name]
        yield from ([answer] for answer in answers)
        return
    yield [target.name, *(f"probability {name}" for name in target.classes)]
    for answer, row in zip(answers, target.probabilities(outputs).tolist(), strict=True):
        yield [answer, *(f"{share:.6g}" for share in row)]


def _as_csv(rows: Iterator[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write_whole(path: Path, text: str) -> None:
    """Write beside the target and rename, so that nobody finds half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise click.ClickException(f"cannot write '{path}': {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
