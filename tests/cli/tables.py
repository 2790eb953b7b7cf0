"""Tables for the tests, as CSV files, and a run of the command on them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from retrograd.cli.main import main

BRIEF = ["--quiet", "--epochs", "2", "--hidden", "8"]


def write_csv(path: Path, rows: list[list[object]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def houses(path: Path, count: int = 400, seed: int = 0) -> Path:
    """Houses with gaps in their areas and towns, whose price and class (dear or cheap) follow from the rest."""
    draw = np.random.default_rng(seed)
    rows: list[list[object]] = [["id", "area", "rooms", "town", "country", "price", "class"]]
    for i in range(count):
        area, rooms = float(draw.uniform(40, 200)), int(draw.integers(1, 6))
        town = str(draw.choice(["Aachen", "Bonn", "Celle"]))
        price = 2.0 * area + 15.0 * rooms + {"Aachen": 0.0, "Bonn": 120.0, "Celle": -60.0}[town]
        dear = "dear" if price > 300 else "cheap"
        shown_area = "" if i % 20 == 3 else f"{area:.1f}"
        rows.append([f"h{i}", shown_area, rooms, "NA" if i % 25 == 7 else town, "DE", f"{price:.2f}", dear])
    return write_csv(path, rows)


def assert_one_line(capsys: pytest.CaptureFixture[str], message: str) -> None:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("retrograd: ") and printed.err.count("\n") == 1
    assert message in printed.err


def trained(file: Path, target: str, folder: Path, *options: str) -> Path:
    """The folder of a model that was trained on the file."""
    assert main(["train", str(file), "--target", target, "--out", str(folder), "--quiet", *options]) == 0
    return folder
