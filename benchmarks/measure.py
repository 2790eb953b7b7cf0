"""One workload, all contenders, in turns."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.burn import burning
from benchmarks.contender import Missing, Start
from benchmarks.contenders.registry import Entry
from benchmarks.problems import make_problem
from benchmarks.process import WorkerProcess
from benchmarks.workloads import Workload

# Thread pools spin for a while after their work; the next contender begins when they sleep.
_PAUSE_SECONDS: Final = 0.1
# A deep network amplifies rounding from step to step: PyTorch differs from itself in another layout by 4e-4 at the
# fifth step of resnet20 and by 2e-3 at the tenth. So the first steps are compared.
_COMPARED_STEPS: Final = 5
_LOSS_TOLERANCE: Final = 1e-3


@dataclass
class Result:
    """What one contender did on one workload.

    Attributes:
        entry: who.
        seconds: of a step, all rounds together.
        losses: of the first steps.
        missing: why it did not run, or None.
        versions: of the packages in its process.
        cold: what beginning cost with nothing compiled before.
        warm: what it cost another process after that one.
    """

    entry: Entry
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    missing: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    cold: Start | None = None
    warm: Start | None = None

    def milliseconds(self, percentile: float) -> float:
        """A percentile of a step's time; 50 is the median."""
        return 1e3 * float(np.percentile(self.seconds, percentile))


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        threads: for each contender.
        rounds: turns for each contender.
        burn: whether every core is kept busy meanwhile.
        steps: timed steps a turn, or None for the workload's own.
    """

    threads: int
    rounds: int
    burn: bool
    steps: int | None = None


def measure(workload: Workload, entries: Iterable[Entry], settings: Settings, folder: Path) -> list[Result]:
    """Give each contender its turns, round by round.

    Args:
        workload: what to train.
        entries: who takes part.
        settings: how.
        folder: for the problem's file.
    """
    path = folder / f"{workload.name}.npz"
    make_problem(workload).save(path)
    results = [Result(entry) for entry in entries if entry.takes_part_in(workload.name)]
    with ExitStack() as stack:
        running: list[tuple[Result, WorkerProcess]] = []
        for result in results:
            cache = folder / f"{workload.name}-{result.entry.name}"
            try:
                first = WorkerProcess(result.entry, path, settings.threads, cache)
                first.close()
                process = WorkerProcess(result.entry, path, settings.threads, cache)
            except Missing as error:
                result.missing = str(error)
                continue
            result.cold, result.warm = first.start, process.start
            stack.callback(process.close)
            result.versions = dict(process.versions)
            running.append((result, process))
        with burning(settings.burn):
            for _ in range(settings.rounds):
                _one_round(running, workload, settings)
    return results


def _one_round(running: list[tuple[Result, WorkerProcess]], workload: Workload, settings: Settings) -> None:
    for result, process in running:
        if result.missing is not None:
            continue
        time.sleep(_PAUSE_SECONDS)
        try:
            turn = process.turn(settings.steps or workload.steps, settings.steps or workload.chunk_steps)
        except Missing as error:
            result.missing = str(error)
            continue
        result.seconds += turn.seconds
        result.losses = turn.losses


def disagreements(results: list[Result]) -> list[str]:
    """Contenders whose first losses differ from those of the first peer that ran (or of the first contender)."""
    ran = [result for result in results if result.missing is None]
    if not ran:
        return []
    reference = next((result for result in ran if result.entry.is_peer), ran[0])
    return [
        f"{result.entry.title}: losses {result.losses} differ from {reference.entry.title}'s {reference.losses}"
        for result in ran
        if not _agree(result.losses, reference.losses)
    ]


def _agree(losses: list[float], expected: list[float]) -> bool:
    length = min(len(losses), len(expected), _COMPARED_STEPS)
    return length > 0 and np.allclose(losses[:length], expected[:length], rtol=_LOSS_TOLERANCE, atol=0.0)
