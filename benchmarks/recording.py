"""What recording one operation costs: `python -m benchmarks.recording`.

Operations on small tensors, as one writes them, on the backend that computes nothing; nothing is evaluated while the
clock runs. Each is timed with operands that require a gradient and with operands that do not. Exit status 1 where a
median exceeds the limit.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import retrograd as rg
from retrograd.tensor.pending import take_pending

# At most about five, and some room for a busy machine.
LIMIT_MICROSECONDS = 6.0
_BATCH = 200

Operation = Callable[[Any, Any], Any]
OPERATIONS: dict[str, Operation] = {
    "x + y": lambda x, y: x + y,
    "x * 2.0": lambda x, y: x * 2.0,
    "x.relu()": lambda x, y: x.relu(),
    "x @ y": lambda x, y: x @ y,
    "x.sum()": lambda x, y: x.sum(),
    "x.softmax(-1)": lambda x, y: x.softmax(-1),
    "x.view(-1)": lambda x, y: x.view(-1),
    "x.reshape(2, 8)": lambda x, y: x.reshape(2, 8),
    "x.t()": lambda x, y: x.t(),
    "x.transpose(0, 1)": lambda x, y: x.transpose(0, 1),
    "x.permute(1, 0)": lambda x, y: x.permute(1, 0),
    "x.unsqueeze(0)": lambda x, y: x.unsqueeze(0),
    "x.expand(3, 4, 4)": lambda x, y: x.expand(3, 4, 4),
    "x[1:3]": lambda x, y: x[1:3],
    "x[0]": lambda x, y: x[0],
    "x[:, 1]": lambda x, y: x[:, 1],
    "x.detach()": lambda x, y: x.detach(),
}


def microseconds(operation: Operation, requires_grad: bool, rounds: int) -> float:
    """The median processor time of one application; views are read, as the operation that takes one does."""
    x, y = (rg.tensor(np.ones((4, 4), np.float32), requires_grad=requires_grad) for _ in range(2))
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(_BATCH):
            operation(x, y)._read()
        times.append((time.thread_time() - start) / _BATCH)
        take_pending()
    return 1e6 * float(np.median(times))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help=f"rounds of {_BATCH} applications")
    parser.add_argument("--limit", type=float, default=LIMIT_MICROSECONDS, help="of each median, in microseconds")
    options = parser.parse_args(arguments)
    above = 0
    print(f"{'operation':<20} {'plain':>8} {'with gradient':>14}   microseconds")
    with rg.use_backend("null"):
        for name, operation in OPERATIONS.items():
            plain, followed = (microseconds(operation, needs, options.rounds) for needs in (False, True))
            mark = "" if max(plain, followed) <= options.limit else "   ABOVE"
            above += bool(mark)
            print(f"{name:<20} {plain:>8.2f} {followed:>14.2f}{mark}")
    print(f"{above} of {len(OPERATIONS)} above the limit of {options.limit:g} microseconds")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
