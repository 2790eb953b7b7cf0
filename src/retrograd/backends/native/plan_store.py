"""Plans on disk: a structure that an earlier process has planned is not planned again.

Only plans of tier 1 are kept, of structures that returned or are heavy: of those seen once there may be ever new ones.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import retrograd.core
import retrograd.ops
import retrograd.passes
from retrograd.backends.native.cache import cache_directory, cache_size, environment
from retrograd.backends.native.disk import Disk
from retrograd.backends.native.plan import Plan

# Making the plan of fewer steps takes less time than reading it.
FEWEST_STEPS = 12
_SUFFIX = ".plan"
# Plans are a small part of what kernels are.
_PART = 8


class PlanStore:
    """Finds plans by what they compute.

    Args:
        directory: where they are kept; None keeps nothing.
        maximum_bytes: those used least recently are removed when all together exceed this.
    """

    def __init__(self, directory: Path | None, maximum_bytes: int) -> None:
        self._disk = None if directory is None else Disk(directory, maximum_bytes, _SUFFIX)

    def recall(self, digest: str, aliases: Sequence[int]) -> Plan | None:
        """The plan of what has this digest, with these aliases."""
        if self._disk is None:
            return None
        identity = _identity(digest, aliases)
        content = self._disk.read(identity)
        if content is None:
            return None
        try:
            return Plan.from_bytes(content)
        except ValueError:
            self._disk.remove(identity)
            return None

    def keep(self, plan: Plan, digest: str, aliases: Sequence[int]) -> None:
        """Write a plan for later processes."""
        if self._disk is not None:
            self._disk.write(_identity(digest, aliases), plan.to_bytes())


def _identity(digest: str, aliases: Sequence[int]) -> str:
    return "\n".join([environment(), _planners(), digest, str(list(aliases))])


@functools.lru_cache(maxsize=1)
def _planners() -> str:
    """What plans depend on besides what kernels do."""
    sources = hashlib.blake2b(digest_size=16)
    for package in (retrograd.core, retrograd.ops, retrograd.passes):
        for directory in package.__path__:
            for path in sorted(Path(directory).rglob("*.py")):
                sources.update(path.read_bytes())
    return f"{sources.hexdigest()} {sys.implementation.cache_tag}"


@functools.lru_cache(maxsize=1)
def plan_store() -> PlanStore:
    """The store beside the process's kernels; `RETROGRAD_PLANS=0` has every process make its own."""
    kept = os.environ.get("RETROGRAD_PLANS") != "0"
    return PlanStore(cache_directory() if kept else None, cache_size() // _PART)
