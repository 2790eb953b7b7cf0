"""What a backend is: something that compiles a graph of primitives into a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

from retrograd.core.buffer import Buffer, Scalar
from retrograd.passes.structure import Structure


class Tier(IntEnum):
    """How much work goes into a program before it runs. The bits of the results are the same.

    Attributes:
        STEPS: the recorded steps one by one, each by a program that other structures share: for what is met first.
        UNFUSED: one table of kernels, one for each primitive: for whoever wants to look at them one by one.
        FUSED: as fast as it gets.
    """

    STEPS = -1
    UNFUSED = 0
    FUSED = 1


class Program(Protocol):
    """A compiled graph.

    Attributes:
        repeatable: whether it is a RepeatableProgram.
    """

    repeatable: bool

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        """Compute the outputs. An output may be the very buffer of an input, as told to `compile`."""


class RepeatableProgram(Program, Protocol):
    """A program that can run many times without Python in between: what captured loops need.

    Attributes:
        runs_done: how many runs the last `repeat` has done, also where an interrupt ended it.
    """

    runs_done: int

    def repeat(
        self,
        inputs: Sequence[Buffer | Scalar],
        outputs: Sequence[Buffer],
        input_steps: Mapping[int, int],
        output_steps: Mapping[int, int],
        count: int,
    ) -> int:
        """Run `count` times; after each, the given inputs and outputs move on by so many bytes. How many were done."""


class Backend(Protocol):
    """A way of running graphs."""

    name: str

    def compile(self, structure: Structure, tier: int) -> Program:
        """A program that computes what a structure says.

        Args:
            structure: its `graph` is of primitives and control flow.
            tier: a Tier.
        """

    def recall(self, structure: Structure, first: bool) -> Program | None:
        """The fused program that an earlier process, or another structure, has planned; None if there is none.

        Args:
            structure: what it computes.
            first: whether it is met for the first time, so that looking must not take long.
        """
