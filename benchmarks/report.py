"""The tables and the JSON of a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.contender import Start
from benchmarks.measure import Result, disagreements

_HEADER = (
    f"{'contender':<32} {'median ms':>10} {'p10':>9} {'p90':>9} {'of retrograd':>13} {'of best peer':>13}"
    f" {'first s':>8} {'again s':>8} {'peak MB':>8}"
)


def table(name: str, results: list[Result]) -> str:
    """A workload's figures: time of a step, and its ratio to retrograd's loop by hand and to the best peer; then the
    seconds to the first loss with nothing compiled before, and in a later process; and the memory of training."""
    ours = _median_of(results, "retrograd")
    best = best_peer(results)
    lines = [name, _HEADER]
    for result in results:
        if result.missing is not None:
            lines.append(f"{result.entry.title:<32} missing: {result.missing}")
            continue
        median = result.milliseconds(50)
        lines.append(
            f"{result.entry.title:<32} {median:>10.4f} {result.milliseconds(10):>9.4f} {result.milliseconds(90):>9.4f}"
            f" {_ratio(median, ours):>13} {_ratio(median, best.milliseconds(50) if best else None):>13}"
            f" {_seconds(result.cold):>8} {_seconds(result.warm):>8} {_megabytes(result.warm):>8}"
        )
    lines += [f"LOSSES DIFFER: {line}" for line in disagreements(results)] or ["losses agree"]
    return "\n".join(lines)


def summary(measured: Mapping[str, list[Result]]) -> str:
    """A line a workload: how many times retrograd's time the best of all peers and the best of PyTorch take."""
    header = f"{'workload':<12} {'best peer / ours':>17} {'best PyTorch / ours':>20} {'memory / PyTorch':>17}"
    lines = [f"{header}  best peer"]
    of_pytorch: list[float] = []
    for name, results in measured.items():
        ours, best, pytorch = _median_of(results, "retrograd"), best_peer(results), best_peer(results, "torch")
        if ours is None or best is None:
            continue
        if pytorch is not None:
            of_pytorch.append(pytorch.milliseconds(50) / ours)
        lines.append(
            f"{name:<12} {best.milliseconds(50) / ours:>17.2f} {of_pytorch[-1] if pytorch else 0:>20.2f}"
            f" {_memory_ratio(results):>17}  {best.entry.title}"
        )
    if of_pytorch:
        mean = np.exp(np.log(of_pytorch).mean())
        lines.append(f"geometric mean of PyTorch's best: {mean:.2f} times retrograd's time")
    return "\n".join(lines)


def as_json(name: str, results: list[Result]) -> dict[str, Any]:
    """A workload's figures for programs."""
    best = best_peer(results)
    return {
        "workload": name,
        "best_peer": best.entry.name if best else None,
        "losses_agree": not disagreements(results),
        "contenders": [_contender_json(result) for result in results],
    }


def best_peer(results: list[Result], family: str = "") -> Result | None:
    """The peer with the lowest median, among those whose name begins with `family`, if any ran."""
    peers = [
        result
        for result in results
        if result.entry.is_peer and result.missing is None and result.entry.name.startswith(family)
    ]
    return min(peers, key=lambda result: result.milliseconds(50), default=None)


def _contender_json(result: Result) -> dict[str, Any]:
    described: dict[str, Any] = {"name": result.entry.name, "title": result.entry.title, "missing": result.missing}
    if result.missing is None:
        described |= {
            f"{key}_ms": result.milliseconds(value) for key, value in (("p10", 10), ("median", 50), ("p90", 90))
        }
        described |= {"measurements": len(result.seconds), "losses": result.losses, "versions": result.versions}
        for key, start in (("cold", result.cold), ("warm", result.warm)):
            described[key] = start._asdict() if start is not None else None
    return described


def _median_of(results: list[Result], name: str) -> float | None:
    for result in results:
        if result.entry.name == name and result.missing is None:
            return result.milliseconds(50)
    return None


def _memory_ratio(results: list[Result]) -> str:
    """Ours over the least of PyTorch's."""
    peaks = {
        result.entry.name: result.warm.peak_bytes
        for result in results
        if result.warm is not None and result.warm.peak_bytes is not None
    }
    theirs = [peak for name, peak in peaks.items() if name.startswith("torch")]
    return f"{peaks['retrograd'] / min(theirs):.2f}" if theirs and "retrograd" in peaks else "-"


def _ratio(value: float, base: float | None) -> str:
    return "-" if base is None else f"{value / base:.2f}"


def _seconds(start: Start | None) -> str:
    return "-" if start is None or start.seconds is None else f"{start.seconds:.2f}"


def _megabytes(start: Start | None) -> str:
    return "-" if start is None or start.peak_bytes is None else f"{start.peak_bytes / 2**20:.1f}"
