"""How long `import retrograd` takes over `import numpy`: `python -m benchmarks.import_time`.

Each measurement is a process of its own that imports NumPy first. Exit status 1 where the median exceeds the limit.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence

LIMIT_SECONDS = 0.15

_PROGRAM = """
import time
import numpy
start = time.perf_counter()
import retrograd
print(time.perf_counter() - start)
"""


def measure(count: int) -> list[float]:
    """Seconds that each of `count` processes took. One more, before them, leaves the bytecode behind."""
    return [_run() for _ in range(count + 1)][1:]


def _run() -> float:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_time", description=__doc__)
    parser.add_argument("--count", type=int, default=15, help="processes")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="of the median, in seconds")
    options = parser.parse_args(arguments)
    seconds = measure(options.count)
    median = statistics.median(seconds)
    verdict = "within" if median <= options.limit else "ABOVE"
    print(
        f"import retrograd over import numpy: median {median:.3f} s, least {min(seconds):.3f} s; "
        f"{verdict} the limit of {options.limit:g} s"
    )
    return 0 if median <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
