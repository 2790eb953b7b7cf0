"""How long `import retrograd` takes over `import numpy`: `python -m benchmarks.import_time`.

Each measurement is a process of its own that imports NumPy first, and finds the bytecode that one before them left
behind. Exit status 1 where the median exceeds the limit.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.bytecode import environment_that_keeps_bytecode

LIMIT_SECONDS = 0.15

_PROGRAM = """
import time
import numpy
start = time.perf_counter()
import retrograd
print(time.perf_counter() - start)
"""


class ImportTimes(NamedTuple):
    """Seconds of imports.

    Attributes:
        first: without bytecode: Python compiles every source that is imported.
        later: of each process after that one.
    """

    first: float
    later: list[float]


def measure(count: int) -> ImportTimes:
    """Import once without bytecode, and `count` times with it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_that_keeps_bytecode() | {"PYTHONPYCACHEPREFIX": folder}
        return ImportTimes(_run(environment), [_run(environment) for _ in range(count)])


def _run(environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_time", description=__doc__)
    parser.add_argument("--count", type=int, default=15, help="processes")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="of the median, in seconds")
    options = parser.parse_args(arguments)
    times = measure(options.count)
    median = statistics.median(times.later)
    verdict = "within" if median <= options.limit else "ABOVE"
    print(
        f"import retrograd over import numpy: median {median:.3f} s, least {min(times.later):.3f} s; "
        f"{verdict} the limit of {options.limit:g} s ({times.first:.3f} s where Python has no bytecode yet)"
    )
    return 0 if median <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
