"""How many cores there are for this process, and how they are used."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath

# Processes that compile at once: more would wait for the one whose kernels they are.
MOST_COMPILE_JOBS = 4


def default_num_threads() -> int:
    """`RETROGRAD_NUM_THREADS`, or else as many cores as this process may use."""
    return _chosen("RETROGRAD_NUM_THREADS") or usable_cores()


def compile_jobs() -> int:
    """`RETROGRAD_COMPILE_JOBS`, or else as many processes as there are cores for, this one included."""
    return _chosen("RETROGRAD_COMPILE_JOBS") or min(default_num_threads(), usable_cores(), MOST_COMPILE_JOBS)


def usable_cores() -> int:
    """As many cores as affinity allows this process, and its control group pays for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota(membership: Path, root: Path) -> float | None:
    """The least number of cores that the control groups of this process, of either version, allow it."""
    quotas = []
    for line in _read(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct"):
            base = root / controllers
            path = PurePosixPath(group)
            # In a container the group's own path is often not mounted, and the root is the group.
            for place in (path, *path.parents):
                quotas.append(_quota_of(base / str(place).lstrip("/"), version=2 if controllers == "" else 1))
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path, version: int) -> float | None:
    if version == 2:
        limits = _read(group / "cpu.max").split()
    else:
        limits = (_read(group / "cpu.cfs_quota_us") + " " + _read(group / "cpu.cfs_period_us")).split()
    if len(limits) != 2 or not all(limit.isdecimal() for limit in limits):
        return None  # no such group, or no limit: "max" in version 2, -1 in version 1
    return int(limits[0]) / int(limits[1])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _chosen(variable: str) -> int | None:
    """The number that an environment variable names, if it is set.

    Raises:
        ValueError: it is no positive integer.
    """
    chosen = os.environ.get(variable)
    if not chosen:
        return None
    if not chosen.isdecimal() or int(chosen) < 1:
        raise ValueError(f"{variable} must be a positive integer, not {chosen!r}")
    return int(chosen)
