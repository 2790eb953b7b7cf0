"""The command line as a user meets it: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrograd.cli.digits_training import DigitsOptions, build_model
from retrograd.cli.main import main
from retrograd.io.safetensors_io import load_file
from retrograd.version import __version__


def test_default_run_recognises_held_out_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "first"
    assert main(["train", "digits", "--out", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 17
    assert lines[0].startswith("epoch  1/15  train loss ")
    assert lines[-2].startswith("held-out accuracy: ") and lines[-1] == f"model saved in {folder}"
    assert float(lines[-2].split()[-1].rstrip("%")) >= 98.0

    config = json.loads((folder / "config.json").read_text())
    assert config["network"] == "conv" and config["hidden"] == [64] and config["classes"] == 10
    assert config["training"]["lr"] == 0.03
    history = json.loads((folder / "history.json").read_text())
    assert [entry["epoch"] for entry in history] == list(range(1, 16))
    weights = load_file(folder / "model.safetensors")
    expected = {name: tuple(value.shape) for name, value in build_model("conv", (64,)).state_dict().items()}
    assert {name: value.shape for name, value in weights.items()} == expected


def test_same_seed_same_model(tmp_path: Path) -> None:
    brief = ["train", "digits", "--epochs", "1", "--quiet"]
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main([*brief, "--seed", seed, "--out", str(tmp_path / name)]) == 0
    first, second, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert first == second != other


@pytest.mark.parametrize("spelling", [["--hidden", "16,8"], ["--hidden", "16", "--hidden", "8"]])
def test_hidden_layers_and_adam(tmp_path: Path, capsys: pytest.CaptureFixture[str], spelling: list[str]) -> None:
    network = ["train", "digits", "--network", "dense", *spelling]
    arguments = [*network, "--optimizer", "adam", "--epochs", "1", "--batch-size", "100", "--quiet"]
    assert main([*arguments, "--threads", "1", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("held-out accuracy: ")
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["network"] == "dense" and config["hidden"] == [16, 8]
    assert config["training"]["lr"] == 0.005 and config["training"]["threads"] == 1


@pytest.mark.parametrize(
    ("network", "optimizer", "lr"),
    [("conv", "sgd", 0.03), ("conv", "adam", 0.003), ("dense", "sgd", 0.2), ("dense", "adam", 0.005)],
)
def test_default_learning_rates(network: str, optimizer: str, lr: float) -> None:
    assert DigitsOptions(network=network, optimizer=optimizer).learning_rate == lr
    assert DigitsOptions(network=network, optimizer=optimizer, lr=0.5).learning_rate == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "deep"], "'deep' is not one of"),
        (["--hidden", "abc"], "'abc' is not a list of sizes"),
        (["--hidden", "0"], "'0' is not a list of sizes"),
        (["--hidden", "10,,5"], "'10,,5' is not a list of sizes"),
        (["--hidden", "9" * 30], "is not a list of sizes"),
        (["--optimizer", "lion"], "'lion' is not one of"),
        (["--lr", "0"], "'0' is not a number above 0"),
        (["--lr", "nan"], "'nan' is not a number above 0"),
        (["--lr", "inf"], "'inf' is not a number above 0"),
        (["--lr", "fast"], "'fast' is not a number above 0"),
        (["--epochs", "0"], "0 is not in the range"),
        (["--batch-size", "-3"], "-3 is not in the range"),
        (["--seed", "1.5"], "'1.5' is not a valid integer"),
        (["--threads", "0"], "0 is not in the range"),
        (["--nonsense"], "No such option"),
        (["extra"], "unexpected extra argument"),
    ],
)
def test_wrong_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    status = main(["train", "digits", "--out", str(tmp_path / "out"), *options])
    assert_one_line(capsys, message)
    assert status == 2 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"), [(["fly"], "No such command 'fly'"), (["train", "cats"], "there is no file 'cats'")]
)
def test_wrong_commands(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert_one_line(capsys, message)


def test_a_file_where_the_folder_should_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "taken"
    file.write_text("mine")
    assert main(["train", "digits", "--out", str(file)]) == 1
    assert_one_line(capsys, "a file of that name is in the way")
    assert main(["train", "digits", "--out", str(file / "below")]) == 1
    assert_one_line(capsys, "cannot write to the folder")
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    assert main(["train", "digits", "--out", str(tmp_path / "out")]) == 1
    assert_one_line(capsys, "Permission denied")


def test_a_full_disk_leaves_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retrograd.cli.run_folder.save_file", refuse)
    assert main(["train", "digits", "--epochs", "1", "--quiet", "--out", str(tmp_path)]) == 1
    assert_one_line(capsys, "No space left on device")


def test_a_loss_that_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "digits", "--optimizer", "sgd", "--lr", "1e30", "--epochs", "3", "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "new")]) == 1
    assert_one_line(capsys, "the learning rate 1e+30 is too high")
    assert not (tmp_path / "new").exists()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"retrograd {__version__}\n"
    assert main(["train", "digits", "--help"]) == 0
    assert "--batch-size" in capsys.readouterr().out


def test_the_installed_program_shows_no_traceback(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "retrograd.cli.main", "train", "digits", "--epochs", "none"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("retrograd: ")


def assert_one_line(capsys: pytest.CaptureFixture[str], message: str) -> None:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("retrograd: ") and printed.err.count("\n") == 1
    assert message in printed.err
