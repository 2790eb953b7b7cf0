"""The process of one contender: builds it, then waits for commands on stdin and answers on stdout, lines of JSON.

    -> {"turn": {"steps": 60, "chunk_steps": 60}}
    <- {"turn": {"seconds": [...], "losses": [...]}}

The first line it writes is {"ready": {"versions": {...}, "start": [seconds, bytes]}} or {"missing": reason}.
It ends when stdin does.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TextIO

from benchmarks.contender import Contender, Missing
from benchmarks.contenders.registry import ENTRIES
from benchmarks.problem import Problem

PACKAGES = (
    "retrograd",
    "torch",
    "jax",
    "jaxlib",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "tinygrad",
    "scikit-learn",
    "numpy",
    "llvmlite",
)


def main(name: str, problem_path: str, threads: str) -> None:
    """Serve one contender until stdin ends."""
    answers = _take_stdout()
    try:
        contender, start = ENTRIES[name].load().start(Problem.load(Path(problem_path)), int(threads))
    except Missing as error:
        _answer(answers, {"missing": " ".join(str(error).split())[:300]})
        return
    _answer(answers, {"ready": {"versions": _versions(), "start": start}})
    _serve(contender, answers)


def _serve(contender: Contender, answers: TextIO) -> None:
    for line in sys.stdin:
        turn = contender.turn(**json.loads(line)["turn"])
        _answer(answers, {"turn": turn._asdict()})


def _take_stdout() -> TextIO:
    """Keep the pipe for answers, and send what libraries print to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: TextIO, message: object) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
