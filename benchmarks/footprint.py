"""What a framework costs before it does anything: its import, and what an installation weighs."""

from __future__ import annotations

import statistics
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from benchmarks.bytecode import environment_that_keeps_bytecode

# Distribution, and the module that a program imports.
FRAMEWORKS: Final = {
    "retrograd": "retrograd",
    "torch": "torch",
    "jax": "jax",
    "keras": "keras",
    "tinygrad": "tinygrad",
    "scikit-learn": "sklearn.neural_network",
    "numpy": "numpy",
}
_IMPORTS: Final = 5


def table() -> str:
    """A line a framework that is installed."""
    lines = [f"{'framework':<14} {'import s':>9} {'installed MB':>13}"]
    for distribution, module in FRAMEWORKS.items():
        try:
            size = installed_bytes(distribution)
        except metadata.PackageNotFoundError:
            lines.append(f"{distribution:<14} not installed")
            continue
        lines.append(f"{distribution:<14} {import_seconds(module):>9.2f} {size / 2**20:>13.0f}")
    return "\n".join(lines)


def import_seconds(module: str) -> float:
    """Median wall time of a fresh process that imports a module, less that of one that imports nothing."""
    return max(0.0, _process_seconds(f"import {module}") - _process_seconds("pass"))


def _process_seconds(program: str) -> float:
    timed = f"import time; start = time.perf_counter(); {program}; print(time.perf_counter() - start)"
    environment = environment_that_keeps_bytecode() | {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    seconds = []
    for _ in range(_IMPORTS):
        done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, env=environment)
        seconds.append(float(done.stdout.split()[-1]) if done.returncode == 0 else float("nan"))
    return statistics.median(seconds)


def installed_bytes(distribution: str) -> int:
    """Bytes of a distribution's files and of those of all that it requires."""
    sizes: dict[str, int] = {}
    waiting = [distribution]
    while waiting:
        name = waiting.pop().lower()
        if name in sizes:
            continue
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name == distribution.lower():
                raise
            continue
        sizes[name] = sum(_size(Path(str(found.locate_file(file)))) for file in found.files or ())
        requirements = map(Requirement, found.requires or ())
        waiting += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return sum(sizes.values())


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
