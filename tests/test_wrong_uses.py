"""Wrong uses of the library and of the command: each is refused, in words that say what was wrong and what to do.

A row is a name, what the user does (a call, or the arguments of `retrograd`), and words of the message. Commands find
`rows.csv` and the folder `model`, trained on it, where they run.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import retrograd as rg
from retrograd import nn, optim
from retrograd.cli.main import main
from retrograd.io.safetensors_io import load_file
from retrograd.utils.data import DataLoader

F = nn.functional


def linear() -> nn.Linear:
    return nn.Linear(3, 2)


def backward_twice() -> None:
    x = rg.ones(2, requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    loss.backward()


def write_over_a_parameter() -> None:
    x = rg.ones(2, requires_grad=True)
    x += 1


CALLS: list[tuple[str, Callable[[], Any], str]] = [
    # making tensors
    ("rows of different lengths", lambda: rg.tensor([[1, 2], [3]]), "same length"),
    ("text as a tensor", lambda: rg.tensor("abc"), "str data"),
    ("a negative extent", lambda: rg.zeros(-1), "must not be negative"),
    ("a step of zero", lambda: rg.arange(0, 1, 0), "there is no way in steps of 0"),
    ("a list for an array", lambda: rg.from_numpy([1, 2]), "expected a NumPy array, received list"),  # type: ignore[arg-type]
    ("a device that is not there", lambda: rg.zeros(2).to("cuda"), "computes on 'cpu'"),
    # shapes
    ("joining nothing", lambda: rg.cat([]), "empty"),
    ("stacking nothing", lambda: rg.stack([]), "empty"),
    ("joining what does not fit", lambda: rg.cat([rg.zeros(2, 3), rg.zeros(3, 2)]), "agree except along axis 0"),
    ("products that do not fit", lambda: rg.zeros(2, 3) @ rg.zeros(2, 3), "do not fit"),
    ("sums that do not broadcast", lambda: rg.zeros(2, 3) + rg.zeros(4), "do not broadcast"),
    ("a shape with another count", lambda: rg.ones(2, 3).reshape(4), "(2, 3) has 6 elements, and (4,) has 4"),
    ("an axis twice", lambda: rg.permute(rg.ones(2, 2), (0, 0)), "must name each of the 2 axes once"),
    ("an axis too many", lambda: rg.ones(2, 3).sum(dim=2), "axis 2 is out of range for a tensor with 2 axes"),
    ("an index out of range", lambda: rg.ones(2, 3)[2], "index 2 is out of range for axis 0 with extent 2"),
    ("too many indices", lambda: rg.ones(2, 3)[0, 0, 0], "too many indices: 3 for a tensor with 2 axes"),
    ("letters that disagree", lambda: rg.einsum("ij,jk", rg.ones(2, 3), rg.ones(2, 3)), "extents 3 and 2"),
    # reading values
    ("one number of many", lambda: rg.ones(2).item(), "use tolist() or reduce it first"),
    ("the truth of many", lambda: bool(rg.ones(2)), "is ambiguous; use .any() or .all()"),
    ("an array of what is trained", lambda: rg.ones(2, requires_grad=True).numpy(), "call tensor.detach().numpy()"),
    # gradients
    ("nothing to differentiate", lambda: rg.ones(2).sum().backward(), "does not require a gradient"),
    ("no single gradient", lambda: (2 * rg.ones(2, requires_grad=True)).backward(), "reduce it to a scalar"),
    ("backward twice", backward_twice, "call backward(retain_graph=True) the first time"),
    ("writing over a parameter", write_over_a_parameter, "wrap the change in `with no_grad():`"),
    ("gradients of integers", lambda: rg.tensor(1).requires_grad_(), "only floating-point tensors can require"),
    # layers
    ("another width", lambda: linear()(rg.zeros(4, 5)), "the last axis of the input must have extent 3"),
    ("another dtype", lambda: linear()(rg.zeros(4, 3, dtype=rg.float64)), "cast one with .to(dtype)"),
    ("a negative width", lambda: nn.Linear(-1, 2), "extents must not be negative: -1, 2"),
    ("no probability", lambda: nn.Dropout(2), "the probability must lie in [0, 1], and is 2"),
    ("other channels", lambda: nn.Conv2d(3, 8, 3)(rg.zeros(1, 4, 8, 8)), "expects 3 input channels"),
    ("a kernel too large", lambda: nn.Conv2d(3, 8, 3)(rg.zeros(1, 3, 2, 2)), "pad the input or take a smaller kernel"),
    ("groups that do not divide", lambda: nn.Conv2d(3, 8, 3, groups=2), "must be positive and divide in_channels, 3"),
    ("a table of numbers", lambda: F.embedding(rg.tensor([0]), rg.ones(3)), "it must be (rows, features)"),
    ("a row that is not there", lambda: nn.Embedding(3, 2)(rg.tensor([5])).numpy(), "5 is no row"),
    ("fractions as rows", lambda: nn.Embedding(3, 2)(rg.zeros(2)), "must be int64 or int32 (use .long())"),
    ("the variance of one row", lambda: nn.BatchNorm1d(4)(rg.zeros(1, 4)), "train on more than one row"),
    ("heads that do not divide", lambda: nn.MultiheadAttention(5, 2), "must be a positive multiple of num_heads 2"),
    ("a number for a layer", lambda: nn.Sequential(3), "must be a Module or None"),  # type: ignore[arg-type]
    # losses
    ("a column and a row", lambda: F.mse_loss(rg.zeros(4, 1), rg.zeros(4)), "write target.reshape((4, 1))"),
    ("classes as fractions", lambda: F.cross_entropy(rg.zeros(4, 3), rg.zeros(4)), "must be int64 (use .long())"),
    ("other counts", lambda: F.cross_entropy(rg.zeros(4, 3), rg.tensor([0, 1])), "logits (4, 3) and targets (2,)"),
    ("no such class", lambda: F.cross_entropy(rg.zeros(1, 3), rg.tensor([3])).item(), "target 3 is not a class"),
    # optimizers, loops, files, settings
    ("nothing to optimize", lambda: optim.SGD([], lr=0.1), "pass model.parameters()"),
    ("a negative learning rate", lambda: optim.SGD(linear().parameters(), lr=-1), "lr must not be negative"),
    ("a beta of 1", lambda: optim.Adam(linear().parameters(), betas=(1.0, 0.9)), "at least 0 and below 1"),
    ("batches of nothing", lambda: DataLoader([1, 2], batch_size=0), "batch_size must be at least 1"),
    ("arrays of other lengths", lambda: rg.compile_loop(F.relu, (rg.zeros(3), rg.zeros(2))), "equal first extents"),
    ("weights that are missing", lambda: linear().load_state_dict({}), "missing keys: weight, bias"),
    ("weights of another shape", lambda: nn.Linear(1, 1).load_state_dict(linear().state_dict()), "the file has shape"),
    ("a file of another format", lambda: load_file(__file__), "is not a sound safetensors file"),
    ("an unknown backend", lambda: rg.use_backend("gpu").__enter__(), "choose one of native, reference"),
    ("no threads", lambda: rg.set_num_threads(0), "must be a positive integer, not 0"),
]

TRAIN = ["train", "rows.csv"]
COMMANDS: list[tuple[str, list[str], str]] = [
    ("an unknown command", ["fly"], "No such command 'fly'"),
    ("an unknown option", [*TRAIN, "--target", "y", "--speed", "9"], "No such option"),
    ("a file that is not there", ["train", "row.csv", "--target", "y"], "did you mean 'rows.csv'?"),
    ("a folder for a file", ["train", "model", "--target", "y"], "is a folder, not a CSV file"),
    ("no file", ["train", "--target", "y"], "which table? Use: retrograd train FILE.csv --target COLUMN"),
    ("no target", TRAIN, "say which column to predict, of 'x', 'y'"),
    ("a target that is not there", [*TRAIN, "--target", "Y"], "has no column 'Y'; did you mean 'y'?"),
    ("an unknown task", [*TRAIN, "--target", "y", "--task", "ranking"], "'ranking' is not one of"),
    ("numbers as classes", [*TRAIN, "--target", "x", "--task", "classification"], "or --task regression"),
    ("a share above 1", [*TRAIN, "--target", "y", "--validation", "20"], "'20' is not between 0 and 1"),
    ("a learning rate of 0", [*TRAIN, "--target", "y", "--lr", "0"], "'0' is not a number above 0"),
    ("a learning rate too high", [*TRAIN, "--target", "x", "--lr", "1e30"], "is too high; try --lr"),
    ("sizes that are none", [*TRAIN, "--target", "y", "--hidden", "a"], "is not a list of sizes"),
    ("no epochs", [*TRAIN, "--target", "y", "--epochs", "0"], "0 is not in the range"),
    ("a file for a folder", [*TRAIN, "--target", "y", "--out", "rows.csv"], "a file of that name is in the way"),
    ("a network of no name", ["train", "digits", "--network", "deep"], "'deep' is not one of"),
    ("a model that is not there", ["predict", "models", "rows.csv"], "there is no folder 'models'"),
    ("a file for a model", ["predict", "rows.csv", "rows.csv"], "is a file; give the folder"),
    ("a folder without a model", ["predict", ".", "rows.csv"], "config.json is missing"),
    ("rows that are not there", ["predict", "model", "row.csv"], "did you mean 'rows.csv'?"),
    ("columns that are not there", ["predict", "model", "other.csv"], "lacks 'x', which the model was trained on"),
    ("answers over the rows", ["predict", "model", "rows.csv", "--output", "rows.csv"], "would overwrite the table"),
]


@pytest.mark.parametrize(("use", "message"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_wrong_calls(use: Callable[[], Any], message: str) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError), match=re.escape(message)):
        use()


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables, and a model of the first."""
    place = tmp_path_factory.mktemp("workplace")
    (place / "rows.csv").write_text("x,y\n" + "".join(f"{i}.5,{'ab'[i % 2]}\n" for i in range(30)))
    (place / "other.csv").write_text("u,v\n1,2\n")
    train = ["train", str(place / "rows.csv"), "--target", "y", "--epochs", "1", "--hidden", "4", "--quiet"]
    assert main([*train, "--out", str(place / "model")]) == 0
    return place


@pytest.mark.parametrize(("arguments", "message"), [row[1:] for row in COMMANDS], ids=[row[0] for row in COMMANDS])
def test_wrong_commands(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    workplace: Path,
    arguments: list[str],
    message: str,
) -> None:
    place = tmp_path / "work"
    shutil.copytree(workplace, place)
    before = sorted(place.rglob("*"))
    monkeypatch.chdir(place)
    capsys.readouterr()
    quiet = ["--quiet"] if arguments[0] == "train" else []
    assert main([*arguments, *quiet]) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("retrograd: ") and printed.err.count("\n") == 1
    assert message in printed.err
    assert sorted(place.rglob("*")) == before
