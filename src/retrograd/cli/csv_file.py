"""Tables in CSV files: UTF-8, separated by commas, semicolons or tabs, with the columns' names in the first line."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrograd.core.errors import RetrogradError

DELIMITERS: Final = (",", ";", "\t")
MISSING: Final = frozenset(["", "?", "na", "n/a", "#n/a", "nan", "-nan", "+nan", "null", "none"])
# Squares of what is larger overflow on the way to a standard deviation.
_LARGEST: Final = 1e100
_LINES_COMPARED: Final = 20


class TableError(RetrogradError, ValueError):
    """A file that is no table, or a table that lacks what is asked of it."""


@dataclass(frozen=True, eq=False)
class Cells:
    """One column as it stands in the file.

    Attributes:
        name: of the column.
        texts: the cells, without the blanks around them.
        lines: the line of the file in which each cell stands, counted from 1.
        missing: which cells hold nothing, or one of the words for nothing.
        parsed: the number in each cell; NaN for missing cells and for text.
        path: of the file, if there is one.
    """

    name: str
    texts: Sequence[str]
    lines: Sequence[int]
    missing: npt.NDArray[np.bool_]
    parsed: npt.NDArray[np.float64]
    path: Path | None = None

    @classmethod
    def parse(
        cls,
        name: str,
        texts: Sequence[str],
        lines: Sequence[int],
        decimal_comma: bool = False,
        path: Path | None = None,
    ) -> Cells:
        """Look at each cell once: is there something, and is it a number?"""
        numbers = [parse_number(text, decimal_comma) for text in texts]
        parsed = np.array([math.nan if number is None else number for number in numbers], np.float64)
        missing = np.isnan(parsed)
        for place in np.flatnonzero(missing).tolist():
            missing[place] = texts[place].casefold() in MISSING
        return cls(name, texts, lines, missing, parsed, path)

    @property
    def all_numbers(self) -> bool:
        """Whether there are cells that are not missing, and all of these are numbers."""
        return not self.missing.all() and self.first_text is None

    @cached_property
    def first_text(self) -> int | None:
        """The place of the first cell that is neither missing nor a number."""
        places = np.flatnonzero(np.isnan(self.parsed) & ~self.missing)
        return int(places[0]) if places.size else None

    def numbers(self) -> npt.NDArray[np.float64]:
        """The numbers, NaN where one is missing.

        Raises:
            TableError: a cell holds text, or a number that nothing can be computed with.
        """
        if self.first_text is not None:
            raise TableError(f"{self.where(self.first_text)} holds '{self.shown(self.first_text)}', which is no number")
        too_large = np.flatnonzero(np.abs(self.parsed) > _LARGEST)
        if too_large.size:
            place = int(too_large[0])
            raise TableError(
                f"{self.where(place)} holds '{self.shown(place)}': numbers must be finite and at most {_LARGEST:g}; "
                "leave the cell empty if its value is not known"
            )
        return self.parsed

    def take(self, rows: npt.NDArray[Any]) -> Cells:
        """Some of the cells."""
        places = rows.tolist()
        texts, lines = [self.texts[i] for i in places], [self.lines[i] for i in places]
        return Cells(self.name, texts, lines, self.missing[rows], self.parsed[rows], self.path)

    def where(self, place: int) -> str:
        """The file, line and column of a cell, as a message begins."""
        file = "" if self.path is None else f"{self.path}, "
        return f"{file}line {self.lines[place]}: column '{self.name}'"

    def shown(self, place: int) -> str:
        text = self.texts[place]
        return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True)
class Table:
    """What a CSV file holds.

    Attributes:
        path: of the file.
        names: of the columns; "" for those without.
        rows: the cells, row by row.
        lines: the line of the file in which each row ends.
        decimal_comma: whether 1,5 is a number.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    decimal_comma: bool
    _parsed: dict[str, Cells] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, name: str) -> Cells:
        """The column of that name.

        Raises:
            TableError: there is none.
        """
        if name not in self.names:
            raise TableError(f"{self.path} has no column '{name}'{nearest(name, self.names)}")
        if name not in self._parsed:
            place = self.names.index(name)
            texts = [row[place].strip() for row in self.rows]
            self._parsed[name] = Cells.parse(name, texts, self.lines, self.decimal_comma, self.path)
        return self._parsed[name]


def read_table(path: Path) -> Table:
    """Read a CSV file.

    Args:
        path: of a file in UTF-8, with or without byte order mark.

    Raises:
        TableError: it is no table with names in its first line and at least one row; the message has the line.
        OSError: it cannot be read.
    """
    text = _decode(path)
    delimiter = _delimiter_of(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {_in_words(error)}") from error
    if not rows:
        raise TableError(f"{path} is empty")
    names = tuple(name.strip() for name in rows[0])
    _check_names(path, names, delimiter == ";")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise TableError(f"{path}, line {line}: {len(row)} cells, where the first line names {len(names)} columns")
    if len(rows) == 1:
        raise TableError(f"{path} has the names of columns, but no rows")
    return Table(path, names, rows[1:], lines[1:], delimiter == ";")


def parse_number(text: str, decimal_comma: bool = False) -> float | None:
    """The number that a text is, if it is one.

    Example:
        >>> parse_number("1e-3"), parse_number("1,5", decimal_comma=True), parse_number("1_000")
        (0.001, 1.5, None)
    """
    if "_" in text:  # a digit separator to Python, and to nobody else
        return None
    try:
        return float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None


def nearest(name: str, names: Iterable[str], listing: bool = True) -> str:
    """The end of a sentence about a name that is not there: the one that is most like it, or (if `listing`) all.

    Example:
        >>> nearest("Price", ["price", "rooms"])
        "; did you mean 'price'?"
    """
    known = [candidate for candidate in names if candidate]
    folded = {candidate.casefold(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"; did you mean '{folded[close[0]]}'?"
    if not listing:
        return ""
    shown = ", ".join(f"'{candidate}'" for candidate in known[:10])
    return f"; there are {shown}{' and more' if len(known) > 10 else ''}"


def _decode(path: Path) -> str:
    if path.is_dir():
        raise TableError(f"{path} is a folder, not a CSV file")
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TableError(f"{path} is in UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TableError(f"{path}, line {line}: a NUL byte; this is no CSV file, or one in UTF-16: save it as UTF-8")
    return text


def _delimiter_of(text: str) -> str:
    """The one that makes the most columns of the first line, if possible as many as of the lines that follow."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in _first_rows(text, delimiter)]
        columns = widths[0] if widths else 0
        return columns > 1 and set(widths) == {columns}, columns

    return max(DELIMITERS, key=fitness)


def _first_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from itertools.islice((row for row in reader if row), _LINES_COMPARED)
    except csv.Error:  # reported with its line when all is read
        return


def _check_names(path: Path, names: tuple[str, ...], decimal_comma: bool) -> None:
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"{path} has two columns of the name '{twice}'; rename one")
    if all(parse_number(name, decimal_comma) is not None for name in names):
        raise TableError(f"{path} begins with numbers; its first line must hold the names of the columns")


def _in_words(error: csv.Error) -> str:
    if "end of data" in str(error):
        return 'a quotation mark (") is opened and never closed'
    return str(error)
