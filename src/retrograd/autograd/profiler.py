"""profile and record_function: where the time of a program goes, as far as evaluations and named parts show it.

Source: torch.autograd.profiler, of which this is a small part. Deviation: operations run fused in programs, so a row is
a program, named by its heaviest operations, and not an operation.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from retrograd.core.errors import OptionError
from retrograd.core.graph import Graph
from retrograd.runtime.evaluate import Evaluation, observed_by

_KEYS = ("cpu_time_total", "self_cpu_time_total", "count", "cpu_time")


@dataclass
class Row:
    """Time spent under one name.

    Attributes:
        key: the name.
        count: how often.
        cpu_time_total: microseconds, all together.
    """

    key: str
    count: int = 0
    cpu_time_total: float = 0.0

    @property
    def self_cpu_time_total(self) -> float:
        return self.cpu_time_total

    @property
    def cpu_time(self) -> float:
        """Microseconds each time."""
        return self.cpu_time_total / max(self.count, 1)


class Averages(list[Row]):
    """Rows, which can be printed as a table."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **_: Any) -> str:
        """The rows as text, those with the most time first.

        Args:
            sort_by: "cpu_time_total", "self_cpu_time_total", "cpu_time" or "count".
            row_limit: how many rows at most.

        Raises:
            OptionError: `sort_by` is none of these.
        """
        key = sort_by or "cpu_time_total"
        if key not in _KEYS:
            raise OptionError(f"table: sort_by must be one of {', '.join(_KEYS)}, not {sort_by!r}")
        rows = sorted(self, key=lambda row: getattr(row, key), reverse=True)[: row_limit if row_limit >= 0 else None]
        width = max([4, *(len(row.key) for row in rows)])
        lines = [f"{'Name':<{width}}  {'Calls':>7}  {'Total':>12}  {'Each':>12}"]
        for row in rows:
            times = f"{row.cpu_time_total:>9.1f} us  {row.cpu_time:>9.1f} us"
            lines.append(f"{row.key:<{width}}  {row.count:>7}  {times}")
        return "\n".join(lines)


class profile:
    """Times programs, and the parts named by `record_function`, within a `with` block.

    Args:
        enabled: False does nothing.

    Other arguments of PyTorch's are accepted and change nothing: there is one device.

    >>> import retrograd as rg
    >>> with rg.autograd.profiler.profile() as prof:
    ...     with rg.autograd.profiler.record_function("forward"):
    ...         _ = rg.ones(3).exp().tolist()
    >>> sorted((row.key, row.count) for row in prof.key_averages())
    [('forward', 1), ('program: exp', 1)]
    """

    def __init__(self, enabled: bool = True, **_: Any) -> None:
        self._enabled = enabled
        self._rows: dict[str, Row] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._enabled:
            self._stack.enter_context(observed_by(self._count))
            _active.append(self)
            self._stack.callback(_active.remove, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _count(self, evaluation: Evaluation) -> None:
        self.add(f"program: {heaviest(evaluation.graph)}", evaluation.seconds)

    def add(self, key: str, seconds: float) -> None:
        """Count time under a name."""
        row = self._rows.setdefault(key, Row(key))
        row.count += 1
        row.cpu_time_total += 1e6 * seconds

    def key_averages(self, **_: Any) -> Averages:
        """A row for each name."""
        return Averages(self._rows.values())

    def total_average(self) -> Row:
        """All programs together."""
        rows = [row for row in self._rows.values() if row.key.startswith("program")]
        return Row("Total", sum(row.count for row in rows), sum(row.cpu_time_total for row in rows))

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds spent in programs."""
        return self.total_average().cpu_time_total

    def table(self, **options: Any) -> str:
        return self.key_averages().table(**options)

    def __str__(self) -> str:
        return self.table()


_active: list[profile] = []


class record_function:
    """Gives a part of a program a name in the profiles that are being made: a context manager.

    Source: torch.autograd.profiler.record_function.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for active in _active:
            active.add(self.name, time.perf_counter() - self._start)


def heaviest(graph: Graph, most: int = 3) -> str:
    """The operations of a graph that have the largest results, and how often they are there.

    >>> heaviest(Graph((), (), ()))
    'nothing'
    """
    weights: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for step in graph.steps:
        weights[step.signature.operation.name] += step.signature.type.size
        counts[step.signature.operation.name] += 1
    names = [f"{name} x{counts[name]}" if counts[name] > 1 else name for name, _ in weights.most_common(most)]
    return ", ".join(names) or "nothing"
