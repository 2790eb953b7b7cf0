"""What the optimizers with one kind of update share: state that starts at a number, and one node a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrograd.core.signature import Operation
from retrograd.optim.closing import Closings, close, note_changes
from retrograd.optim.numbers import numbers_node
from retrograd.tensor.creation import full_like

Entry = dict[str, Any]
# What a state starts as: a number everywhere, or a tensor made for the parameter.
Start = float | Callable[[Any], Any]


def by_step(
    state: dict[Any, Entry], params: Sequence[Any], starts: Mapping[str, Start]
) -> list[tuple[list[Any], list[Entry]]]:
    """Parameters with their state, counted up by one step and sorted by how many steps each has had.

    Args:
        state: the optimizer's; entries that are missing are made.
        params: those to be updated.
        starts: what is remembered of a parameter, and what it starts as.
    """
    known, count = state.get, len(starts)
    entries = [
        entry if (entry := known(p)) is not None and len(entry) > count else _begun(state, p, starts) for p in params
    ]
    for entry in entries:
        entry["step"] += 1
    steps = dict.fromkeys([entry["step"] for entry in entries])
    if len(steps) == 1:
        return [(list(params), entries)]
    together = list(zip(params, entries, strict=True))
    parts = [[pair for pair in together if pair[1]["step"] == step] for step in steps]
    return [([parameter for parameter, _ in part], [entry for _, entry in part]) for part in parts]


def _begun(state: dict[Any, Entry], parameter: Any, starts: Mapping[str, Start]) -> Entry:
    """The entry of a parameter with all that `starts` asks for."""
    entry = state.setdefault(parameter, {})
    entry.setdefault("step", 0)
    for name, start in starts.items():
        if name not in entry:
            entry[name] = start(parameter) if callable(start) else full_like(parameter, start)
    return entry


def close_update(
    closings: Closings,
    operation: Operation,
    params: Sequence[Any],
    entries: Sequence[Entry],
    names: Sequence[str],
    numbers: Callable[[int], Sequence[float]],
    attributes: tuple[Any, ...],
    settle: Callable[[Entry], None] | None = None,
) -> None:
    """Record the update of parameters and of the named state, and compute it with everything pending.

    The operation takes parameters, gradients, state by name, numbers, and how many parameters there are with the other
    attributes; it gives the next parameters and the next state.

    Args:
        closings: the optimizer's.
        numbers: the run-time numbers, by the count of steps.
        settle: makes the numbers that an entry holds those of its count of steps, when a captured loop has moved that.
    """
    states = [entry[name] for name in names for entry in entries]
    first = entries[0]

    def later(steps: int) -> Sequence[float]:
        return numbers(first.get("step", 0) + steps)

    def advance(steps: int) -> None:
        for entry in entries:
            if "step" in entry:
                entry["step"] += steps
            if settle is not None:
                settle(entry)
        note_changes([*params, *states])

    close(closings, operation, params, states, numbers_node(later(0), later, advance), attributes)
