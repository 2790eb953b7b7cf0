"""The two kinds of columns that a model reads: what is kept of each, and how its cells become numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from retrograd.cli.csv_file import Cells
from retrograd.cli.settings import Settings
from retrograd.io.safetensors_io import FileFormatError

Array = npt.NDArray[np.float32]

_MOST_CATEGORIES: Final = 100
_FEW_CATEGORIES: Final = 10
_ROWS_A_CATEGORY: Final = 5


@dataclass(frozen=True)
class NumericColumn:
    """Numbers, standardised. Where some were missing in training, a second input says of each whether it is.

    Attributes:
        name: of the column.
        median: stands for missing numbers.
        mean, scale: what is subtracted, and then divided by.
        missing: whether there is the second input.
    """

    kind: ClassVar[str] = "numeric"
    name: str
    median: float
    mean: float
    scale: float
    missing: bool

    @classmethod
    def fit(cls, cells: Cells) -> NumericColumn:
        """Learn the statistics of cells, of which at least one is not missing."""
        numbers = cells.numbers()
        known = numbers[~np.isnan(numbers)]
        deviation = float(known.std()) if known.min() < known.max() else 0.0
        return cls(
            cells.name, float(np.median(known)), float(known.mean()), deviation or 1.0, bool(cells.missing.any())
        )

    @property
    def width(self) -> int:
        return 2 if self.missing else 1

    def encode(self, cells: Cells) -> Array:
        """Inputs of shape (n, width).

        Raises:
            TableError: text among the numbers.
        """
        numbers = cells.numbers()
        gaps = np.isnan(numbers)
        standardised = (np.where(gaps, self.median, numbers) - self.mean) / self.scale
        with np.errstate(over="ignore"):  # a model says so where its answer is no number
            return np.stack([standardised, gaps][: self.width], axis=1).astype(np.float32)

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class CategoricalColumn:
    """Texts, an input for each. Where some were missing in training, an input stands for these, and for unknown ones.

    Attributes:
        name: of the column.
        categories: the texts.
        missing: whether there is the further input; if not, all inputs are 0 for what is not among the categories.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    categories: tuple[str, ...]
    missing: bool

    @classmethod
    def fit(cls, cells: Cells) -> CategoricalColumn:
        """Learn the categories."""
        return cls(cells.name, tuple(sorted(_categories(cells))), bool(cells.missing.any()))

    @property
    def width(self) -> int:
        return len(self.categories) + self.missing

    def encode(self, cells: Cells) -> Array:
        """Inputs of shape (n, width), at most one of which is 1 in a row."""
        places = {category: i for i, category in enumerate(self.categories)}
        other = len(self.categories)
        chosen = [
            other if missing else places.get(text, other)
            for text, missing in zip(cells.texts, cells.missing, strict=True)
        ]
        return np.eye(other + 1, self.width, dtype=np.float32)[chosen]

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


Column = NumericColumn | CategoricalColumn


def fit_column(cells: Cells, rows: npt.NDArray[np.int64]) -> Column | str:
    """Find the kind of a column from all of its cells, and learn from those of some rows.

    Returns:
        The column; or in words why nothing can be learned from it.

    Example:
        >>> rows = np.arange(3)
        >>> fit_column(Cells.parse("age", ["30", "", "50"], [2, 3, 4]), rows).median
        40.0
        >>> fit_column(Cells.parse("age", ["30", "30", "30"], [2, 3, 4]), rows)
        'is the same in every row'
    """
    trained = cells.take(rows)
    if trained.missing.all():
        return "has no values to learn from"
    if cells.all_numbers:
        constant = not trained.missing.any() and trained.parsed.min() == trained.parsed.max()
        return "is the same in every row" if constant else NumericColumn.fit(trained)
    count = len(_categories(trained))
    if count == 1 and not trained.missing.any():
        return "is the same in every row"
    limit = max(_FEW_CATEGORIES, min(_MOST_CATEGORIES, len(rows) // _ROWS_A_CATEGORY))
    if count > limit:
        return f"holds {count} different texts, too many to learn from{_odd_text(cells)}"
    return CategoricalColumn.fit(trained)


def column_from(settings: Settings) -> Column:
    """The column whose `config()` these settings are.

    Raises:
        FileFormatError: they are of no column.
    """
    name, kind, missing = settings.text("name"), settings.text("kind"), settings.flag("missing")
    if kind == NumericColumn.kind:
        median, mean = settings.number("median"), settings.number("mean")
        return NumericColumn(name, median, mean, settings.number("scale", above=0.0), missing)
    if kind == CategoricalColumn.kind:
        return CategoricalColumn(name, settings.texts("categories"), missing)
    raise FileFormatError(f"config.json is damaged: column '{name}' is of an unknown kind, '{kind}'")


def _categories(cells: Cells) -> set[str]:
    return {text for text, missing in zip(cells.texts, cells.missing, strict=True) if not missing}


def _odd_text(cells: Cells) -> str:
    """Where a column of numbers came to count as text, if it looks like that."""
    texts = int((np.isnan(cells.parsed) & ~cells.missing).sum())
    place = cells.first_text
    if place is None or 2 * texts > len(cells.texts):
        return ""
    return f" (it is no column of numbers because of '{cells.shown(place)}' in line {cells.lines[place]})"
