"""The benchmark's machinery, on few steps: that it compares the same things, and says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import footprint, import_time, overhead, recording, report
from benchmarks.contender import Missing
from benchmarks.contenders.registry import ENTRIES, Entry
from benchmarks.measure import Result, disagreements
from benchmarks.problem import Problem
from benchmarks.problems import make_problem
from benchmarks.process import WorkerProcess, environment
from benchmarks.run import main
from benchmarks.workloads import WORKLOADS

STRANGER = Entry("stranger", "Stranger", ("no_such_framework", "Loop"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_problems_travel_unchanged(tmp_path: Path, name: str) -> None:
    problem = make_problem(WORKLOADS[name])
    problem.save(tmp_path / "problem.npz")
    read = Problem.load(tmp_path / "problem.npz")
    assert read.workload == problem.workload
    np.testing.assert_array_equal(read.inputs, problem.inputs)
    np.testing.assert_array_equal(read.targets, problem.targets)
    assert read.state.keys() == problem.state.keys()
    for key, array in problem.state.items():
        np.testing.assert_array_equal(read.state[key], array)
    assert len(problem.inputs) % problem.workload.batch_size == 0


def test_a_framework_that_is_not_installed() -> None:
    with pytest.raises(Missing, match="no_such_framework"):
        STRANGER.load()


def test_a_process_that_dies(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="its process died: KeyError: 'stranger'"):
        WorkerProcess(STRANGER, tmp_path / "nothing", 1, tmp_path)


def test_a_worker_takes_turns(tmp_path: Path) -> None:
    path = tmp_path / "problem.npz"
    make_problem(WORKLOADS["xor"]).save(path)
    worker = WorkerProcess(ENTRIES["retrograd"], path, 1, tmp_path)
    try:
        first, second = worker.turn(5, 20), worker.turn(5, 20)
    finally:
        worker.close()
    assert len(first.seconds) == 5 and min(first.seconds) > 0
    assert first.losses == second.losses, "each turn begins with the same weights"
    assert "numpy" in worker.versions
    assert worker.start.seconds is not None and worker.start.seconds > 0


def test_retrograd_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--workloads", "xor", "--contenders", "retrograd", "--rounds", "1", "--steps", "3", "--threads", "1"]
    assert main([*arguments, "--json", str(figures)]) == 0
    assert "losses agree" in capsys.readouterr().out
    read = json.loads(figures.read_text())
    assert read["machine"]["threads"] == "1"
    assert read["workloads"][0]["contenders"][0]["measurements"] == 3


def test_missing_peers_are_named_and_may_be_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ENTRIES, "stranger", STRANGER)
    arguments = ["--workloads", "xor", "--contenders", "retrograd,stranger", "--rounds", "1", "--steps", "3"]
    assert main(arguments) == 0
    assert "missing: Stranger" in capsys.readouterr().out
    assert main([*arguments, "--require-peers"]) == 1


def test_losses_that_differ_are_told() -> None:
    ours = Result(ENTRIES["retrograd"], [0.001], [1.0, 0.5])
    peer = Result(ENTRIES["torch"], [0.002], [1.0, 0.5 * (1 + 5e-5)])
    assert disagreements([ours, peer]) == []
    peer.losses[1] = 0.51
    assert disagreements([ours, peer])[0].startswith("retrograd, loop by hand: losses")
    ours.losses = []
    assert len(disagreements([ours, peer])) == 1


def test_the_table_compares() -> None:
    ours = Result(ENTRIES["retrograd"], [0.001, 0.001, 0.003], [1.0])
    slow, fast = Result(ENTRIES["torch"], [0.004], [1.0]), Result(ENTRIES["jax-step"], [0.002], [1.0])
    gone = Result(ENTRIES["jax-scan"], missing="no jax")
    text = report.table("xor", [ours, slow, fast, gone])
    assert text.splitlines()[2].split()[-8:-3] == ["1.0000", "1.0000", "2.6000", "1.00", "0.50"]
    assert "missing: no jax" in text
    assert report.best_peer([ours, slow, fast, gone]) is fast
    assert report.best_peer([ours, slow, fast, gone], "torch") is slow
    row = report.summary({"xor": [ours, slow, fast, gone]}).splitlines()[1]
    assert row.split()[:4] == ["xor", "2.00", "4.00", "-"]


def test_memory_is_measured() -> None:
    # In a process of its own: what this one has freed is resident still, and would be used again.
    program = """
import numpy as np
from benchmarks.memory import PeakMemory
memory = PeakMemory()
held = np.ones(4_000_000)
print(memory.bytes(), held.nbytes)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    peak, held = run.stdout.split()
    if peak == "None":
        pytest.skip("this system does not say how much memory a process took")
    assert int(held) * 0.9 < int(peak) < int(held) * 1.5


def test_footprint_names_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "FRAMEWORKS", {"numpy": "numpy", "no-such-framework": "nothing"})
    _, present, absent = footprint.table().splitlines()
    assert present.split()[0] == "numpy" and float(present.split()[1]) > 0 and float(present.split()[2]) > 1
    assert absent.split() == ["no-such-framework", "not", "installed"]
    assert footprint.installed_bytes("numpy") > 1e6


def test_imports_find_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    times = import_time.measure(2)
    assert min(times.later) < times.first / 1.5
    assert "PYTHONDONTWRITEBYTECODE" not in environment(1, Path("cache"))


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["--workloads", "gpt9"], ["--contenders", "x"]])
def test_wrong_arguments(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(wrong)


def test_recording_is_held_against_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert recording.main(["--rounds", "2", "--limit", "1e6"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in recording.OPERATIONS) and "ABOVE" not in printed
    assert recording.main(["--rounds", "2", "--limit", "0"]) == 1
    assert capsys.readouterr().out.count("ABOVE") == len(recording.OPERATIONS)


def test_overheads_are_held_against_their_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert overhead.main(["--steps", "20", "--limit", "1e6"]) == 0
    assert overhead.main(["--steps", "20", "--limit", "0"]) == 1
    assert import_time.main(["--count", "2", "--limit", "100"]) == 0
    assert import_time.main(["--count", "1", "--limit", "0"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert ["within" in line for line in lines] == [True] * 3 + [False] * 3 + [True, False]
