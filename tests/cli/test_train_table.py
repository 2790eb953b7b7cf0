"""Training on a CSV file: what is found in it, how well it is learned, what is saved, what Ctrl-C leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrograd.cli.csv_file import read_table
from retrograd.cli.main import main
from retrograd.cli.report import Report
from retrograd.cli.table_model import TableModel
from retrograd.cli.table_preparation import part_rows, prepare_table
from retrograd.cli.table_training import TableOptions, TableTraining
from tests.cli.tables import BRIEF, assert_one_line, houses, trained, write_csv


def test_classes_are_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "model"
    file = houses(tmp_path / "houses.csv")
    assert main(["train", str(file), "--target", "class", "--epochs", "30", "--out", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "left out: column 'id' holds 320 different texts, too many to learn from"
    assert lines[1] == "left out: column 'country' is the same in every row"
    assert lines[2].startswith("classification of 'class' into 2 classes from 3 numeric and 1 categorical columns")
    assert lines[2].endswith("; 320 rows to train on, 80 to validate")
    assert lines[3].startswith("epoch  1/30  train loss ") and "validation loss" in lines[3]
    assert lines[-2].startswith("best epoch ") and lines[-1] == f"model saved in {folder}"
    assert float(lines[-2].split()[-1].rstrip("%")) >= 95.0
    history = json.loads((folder / "history.json").read_text())
    assert [entry["epoch"] for entry in history] == list(range(1, 31))


def test_numbers_are_learned(tmp_path: Path) -> None:
    folder = trained(houses(tmp_path / "houses.csv"), "price", tmp_path / "model", "--epochs", "40", "--lr", "0.005")
    best = json.loads((folder / "config.json").read_text())["best"]["validation"]
    # One area in twenty is hidden, and one town in twenty-five.
    assert best["r2"] > 0.85
    prices = np.array([float(text) for text in read_table(tmp_path / "houses.csv").cells("price").texts])
    assert best["rmse"] < 0.4 * prices.std()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_each_optimizer_with_its_options(tmp_path: Path, optimizer: str) -> None:
    options = ["--optimizer", optimizer, "--weight-decay", "0.001", "--dropout", "0.1", "--hidden", "32,16"]
    file = houses(tmp_path / "houses.csv")
    folder = trained(file, "class", tmp_path / "model", *options, "--epochs", "20", "--threads", "1")
    config = json.loads((folder / "config.json").read_text())
    assert config["hidden"] == [32, 16] and config["dropout"] == 0.1
    assert config["training"]["weight_decay"] == 0.001 and config["training"]["optimizer"] == optimizer
    assert config["best"]["validation"]["accuracy"] >= 0.9


def test_statistics_are_those_of_the_rows_trained_on(tmp_path: Path) -> None:
    table = read_table(houses(tmp_path / "houses.csv"))
    prepared = prepare_table(table, "price", None, 0.25, seed=3)
    areas = np.array([float(text or "nan") for text in table.cells("area").texts])
    prices = np.array([float(text) for text in table.cells("price").texts])
    train, held_back = part_rows(np.zeros(400), 0.25, seed=3)
    assert sorted([*train, *held_back]) == list(range(400)) and len(held_back) == 100
    area = prepared.columns[0]
    assert area.kind == "numeric" and area.width == 2
    assert [area.median, area.mean, area.scale] == pytest.approx(
        [np.nanmedian(areas[train]), np.nanmean(areas[train]), np.nanstd(areas[train])]
    )
    np.testing.assert_allclose(
        prepared.validation.targets[:, 0], (prices[held_back] - prices[train].mean()) / prices[train].std(), rtol=1e-5
    )
    filled = np.where(np.isnan(areas), area.median, areas)
    np.testing.assert_allclose(prepared.train.inputs[:, 0], (filled[train] - area.mean) / area.scale, atol=1e-5)
    np.testing.assert_array_equal(prepared.train.inputs[:, 1], np.isnan(areas)[train])
    town = prepared.columns[2]
    assert town.kind == "categorical" and town.categories == ("Aachen", "Bonn", "Celle") and town.width == 4


def test_each_class_is_parted_alike() -> None:
    labels = np.array([0] * 50 + [1] * 10 + [2] * 2 + [3])
    train, held_back = part_rows(labels, 0.2, seed=1)
    assert np.bincount(labels[held_back], minlength=4).tolist() == [10, 2, 1, 0]
    assert np.bincount(labels[train]).tolist() == [40, 8, 1, 1]


def test_the_best_epoch_is_saved_and_read_back(tmp_path: Path) -> None:
    prepared = prepare_table(read_table(houses(tmp_path / "h.csv", count=60)), "class", None, 0.3, seed=0)
    training = TableTraining(prepared, TableOptions(hidden=(64,), lr=0.05, epochs=15))
    losses = []
    outputs = []
    for result in training.epochs():
        losses.append(result.validation.loss)
        outputs.append(training.model.outputs(prepared.validation.inputs))
    best = training.take_best()
    assert best is not None and best.epoch == int(np.argmin(losses)) + 1 < 15
    np.testing.assert_array_equal(training.model.outputs(prepared.validation.inputs), outputs[best.epoch - 1])

    options = ["--validation", "0.3", "--hidden", "64", "--lr", "0.05", "--epochs", "15"]
    loaded = TableModel.load(trained(tmp_path / "h.csv", "class", tmp_path / "model", *options))
    np.testing.assert_array_equal(loaded.outputs(prepared.validation.inputs), outputs[best.epoch - 1])
    assert loaded.config() == training.model.config()


def test_same_seed_same_model(tmp_path: Path) -> None:
    file = houses(tmp_path / "h.csv", count=60)
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        trained(file, "price", tmp_path / name, "--epochs", "2", "--seed", seed, "--dropout", "0.2")
    first, second, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert first == second != other


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 10, "classification"),
        ([0, 1] * 10, "classification"),
        ([1, 2, 3, 4] * 5, "classification"),
        ([1, 2, 3, 4, 5] * 4, "regression"),
        ([0.5, 1.5] * 10, "regression"),
        (range(20), "regression"),
    ],
)
def test_the_task_is_found_from_the_target(tmp_path: Path, values: list[object], task: str) -> None:
    file = write_csv(tmp_path / "t.csv", [["x", "y"], *([i, value] for i, value in enumerate(values))])
    table = read_table(file)
    assert prepare_table(table, "y", None, 0.2, seed=0).target.task == task


def test_the_task_can_be_given(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "t.csv", [["x", "y"], *([i, i % 2] for i in range(20))])
    folder = trained(file, "y", tmp_path / "model", "--task", "regression", "--epochs", "1")
    assert json.loads((folder / "config.json").read_text())["target"]["task"] == "regression"


def test_rows_without_target_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_csv(tmp_path / "t.csv", [["x", "y"], *([i, "" if i % 5 == 0 else i * 0.5] for i in range(40))])
    assert main(["train", "--target", "y", str(file), "--epochs", "1", "--out", str(tmp_path / "model")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "left out: 8 rows without 'y'" and "26 rows to train on, 6 to validate" in lines[1]


def test_a_file_called_digits_and_the_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    houses(tmp_path / "digits", count=40)
    assert main(["train", "./digits", "--target", "class", *BRIEF]) == 0
    assert json.loads((tmp_path / "digits-model" / "config.json").read_text())["data"] == "table"


class TestCtrlC:
    @staticmethod
    def _interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
        steps = iter(range(1, 10**6))

        def count(_: Report) -> None:
            if next(steps) == step:
                raise KeyboardInterrupt

        monkeypatch.setattr(Report, "step", count)

    def test_saves_the_best_so_far(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, folder = houses(tmp_path / "h.csv", count=40), tmp_path / "model"
        self._interrupt_at(8, monkeypatch)  # 32 rows in batches of 10 are 4 steps an epoch
        options = ["--target", "price", "--batch-size", "10", "--quiet", "--out", str(folder)]
        assert main(["train", str(file), *options]) == 130
        assert_one_line(capsys, f"interrupted; the best epoch so far, 1, is saved in {folder}")
        assert sorted(path.name for path in folder.iterdir()) == ["config.json", "history.json", "model.safetensors"]
        assert TableModel.load(folder).outputs_for(read_table(file)).shape == (40, 1)

    def test_leaves_nothing_in_the_first_epoch(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, folder = houses(tmp_path / "h.csv", count=40), tmp_path / "model"
        self._interrupt_at(2, monkeypatch)
        options = ["--target", "price", "--batch-size", "10", "--quiet", "--out", str(folder)]
        assert main(["train", str(file), *options]) == 130
        assert_one_line(capsys, "nothing is saved")
        assert not folder.exists()


def test_a_full_disk_keeps_the_earlier_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = houses(tmp_path / "h.csv", count=40)
    folder = trained(file, "class", tmp_path / "model", *BRIEF)
    capsys.readouterr()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retrograd.cli.run_folder._write_json", refuse)
    assert main(["train", str(file), "--target", "price", "--out", str(folder), *BRIEF]) == 1
    assert_one_line(capsys, f"cannot write to the folder '{folder}': No space left on device")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
