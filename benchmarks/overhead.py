"""What a training step costs outside its program: `python -m benchmarks.overhead`.

The benchmark's mlp, in a loop as one writes it, on the backend that computes nothing: what is left is Python's part,
recording, keys and buffers. Exit status 1 where the median exceeds the limit.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

import retrograd as rg
from benchmarks.contenders.retrograd_loops import build_model
from benchmarks.problems import make_problem
from benchmarks.workloads import WORKLOADS

LIMIT_MICROSECONDS = 100.0


def measure(steps: int, warm_up: int = 50) -> list[float]:
    """Seconds of each step of the mlp on the null backend."""
    problem = make_problem(WORKLOADS["mlp"])
    batches = [(rg.tensor(inputs), rg.tensor(targets)) for inputs, targets in problem.batches()]
    model = build_model(problem)
    criterion = rg.nn.CrossEntropyLoss()
    optimizer = rg.optim.Adam(model.parameters(), **problem.workload.options)
    seconds: list[float] = []
    with rg.use_backend("null"):
        for i in range(warm_up + steps):
            x, y = batches[i % len(batches)]
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            loss.item()
            seconds.append(time.perf_counter() - start)
    return seconds[warm_up:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--steps", type=int, default=2000, help="timed steps")
    parser.add_argument("--limit", type=float, default=LIMIT_MICROSECONDS, help="of the median, in microseconds")
    options = parser.parse_args(arguments)
    p10, median = 1e6 * np.percentile(measure(options.steps), [10, 50])
    verdict = "within" if median <= options.limit else "ABOVE"
    figures = f"median {median:.1f} us, p10 {p10:.1f} us"
    print(f"step overhead of mlp: {figures}; {verdict} the limit of {options.limit:g} us")
    return 0 if median <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
