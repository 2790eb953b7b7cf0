"""Processes that keep every core busy, to see what a training step costs on a machine that is shared."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.machine import core_count


@contextmanager
def burning(is_on: bool) -> Iterator[None]:
    """Burn every core, one process each, for the time of the block."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(core_count() * is_on)]
    try:
        if hasattr(os, "sched_setaffinity"):
            for process, core in zip(processes, sorted(os.sched_getaffinity(0)), strict=False):
                os.sched_setaffinity(process.pid, {core})
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
