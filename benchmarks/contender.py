"""What a contender is: a program that trains a problem and times itself."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.memory import PeakMemory
from benchmarks.problem import Problem

# After a reset the first steps make the optimizer's state and warm the caches; they are not timed.
WARM_UP_STEPS = 10
_STEPS_OF_START = 3


class Turn(NamedTuple):
    """What one turn gave.

    Attributes:
        seconds: of a step, one entry a measurement.
        losses: of the first steps after the initial weights, timed or not; without dropout.
    """

    seconds: list[float]
    losses: list[float]


class Start(NamedTuple):
    """What beginning costs.

    Attributes:
        seconds: from the data to the first step's loss: building the model, compiling, one step. None where steps
            cannot be had one by one.
        peak_bytes: memory above what the framework takes once it has trained something tiny; None where the system does
            not say.
    """

    seconds: float | None
    peak_bytes: int | None


class Missing(Exception):
    """A contender that cannot run here, and why."""


class Contender(ABC):
    """A framework with one way to use it.

    Args:
        problem: what to train.
        threads: how many threads it may use.
    """

    def __init__(self, problem: Problem, threads: int) -> None:
        self.problem = problem
        self.threads = threads

    @staticmethod
    @abstractmethod
    def warm_up() -> None:
        """Train something tiny, so that the framework has loaded its libraries."""

    @classmethod
    def start(cls, problem: Problem, threads: int) -> tuple[Contender, Start]:
        """Make one, and measure the making."""
        cls.warm_up()
        memory = PeakMemory()
        begin = time.perf_counter()
        contender = cls(problem, threads)
        seconds = contender.first_steps(begin)
        return contender, Start(seconds, memory.bytes())

    @abstractmethod
    def first_steps(self, begin: float) -> float | None:
        """Take a few steps; seconds from `begin` (of `time.perf_counter`) to the end of the first."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the initial weights and an optimizer that has taken no step, and leave dropout out."""

    @abstractmethod
    def use_dropout(self) -> None:
        """From here on train with dropout, where the network has it."""

    @abstractmethod
    def turn(self, steps: int, chunk_steps: int) -> Turn:
        """Train from the initial weights and time it."""


class StepContender(Contender):
    """A loop in Python that takes a step and looks at its loss, each time."""

    @abstractmethod
    def step(self, index: int) -> float:
        """One step on batch `index`, modulo the number of batches; its loss as a Python number."""

    def first_steps(self, begin: float) -> float | None:
        self.use_dropout()
        self.step(0)
        seconds = time.perf_counter() - begin
        for index in range(1, _STEPS_OF_START):
            self.step(index)
        return seconds

    def turn(self, steps: int, chunk_steps: int) -> Turn:
        self.reset()
        losses = [self.step(index) for index in range(WARM_UP_STEPS)]
        self.use_dropout()
        if self.problem.workload.has_dropout:
            self.step(0)
        seconds: list[float] = []
        clock = time.perf_counter
        for index in range(WARM_UP_STEPS, WARM_UP_STEPS + steps):
            start = clock()
            loss = self.step(index)
            seconds.append(clock() - start)
            losses.append(loss)
        return Turn(seconds, losses[:WARM_UP_STEPS])


class ChunkContender(Contender):
    """A loop that runs many steps in one call, without Python between them."""

    CHUNKS = 3

    @abstractmethod
    def run(self, steps: int) -> list[float]:
        """Train for this many steps, and give the loss of each."""

    def first_steps(self, begin: float) -> float | None:
        self.use_dropout()
        self.run(_STEPS_OF_START)
        return None

    def turn(self, steps: int, chunk_steps: int) -> Turn:
        self.reset()
        losses = self.run(chunk_steps)
        self.use_dropout()
        if self.problem.workload.has_dropout:
            self.run(chunk_steps)
        seconds = [self._seconds(lambda: self.run(chunk_steps)) / chunk_steps for _ in range(self.CHUNKS)]
        return Turn(seconds, losses[:WARM_UP_STEPS])

    @staticmethod
    def _seconds(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
