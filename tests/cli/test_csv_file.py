"""Reading tables: separators, encodings, missing cells, numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from retrograd.cli.csv_file import Cells, parse_number, read_table
from tests.cli.tables import write_csv

ROWS = [["näme", "wert, netto"], ["a;b", "1"], ['say "hi"', ""], ["two\nlines", "3"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators_and_byte_order_marks(tmp_path: Path, delimiter: str, encoding: str) -> None:
    table = read_table(write_csv(tmp_path / "t.csv", ROWS, delimiter, encoding))
    assert table.names == ("näme", "wert, netto")
    assert table.cells("näme").texts == ["a;b", 'say "hi"', "two\nlines"]
    assert table.lines == [2, 3, 5]
    np.testing.assert_array_equal(table.cells("wert, netto").numbers(), [1.0, np.nan, 3.0])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_empty_lines(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(ending.join(["a, b", "1 , x", "", " 2,y"]).encode())
    table = read_table(file)
    assert table.names == ("a", "b") and table.lines == [2, 4]
    assert table.cells("a").numbers().tolist() == [1.0, 2.0]


def test_a_decimal_comma_where_semicolons_separate(tmp_path: Path) -> None:
    table = read_table(write_csv(tmp_path / "t.csv", [["a", "b"], ["1,5", "2.5"]], ";"))
    assert table.cells("a").numbers().tolist() == [1.5] and table.cells("b").numbers().tolist() == [2.5]


def test_words_for_nothing() -> None:
    cells = Cells.parse("x", ["", "NA", "NaN", "null", "None", "?", "n/a", "0", "nothing"], range(2, 11))
    assert cells.missing.tolist() == [True] * 7 + [False] * 2
    assert cells.first_text == 8 and not cells.all_numbers


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_written(number: float) -> None:
    assert parse_number(repr(number)) == number
    assert parse_number(repr(number).replace(".", ","), decimal_comma=True) == number


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2, max_size=2)))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    file = tmp_path_factory.mktemp("any") / "t.csv"
    table = read_table(write_csv(file, [["first", "second"], ["a", "b"], *rows]))
    assert table.rows == [["a", "b"], *rows]
