"""Measure training steps side by side: `python -m benchmarks.run --help`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import footprint, machine, report
from benchmarks.contenders.registry import ENTRIES
from benchmarks.measure import Result, Settings, disagreements, measure
from benchmarks.workloads import WORKLOADS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 1 where losses differ, retrograd does not run, or a required peer is missing."""
    options = _parse(arguments)
    settings = Settings(options.threads, options.rounds, options.burn, options.steps)
    entries = [ENTRIES[name] for name in options.contenders]
    measured: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads:
            measured[name] = measure(WORKLOADS[name], entries, settings, Path(folder))
            print(report.table(name, measured[name]), end="\n\n", flush=True)
    print(report.summary(measured), end="\n\n")
    if options.footprint:
        print(footprint.table(), end="\n\n")
    everything = [result for results in measured.values() for result in results]
    described = machine.describe() | {"threads": str(options.threads), "burn": "yes" if options.burn else "no"}
    described |= {package: version for result in everything for package, version in result.versions.items()}
    print(", ".join(f"{key} {value}" for key, value in described.items()))
    if options.json is not None:
        figures = [report.as_json(name, results) for name, results in measured.items()]
        options.json.write_text(json.dumps({"machine": described, "workloads": figures}, indent=2) + "\n")
    return _status(measured, everything, options.require_peers)


def _status(measured: dict[str, list[Result]], everything: list[Result], require_peers: bool) -> int:
    missing = sorted({result.entry.title for result in everything if result.missing is not None})
    if missing:
        print(f"missing: {', '.join(missing)}")
    lacks_peer = any(result.missing is not None and result.entry.is_peer for result in everything)
    lacks_us = any(result.missing is not None and result.entry.name == "retrograd" for result in everything)
    differs = any(disagreements(results) for results in measured.values())
    return 1 if differs or lacks_us or (lacks_peer and require_peers) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--threads", type=_positive, default=min(2, machine.core_count()), help="for each contender")
    parser.add_argument("--rounds", type=_positive, default=8, help="turns for each contender")
    parser.add_argument("--steps", type=_positive, help="timed steps a turn, in place of the workload's own number")
    parser.add_argument("--workloads", type=_names_among(WORKLOADS), default=list(WORKLOADS), help="comma-separated")
    parser.add_argument("--contenders", type=_names_among(ENTRIES), default=list(ENTRIES), help="comma-separated")
    parser.add_argument("--burn", action="store_true", help="keep every core busy with another process meanwhile")
    parser.add_argument("--require-peers", action="store_true", help="fail where a peer is missing")
    parser.add_argument("--footprint", action="store_true", help="import times and installed sizes too")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _names_among(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = [name.strip() for name in text.split(",")]
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is not one of {', '.join(known)}")
        return found

    return names


if __name__ == "__main__":
    sys.exit(main())
