"""`compare`: every operation that runs, beside its NumPy definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.runtime import devices
from retrograd.runtime.check import checking
from retrograd.runtime.difference import Difference
from retrograd.tensor.base import TensorBase


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        differences: for each program that differs, the first node that does, as far as is known the cause.
        programs, nodes: how many programs, and nodes of them, were held against their definitions.
    """

    differences: tuple[Difference, ...]
    programs: int
    nodes: int

    def __str__(self) -> str:
        counted = f"{self.programs} programs of {self.nodes} nodes in all ran beside their NumPy definitions: "
        if not self.differences:
            return counted + "no difference"
        found = "\n".join(map(str, self.differences))
        return f"{counted}{len(self.differences)} differ, first here:\n{found}"

    __repr__ = __str__


def compare(target: Any) -> Comparison:
    """Hold what the backend in force computes against the NumPy definition of each operation.

    Each program runs as it always does. Beside it, each of its nodes runs alone on the backend and in NumPy, from the
    same inputs. A sum of n products may differ by (n + 4) eps sum|terms|, a transcendental function by the units in the
    last place that the backend states and NumPy's own; everything else is the same. And the program must give the very
    bits that its nodes give one by one: what is fused, overwritten in place or shared among threads is compared too.

    Args:
        target: a Tensor whose value is pending; it is computed. Or a function without arguments, such as a training
            step, which is called once: it really trains.

    Returns:
        A Comparison: print it, or look at its `differences`; there is at most one for each program. `RETROGRAD_CHECK=1`
        does the same for every program of a process, and raises the first difference.

    Raises:
        OptionError: the target is neither, or the backend in force is one that cannot differ.

    Example:
        >>> import retrograd as rg
        >>> x = rg.linspace(-3, 3, 100)
        >>> rg.diagnostics.compare(x.softmax(0) * 2)
        1 programs of 10 nodes in all ran beside their NumPy definitions: no difference
    """
    if devices.state.name in ("reference", "null"):
        raise OptionError(f"compare: {devices.state.name!r} is in force, and there is nothing to hold it against")
    if isinstance(target, TensorBase):
        run: Callable[[], object] = target.detach().numpy
    elif callable(target):
        run = target
    else:
        raise OptionError(f"compare: give a tensor or a function without arguments, not {type(target).__name__}")
    with checking() as checked:
        run()
    return Comparison(tuple(checked.differences), checked.programs, checked.nodes)
