"""From a table to examples: which columns are read, and which rows are trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from retrograd.cli.columns import Column, fit_column
from retrograd.cli.csv_file import Table, TableError
from retrograd.cli.target import ClassTarget, Target, find_task, fit_target, rows_with_target
from retrograd.core.generator import Generator

Rows = npt.NDArray[np.int64]


class Examples(NamedTuple):
    """Inputs of shape (n, width), and the encoded target."""

    inputs: npt.NDArray[np.float32]
    targets: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.inputs)


class PreparedTable(NamedTuple):
    """What is learned from, and how it was made.

    Attributes:
        columns: those that the model reads.
        left_out: why each other column is not.
        target: what it is to find.
        skipped: rows without target.
        train, validation: the two parts.
    """

    columns: tuple[Column, ...]
    left_out: dict[str, str]
    target: Target
    skipped: int
    train: Examples
    validation: Examples

    def summary(self) -> list[str]:
        """What was found, for the user to see."""
        numeric = sum(column.kind == "numeric" for column in self.columns)
        goal = f"{self.target.task} of '{self.target.name}'"
        if isinstance(self.target, ClassTarget):
            goal += f" into {len(self.target.classes)} classes"
        notes = [f"left out: column '{name}' {reason}" for name, reason in self.left_out.items()]
        if self.skipped:
            notes.append(f"left out: {self.skipped} rows without '{self.target.name}'")
        return [
            *notes,
            f"{goal} from {numeric} numeric and {len(self.columns) - numeric} categorical columns; "
            f"{len(self.train)} rows to train on, {len(self.validation)} to validate",
        ]


def prepare_table(table: Table, target_name: str, task: str | None, validation: float, seed: int) -> PreparedTable:
    """Find the kinds of the columns, part the rows, and learn all statistics from the rows trained on.

    Args:
        table: what to learn from.
        target_name: the column to find.
        task: "classification" or "regression"; None to find it from the target.
        validation: the share of the rows to validate with.
        seed: of the parting.

    Raises:
        TableError: there is no such column, or nothing can be learned.
    """
    cells = table.cells(target_name)
    known = rows_with_target(cells)
    cells = cells.take(known)
    task = task or find_task(cells)
    classes = fit_target(task, cells, np.arange(len(known)))
    labels = classes.encode(cells) if isinstance(classes, ClassTarget) else np.zeros(len(known), np.int64)
    train, held_back = part_rows(labels, validation, seed)
    target = fit_target(task, cells, train)
    columns, left_out = _find_columns(table, target_name, known[train])
    targets = target.encode(cells)

    def examples(rows: Rows) -> Examples:
        return Examples(encode_columns(table, columns, known[rows]), targets[rows])

    return PreparedTable(columns, left_out, target, len(table) - len(known), examples(train), examples(held_back))


def part_rows(labels: npt.NDArray[Any], validation: float, seed: int) -> tuple[Rows, Rows]:
    """Part rows in two, drawn by chance, with the same share of each class.

    Args:
        labels: the class of each row.
        validation: the share of the second part. A class of two rows or more is in both, one of a single row is
            trained on.

    Raises:
        TableError: a part would be empty.

    Example:
        >>> train, held_back = part_rows(np.array([0] * 8 + [1] * 4), 0.25, seed=0)
        >>> len(train), np.sort(held_back // 8).tolist()
        (9, [0, 0, 1])
    """
    order = Generator(seed).randperm(len(labels))
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        count = round(validation * len(rows))
        chosen[rows[: min(max(count, 1), len(rows) - 1)]] = True
    if not chosen.any() or chosen.all():
        raise TableError(f"{len(labels)} rows are too few: after the split there must be rows to train and to validate")
    return order[~chosen[order]], order[chosen[order]]


def encode_columns(table: Table, columns: tuple[Column, ...], rows: Rows) -> npt.NDArray[np.float32]:
    """The model's inputs for some rows, of shape (n, width).

    Raises:
        TableError: a column is missing, or holds what it did not in training.
    """
    missing = [column.name for column in columns if column.name not in table.names]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise TableError(f"{table.path} lacks {listed}, which the model was trained on")
    return np.concatenate([column.encode(table.cells(column.name).take(rows)) for column in columns], axis=1)


def _find_columns(table: Table, target_name: str, rows: Rows) -> tuple[tuple[Column, ...], dict[str, str]]:
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for place, name in enumerate(table.names):
        if name == target_name:
            continue
        found = fit_column(table.cells(name), rows) if name else "has no name"
        if isinstance(found, str):
            left_out[name or f"{place + 1}"] = found
        else:
            columns.append(found)
    if not columns:
        reasons = "; ".join(f"'{name}' {reason}" for name, reason in left_out.items())
        raise TableError(f"no column is left to learn '{target_name}' from: {reasons or 'there is no other'}")
    return tuple(columns), left_out
