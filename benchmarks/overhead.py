"""What a training step costs outside its program: `python -m benchmarks.overhead`.

Workloads of the benchmark, in a loop as one writes it, on the backend that computes nothing: what is left is Python's
part, recording, keys and buffers. Exit status 1 where a median exceeds its limit.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

import retrograd as rg
from benchmarks.contenders.retrograd_loops import RetrogradLoop
from benchmarks.problems import make_problem
from benchmarks.workloads import WORKLOADS

LIMITS_MICROSECONDS: Final = {"mlp": 100.0, "gpt": 500.0, "resnet20": 800.0}


def measure(workload: str, steps: int, warm_up: int = 50) -> list[float]:
    """Seconds of each step of a workload on the null backend."""
    seconds: list[float] = []
    with rg.use_backend("null"):
        loop = RetrogradLoop(make_problem(WORKLOADS[workload]), threads=1)
        for i in range(warm_up + steps):
            start = time.perf_counter()
            loop.step(i)
            seconds.append(time.perf_counter() - start)
    return seconds[warm_up:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--steps", type=int, default=1000, help="timed steps")
    parser.add_argument("--limit", type=float, help="of the medians in microseconds, in place of each one's own")
    options = parser.parse_args(arguments)
    exceeded = False
    for workload, own in LIMITS_MICROSECONDS.items():
        limit = own if options.limit is None else options.limit
        p10, median = 1e6 * np.percentile(measure(workload, options.steps), [10, 50])
        verdict = "within" if median <= limit else "ABOVE"
        figures = f"median {median:.1f} us, p10 {p10:.1f} us"
        print(f"step overhead of {workload}: {figures}; {verdict} the limit of {limit:g} us")
        exceeded |= bool(median > limit)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
