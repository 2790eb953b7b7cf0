"""A trained model of a table: columns, network and target in one, as the folder of a run has it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import retrograd as rg
from retrograd.cli.columns import Column, column_from
from retrograd.cli.csv_file import Table, TableError
from retrograd.cli.option_types import LARGEST_LAYER
from retrograd.cli.run_folder import CONFIG, MODEL
from retrograd.cli.settings import Settings
from retrograd.cli.table_preparation import encode_columns
from retrograd.cli.target import Target, target_from
from retrograd.io.safetensors_io import FileFormatError, load_file

Array = npt.NDArray[Any]

KIND: Final = "table"
_ROWS_AT_ONCE: Final = 8192


class TableModel:
    """From rows of a table to answers.

    Args:
        columns: what is read of a row.
        target: what is to be found.
        hidden: units of each dense layer but the last.
        dropout: the share of the hidden units that rest, in training.

    Attributes:
        network: from inputs of shape (n, width) to outputs of shape (n, target.outputs).

    Example:
        >>> from retrograd.cli.columns import NumericColumn
        >>> from retrograd.cli.target import NumberTarget
        >>> model = TableModel((NumericColumn("x", 0.0, 0.0, 1.0, False),), NumberTarget("y", 0.0, 1.0), (8,), 0.0)
        >>> model.outputs(np.zeros((5, 1), np.float32)).shape
        (5, 1)
    """

    def __init__(self, columns: tuple[Column, ...], target: Target, hidden: tuple[int, ...], dropout: float) -> None:
        self.columns = columns
        self.target = target
        self.hidden = hidden
        self.dropout = dropout
        self.network = build_network(_sizes(columns, target, hidden), dropout)

    def outputs(self, inputs: Array) -> Array:
        """What the network gives, in evaluation, for inputs of shape (n, width)."""
        self.network.eval()
        with rg.no_grad():
            parts = [
                self.network(rg.tensor(inputs[start : start + _ROWS_AT_ONCE])).numpy()
                for start in range(0, len(inputs), _ROWS_AT_ONCE)
            ]
        return np.concatenate(parts)

    def outputs_for(self, table: Table) -> Array:
        """What the network gives for the rows of a table.

        Raises:
            TableError: a column is missing or holds text instead of numbers, or a row is beyond all measure.
        """
        outputs = self.outputs(encode_columns(table, self.columns, np.arange(len(table))))
        wild = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        if wild.size:
            raise TableError(
                f"{table.path}, line {table.lines[wild[0]]}: the model's answer is no number; "
                "the row's numbers are too far from those that it was trained on"
            )
        return outputs

    def config(self) -> dict[str, Any]:
        """Everything but the weights."""
        return {
            "data": KIND,
            "target": self.target.config(),
            "columns": [column.config() for column in self.columns],
            "hidden": list(self.hidden),
            "activation": "relu",
            "dropout": self.dropout,
        }

    @classmethod
    def load(cls, folder: Path) -> TableModel:
        """The model that a run left.

        Args:
            folder: from whomever: nothing in it is run.

        Raises:
            FileFormatError: the folder holds no such model, or one that is damaged.
            OSError: a file cannot be read.
        """
        settings = _read_config(folder)
        columns = tuple(column_from(entry) for entry in settings.objects("columns"))
        if not any(column.width for column in columns):
            raise FileFormatError(f"'{folder}' is damaged: {CONFIG} has no columns")
        target = target_from(settings.object("target"))
        hidden = settings.sizes("hidden", LARGEST_LAYER)
        weights = load_file(_file_of(folder, MODEL))
        if any(array.dtype != np.float32 for array in weights.values()):
            raise FileFormatError(f"'{folder}' is damaged: {MODEL} holds other numbers than float32")
        # Compared before anything is built, which may be too large.
        wanted = _shapes(_sizes(columns, target, hidden))
        if sorted(array.shape for array in weights.values()) != sorted(wanted):
            raise FileFormatError(f"'{folder}' is damaged: {MODEL} and {CONFIG} are not of one model")
        model = cls(columns, target, hidden, settings.number("dropout"))
        model.network.load_state_dict({name: rg.from_numpy(array) for name, array in weights.items()})
        return model


def build_network(sizes: tuple[int, ...], dropout: float) -> rg.nn.Sequential:
    """Dense layers, with ReLU (and dropout) behind each but the last.

    Example:
        >>> build_network((4, 8, 1), 0.0)(rg.zeros(5, 4)).shape
        retrograd.Size([5, 1])
    """
    layers: list[rg.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        layers += [rg.nn.Linear(fan_in, fan_out), rg.nn.ReLU()]
        if dropout:
            layers.append(rg.nn.Dropout(dropout))
    return rg.nn.Sequential(*layers, rg.nn.Linear(sizes[-2], sizes[-1]))


def snapshot(network: rg.nn.Module) -> Mapping[str, Array]:
    """Copies of a network's weights."""
    return {name: np.array(value.numpy()) for name, value in network.state_dict().items()}


def _sizes(columns: tuple[Column, ...], target: Target, hidden: tuple[int, ...]) -> tuple[int, ...]:
    return (sum(column.width for column in columns), *hidden, target.outputs)


def _shapes(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [shape for fan_in, fan_out in itertools.pairwise(sizes) for shape in ((fan_out, fan_in), (fan_out,))]


def _read_config(folder: Path) -> Settings:
    if not folder.exists():
        raise FileFormatError(f"there is no folder '{folder}'")
    if not folder.is_dir():
        raise FileFormatError(f"'{folder}' is a file; give the folder that `retrograd train` has written")
    path = _file_of(folder, CONFIG)
    try:
        settings = Settings(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path} is damaged: {error}") from error
    if "data" not in settings:
        raise FileFormatError(f"'{folder}' is not the folder of a model that retrograd has trained")
    kind = settings.text("data")
    if kind != KIND:
        raise FileFormatError(f"'{folder}' holds a model of {kind}; predict takes one that was trained on a CSV file")
    return settings


def _file_of(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise FileFormatError(f"'{folder}' is not the folder of a model: {name} is missing")
    return path
