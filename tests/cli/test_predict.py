"""Predictions from a saved model: equal to the model's own, and as forgiving of new tables as they should be."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from retrograd.cli.csv_file import read_table
from retrograd.cli.main import main
from retrograd.cli.table_model import TableModel
from tests.cli.tables import houses, trained, write_csv


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each task."""
    place = tmp_path_factory.mktemp("models")
    file = houses(place / "houses.csv")
    return {target: trained(file, target, place / target, "--epochs", "5") for target in ("class", "price")}


def predicted(capsys: pytest.CaptureFixture[str], folder: Path, file: Path, *options: str) -> list[dict[str, str]]:
    assert main(["predict", str(folder), str(file), *options]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return list(csv.DictReader(printed.out.splitlines()))


def test_numbers_equal_the_models_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]
) -> None:
    file = houses(tmp_path / "new.csv", count=50, seed=1)
    rows = predicted(capsys, folders["price"], file)
    model = TableModel.load(folders["price"])
    own = model.outputs_for(read_table(file))[:, 0].astype(float) * model.target.scale + model.target.mean
    assert list(rows[0]) == ["price"]
    np.testing.assert_allclose([float(row["price"]) for row in rows], own, rtol=1e-8)


def test_classes_and_probabilities_equal_the_models_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]
) -> None:
    file = houses(tmp_path / "new.csv", count=50, seed=1)
    rows = predicted(capsys, folders["class"], file, "--probabilities")
    logits = TableModel.load(folders["class"]).outputs_for(read_table(file)).astype(float)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert list(rows[0]) == ["class", "probability cheap", "probability dear"]
    np.testing.assert_allclose([float(row["probability dear"]) for row in rows], shares[:, 1], rtol=1e-4, atol=1e-6)
    assert [row["class"] for row in rows] == ["dear" if share[1] > share[0] else "cheap" for share in shares]
    wanted = read_table(file).cells("class").texts
    assert np.mean([row["class"] == want for row, want in zip(rows, wanted, strict=True)]) > 0.8


def test_the_order_of_columns_and_other_columns_do_not_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]
) -> None:
    new = [["town", "note", "class", "rooms", "area"], ["Bonn", "x", "dear", "3", "99,5"]]
    same = [["area", "rooms", "town", "class"], ["99.5", "3", "Bonn", "dear"]]
    shuffled = predicted(capsys, folders["price"], write_csv(tmp_path / "a.csv", new, delimiter=";"))
    straight = predicted(capsys, folders["price"], write_csv(tmp_path / "b.csv", same))
    assert shuffled == straight


def test_unknown_categories_are_as_missing_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]
) -> None:
    new = [["area", "rooms", "town", "class"], *(["", 3, town, "dear"] for town in ("Dresden", "", "NA", "Bonn"))]
    unknown, empty, marked, known = predicted(capsys, folders["price"], write_csv(tmp_path / "a.csv", new))
    assert unknown == empty == marked != known


def test_gaps_where_training_had_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]
) -> None:
    """A missing number counts as the median."""
    median = TableModel.load(folders["price"]).columns[1].median
    new = [["area", "rooms", "town", "class"], [99, "", "Bonn", "dear"], [99, median, "Bonn", "dear"]]
    missing, at_median = predicted(capsys, folders["price"], write_csv(tmp_path / "a.csv", new))
    assert missing == at_median


def test_an_output_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: dict[str, Path]) -> None:
    file, output = houses(tmp_path / "new.csv", count=5), tmp_path / "answers.csv"
    printed = predicted(capsys, folders["class"], file)
    output.write_text("earlier")
    assert main(["predict", str(folders["class"]), str(file), "--output", str(output)]) == 0
    assert capsys.readouterr().out == ""
    assert list(csv.DictReader(output.open())) == printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "new.csv"]


def test_numbered_classes_keep_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_csv(tmp_path / "t.csv", [["x", "y"], *([i % 7, "4.0" if i % 2 else "3"] for i in range(30))])
    folder = trained(file, "y", tmp_path / "model", "--epochs", "1")
    capsys.readouterr()
    assert {row["y"] for row in predicted(capsys, folder, file)} <= {"3", "4"}
    assert TableModel.load(folder).target.classes == ("3", "4")
