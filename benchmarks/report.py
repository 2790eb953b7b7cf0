"""The table and the JSON of a measurement."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Result, disagreements

_HEADER = f"{'contender':<32} {'median ms':>10} {'p10':>9} {'p90':>9} {'of retrograd':>13} {'of best peer':>13}"


def table(name: str, results: list[Result]) -> str:
    """A workload's figures: time of a step, and its ratio to retrograd's loop by hand and to the best peer."""
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
        )
    lines += [f"LOSSES DIFFER: {line}" for line in disagreements(results)] or ["losses agree"]
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


def best_peer(results: list[Result]) -> Result | None:
    """The peer with the lowest median, if any ran."""
    peers = [result for result in results if result.entry.is_peer and result.missing is None]
    return min(peers, key=lambda result: result.milliseconds(50), default=None)


def _contender_json(result: Result) -> dict[str, Any]:
    described: dict[str, Any] = {"name": result.entry.name, "title": result.entry.title, "missing": result.missing}
    if result.missing is None:
        described |= {
            f"{key}_ms": result.milliseconds(value) for key, value in (("p10", 10), ("median", 50), ("p90", 90))
        }
        described |= {"measurements": len(result.seconds), "losses": result.losses, "versions": result.versions}
    return described


def _median_of(results: list[Result], name: str) -> float | None:
    for result in results:
        if result.entry.name == name and result.missing is None:
            return result.milliseconds(50)
    return None


def _ratio(value: float, base: float | None) -> str:
    return "-" if base is None else f"{value / base:.2f}"
