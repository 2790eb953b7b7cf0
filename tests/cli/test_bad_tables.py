"""Tables and model folders that cannot be used: one line on stderr, an exit status, and nothing lost or left behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from retrograd.cli.main import main
from retrograd.io.safetensors_io import load_file, save_file
from tests.cli.tables import BRIEF, assert_one_line, houses, trained

ROWS = "".join(f"{i},{i % 3 * 1.5 + i},{'ab'[i % 2]}\n" for i in range(20))
GOOD = "x,y,z\n" + ROWS

# The content of t.csv, the options, and words of the message.
TABLES: list[tuple[str, str | bytes, list[str], str]] = [
    ("empty", "", [], "is empty"),
    ("only blank lines", "\n\n", [], "is empty"),
    ("only a header", "x,y,z\n", [], "has the names of columns, but no rows"),
    ("no header", ROWS.replace("a", "1").replace("b", "2"), [], "begins with numbers; its first line must hold"),
    ("no such column", GOOD, ["--target", "Y1"], "has no column 'Y1'; did you mean 'y'?"),
    ("a name like no other", GOOD, ["--target", "price"], "has no column 'price'; there are 'x', 'y', 'z'"),
    ("two columns of a name", GOOD.replace("x,y,z", "x,y,x"), [], "has two columns of the name 'x'"),
    ("a short row", GOOD + "1,2\n", [], "line 22: 2 cells, where the first line names 3 columns"),
    ("a long row", GOOD.replace("\n5,", "\n9,5,"), [], "line 7: 4 cells"),
    ("Latin-1", GOOD.replace("a", "ä").encode("latin-1"), [], "line 2: byte 0xe4 is not UTF-8"),
    ("UTF-16", GOOD.encode("utf-16"), [], "is in UTF-16; save it as UTF-8"),
    ("UTF-16 without a mark", GOOD.encode("utf-16-le"), [], "line 1: a NUL byte"),
    ("a NUL byte", GOOD + "1,2,\0\n", [], "line 22: a NUL byte"),
    ("an open quotation", GOOD + '1,2,"a\n', [], "is opened and never closed"),
    ("text behind a quotation", GOOD + '1,2,"a"b\n', [], "line 22: "),
    ("a huge cell", GOOD + f"1,2,{'a' * 200_000}\n", [], "line 22: field larger than field limit"),
    ("one class", GOOD.replace("b", "a"), ["--target", "z"], "the target 'z' is 'a' in every row"),
    ("one number", "x,y\n1,5\n2,5\n3,5\n", [], "the target 'y' is 5 in every row"),
    ("an ID as target", "x,y\n" + "".join(f"{i},k{i}\n" for i in range(20)), [], "20 classes in 20 rows"),
    ("numbers as classes", GOOD, ["--task", "classification"], "or --task regression if it holds numbers"),
    ("regression of text", GOOD, ["--target", "z", "--task", "regression"], "holds 'a', which is no number"),
    ("NaN in the target", GOOD + "1,NaN,a\n", [], "line 22: column 'y', the target, is 'NaN'"),
    ("infinity in the target", GOOD + "1,-inf,a\n", [], "line 22: column 'y' holds '-inf': numbers must be finite"),
    ("infinity in a feature", GOOD + "1e999,3,a\n", [], "line 22: column 'x' holds '1e999': numbers must be finite"),
    ("a number too large", GOOD + "1e200,3,a\n", [], "at most 1e+100"),
    ("no target anywhere", "x,y\n1,\n2,NA\n", [], "the target 'y' is missing in every row"),
    ("the target alone", "y\n" + "1.5\n2.5\n" * 5, [], "no column is left to learn 'y' from: there is no other"),
    (
        "constant and missing columns",
        "c,m,y\n" + "".join(f"7,,{i}.5\n" for i in range(20)),
        [],
        "'c' is the same in every row; 'm' has no values to learn from",
    ),
    (
        "an ID as the only column",
        "id,y\n" + "".join(f"k{i},{i}.5\n" for i in range(20)),
        [],
        "'id' holds 16 different texts, too many to learn from",
    ),
    (
        "a slip in a column of numbers",
        "x,y\n" + "".join(f"{'oops' if i == 5 else i},{i}.5\n" for i in range(20)),
        ["--seed", "1"],
        "(it is no column of numbers because of 'oops' in line 7)",
    ),
    ("one row", "x,y\n1,2\n", ["--task", "regression"], "in every row"),
    ("too few rows to part", "x,y\n1,a\n2,b\n", [], "2 rows are too few: after the split"),
    ("a learning rate too high", GOOD, ["--optimizer", "sgd", "--lr", "1e30"], "is too high; try --lr"),
    ("no target option", GOOD, ["--target"], "Option '--target' requires an argument"),
    ("validation of everything", GOOD, ["--validation", "1"], "'1' is not between 0 and 1"),
    ("a NaN for validation", GOOD, ["--validation", "nan"], "'nan' is not between 0 and 1"),
    ("dropout of everything", GOOD, ["--dropout", "1"], "'1' is not from 0 to below 1"),
    ("a negative weight decay", GOOD, ["--weight-decay", "-1"], "'-1' is not a number from 0 up"),
    ("an unknown task", GOOD, ["--task", "ranking"], "'ranking' is not one of"),
    ("an unknown option", GOOD, ["--nonsense"], "No such option"),
    ("two tables", GOOD, ["other.csv"], "unexpected extra argument"),
]


@pytest.mark.parametrize(("content", "options", "message"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES])
def test_bad_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, options: list[str], message: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    target = [] if "--target" in options else ["--target", "y"]
    status = main(["train", str(file), *target, "--out", str(tmp_path / "out"), *BRIEF, *options])
    # What is wrong with a line of the file names the file.
    assert_one_line(capsys, f"{file}, {message}" if message.startswith("line ") else message)
    assert status in (1, 2) and [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_paths_that_are_no_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    houses(tmp_path / "houses.csv", count=40)
    for words, message in (
        ([str(tmp_path / "house.csv"), "--target", "y"], "did you mean 'houses.csv'?"),
        ([str(tmp_path / "no" / "t.csv"), "--target", "y"], "there is no file"),
        ([str(tmp_path), "--target", "y"], "is a folder, not a CSV file"),
        (["--target", "y"], "which table?"),
        ([str(tmp_path / "houses.csv")], "--target is missing: say which column to predict, of 'id', 'area'"),
        (["x" * 5000, "--target", "y"], "retrograd: "),
    ):
        assert main(["train", *words]) in (1, 2)
        assert_one_line(capsys, message)


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, taken = houses(tmp_path / "houses.csv", count=40), tmp_path / "taken"
    taken.write_text("mine")
    for out in (taken, taken / "below"):
        assert main(["train", str(file), "--target", "class", "--out", str(out), *BRIEF]) == 1
        assert_one_line(capsys, "cannot write to the folder")
    assert taken.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read anything")
def test_a_table_that_may_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = houses(tmp_path / "houses.csv", count=40)
    file.chmod(0)
    assert main(["train", str(file), "--target", "class", *BRIEF]) == 1
    assert_one_line(capsys, "Permission denied")


def edit(change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    """A spoiling of config.json."""

    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return spoil


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def transpose(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: array.T for name, array in weights.items()}, folder / "model.safetensors")


def widen(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: array.astype(np.float64) for name, array in weights.items()}, folder / "model.safetensors")


def rename(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({f"layer.{name}": array for name, array in weights.items()}, folder / "model.safetensors")


FOLDERS: list[tuple[str, Callable[[Path], object], str]] = [
    ("no config", lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
    ("no weights", lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
    ("nothing at all", shutil.rmtree, "there is no folder"),
    ("cut weights", cut, "is not a sound safetensors file"),
    ("empty weights", write("model.safetensors", b""), "is not a sound safetensors file"),
    ("transposed weights", transpose, "model.safetensors and config.json are not of one model"),
    ("float64 weights", widen, "holds other numbers than float32"),
    ("other names", rename, "missing keys"),
    ("no JSON", write("config.json", b"{oops"), "config.json is damaged"),
    ("empty JSON", write("config.json", b""), "config.json is damaged"),
    ("deep JSON", write("config.json", b"[" * 100_000), "config.json is damaged"),
    ("JSON in Latin-1", write("config.json", b'{"data": "\xe4"}'), "config.json is damaged"),
    ("a list", write("config.json", b"[]"), "is no JSON object"),
    ("a foreign folder", write("config.json", b'{"model_type": "bert"}'), "is not the folder of a model"),
    ("the digits", edit(lambda c: c.update(data="digits")), "holds a model of digits"),
    ("no columns", edit(lambda c: c.update(columns=[])), "has no columns"),
    ("columns of another kind", edit(lambda c: c["columns"][0].update(kind="date")), "of an unknown kind, 'date'"),
    ("a column that is a text", edit(lambda c: c.update(columns=["x"])), "entry 1 of 'columns'"),
    ("a scale of zero", edit(lambda c: c["columns"][0].update(scale=0)), "'scale' must be a finite number above 0"),
    ("a NaN for a mean", edit(lambda c: c["columns"][0].update(mean=float("nan"))), "'mean' must be a finite number"),
    ("a mean beyond floats", edit(lambda c: c["columns"][0].update(mean=10**400)), "'mean' must be a finite number"),
    ("a category twice", edit(lambda c: c["columns"][2].update(categories=["a", "a"])), "a list of different texts"),
    ("a hidden layer too large", edit(lambda c: c.update(hidden=[10**12])), "'hidden' must be a list of sizes"),
    ("a hidden layer that is none", edit(lambda c: c.update(hidden=["8"])), "'hidden' must be a list of sizes"),
    ("a hidden layer more", edit(lambda c: c.update(hidden=[8, 65536])), "are not of one model"),
    ("no target", edit(lambda c: c.pop("target")), "'target' is missing"),
    ("an unknown task", edit(lambda c: c["target"].update(task="ranking")), "'ranking' is an unknown task"),
    ("no classes", edit(lambda c: c["target"].update(classes=[])), "has at least two"),
    ("dropout beyond all", edit(lambda c: c.update(dropout=5)), "the probability must lie in [0, 1]"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    return trained(houses(place / "houses.csv", count=60), "class", place / "model", *BRIEF)


@pytest.mark.parametrize(("spoil", "message"), [row[1:] for row in FOLDERS], ids=[row[0] for row in FOLDERS])
def test_bad_folders(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: Path,
    spoil: Callable[[Path], object],
    message: str,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    spoil(folder)
    capsys.readouterr()
    assert main(["predict", str(folder), str(houses(tmp_path / "new.csv", count=3))]) == 1
    assert_one_line(capsys, message)


HEADER = "area,rooms,town,price\n"

# The content of new.csv, and words of the message.
ROWS_TO_PREDICT: list[tuple[str, str, str]] = [
    ("columns missing", "rooms,price\n3,100\n", "lacks 'area', 'town', which the model was trained on"),
    ("text in a column of numbers", HEADER + "50,3,Bonn,1\nbig,3,Bonn,1\n", "line 3: column 'area' holds 'big'"),
    ("infinity", HEADER + "inf,3,Bonn,1\n", "line 2: column 'area' holds 'inf': numbers must be finite"),
    ("beyond all measure", HEADER + "50,3,Bonn,1\n1e90,3,Bonn,1\n", "line 3: the model's answer is no number"),
    ("only a header", HEADER, "has the names of columns, but no rows"),
    ("empty", "", "is empty"),
    ("a short row", HEADER + "50\n", "line 2: 1 cells"),
]


@pytest.mark.parametrize(
    ("content", "message"), [row[1:] for row in ROWS_TO_PREDICT], ids=[row[0] for row in ROWS_TO_PREDICT]
)
def test_rows_that_cannot_be_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: Path, content: str, message: str
) -> None:
    file, output = tmp_path / "new.csv", tmp_path / "answers.csv"
    file.write_text(content)
    capsys.readouterr()
    assert main(["predict", str(model), str(file), "--output", str(output)]) == 1
    assert_one_line(capsys, f"{file}, {message}" if message.startswith("line ") else message)
    assert not output.exists()


def test_wrong_uses_of_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str], model: Path) -> None:
    file = houses(tmp_path / "new.csv", count=60)
    numbers = trained(file, "price", tmp_path / "numbers", *BRIEF)
    capsys.readouterr()
    before = file.read_bytes()
    for words, message in (
        ([str(model)], "Missing argument 'FILE.csv'"),
        ([str(model), str(tmp_path / "news.csv")], "did you mean 'new.csv'?"),
        ([str(model), str(tmp_path)], "is a folder, not a CSV file"),
        ([str(file), str(file)], "is a file; give the folder"),
        ([str(numbers), str(file), "--probabilities"], "this model predicts a number"),
        ([str(model), str(file), "--output", str(file)], "--output would overwrite the table"),
        ([str(model), str(file), "--output", str(tmp_path / "no" / "a.csv")], "cannot write"),
        ([str(model), str(file), "--output", str(tmp_path)], "cannot write"),
    ):
        assert main(["predict", *words]) in (1, 2)
        assert_one_line(capsys, message)
    assert file.read_bytes() == before and sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "numbers"]
