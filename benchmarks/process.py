"""The parent's side of a worker: starts it with its share of the machine, and gives it its turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.bytecode import environment_that_keeps_bytecode
from benchmarks.contender import Missing, Start, Turn
from benchmarks.contenders.registry import Entry


class WorkerProcess:
    """A contender in a process of its own, so that no thread pool disturbs another.

    Args:
        entry: who it is.
        problem_path: what it trains, written by `Problem.save`.
        threads: how many threads, and how many cores, it may use.
        cache: a folder for what it compiles; empty, or filled by an earlier process.

    Attributes:
        versions: of the packages in the process.
        start: what beginning cost.

    Raises:
        Missing: it cannot run here.
    """

    def __init__(self, entry: Entry, problem_path: Path, threads: int, cache: Path) -> None:
        self.entry = entry
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", entry.name, str(problem_path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(threads, cache),
            cwd=Path(__file__).parent.parent,
        )
        _confine(self._process.pid, threads)
        try:
            first = self._read()
            if "missing" in first:
                raise Missing(first["missing"])
        except BaseException:
            self.close()
            raise
        self.versions: Mapping[str, str] = first["ready"]["versions"]
        self.start = Start(*first["ready"]["start"])

    def turn(self, steps: int, chunk_steps: int) -> Turn:
        """Let it train and time itself; it waits without work before and after."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"turn": {"steps": steps, "chunk_steps": chunk_steps}}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; reading says of what
        return Turn(**self._read()["turn"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines()[-1:] or [f"exit status {self._process.returncode}"]
            raise Missing(f"its process died: {last[0][:300]}")
        message: dict[str, Any] = json.loads(line)
        return message


def environment(threads: int, cache: Path) -> dict[str, str]:
    """The variables that hold every framework to a number of threads, and what it compiles to a folder."""
    is_parallel = "true" if threads > 1 else "false"
    xla_flags = f"--xla_cpu_multi_thread_eigen={is_parallel} intra_op_parallelism_threads={threads}"
    limits = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "RETROGRAD_NUM_THREADS": str(threads),
        "XLA_FLAGS": xla_flags,
        "JAX_PLATFORMS": "cpu",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RETROGRAD_CACHE_DIR": str(cache / "retrograd"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "CACHEDB": str(cache / "tinygrad.db"),
    }
    return environment_that_keeps_bytecode() | limits


def _confine(pid: int, threads: int) -> None:
    """Allow the process as many cores as threads; a pool that ignores the variables gains nothing."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, sorted(os.sched_getaffinity(0))[:threads])
