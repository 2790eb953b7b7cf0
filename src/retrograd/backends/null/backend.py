"""The null backend leaves outputs as they are. It measures recording, keys, and buffers, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.buffer import Buffer, Scalar
from retrograd.passes.structure import Structure


class NullProgram:
    """A program that does nothing."""

    repeatable = False

    def run(self, inputs: Sequence[Buffer | Scalar], outputs: Sequence[Buffer]) -> None:
        pass


class NullBackend:
    """Compiles every graph to nothing."""

    name = "null"

    def compile(self, structure: Structure, tier: int) -> NullProgram:
        return NullProgram()

    def recall(self, structure: Structure, first: bool) -> None:
        return None
