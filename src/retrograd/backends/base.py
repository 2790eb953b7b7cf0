"""What a backend is: something that compiles a graph of primitives into a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from retrograd.core.buffer import Buffer, Scalar
from retrograd.passes.structure import Structure


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
            tier: 0 to start soon, 1 to run fast. The bits of the results are the same.
        """

    def recall(self, structure: Structure) -> Program | None:
        """The program of tier 1 that an earlier process has planned for a structure; None if there is none."""
