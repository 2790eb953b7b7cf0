"""What the optimizers with one kind of update share: state that starts at a number, and one node a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.operation import Operation
from retrograd.optim.numbers import numbers_node
from retrograd.optim.optimizer import close, gradient_node
from retrograd.tensor.creation import full_like

Entry = dict[str, Any]


def require_not_negative(name: str, **numbers: float) -> None:
    """Raise OptionError for the first number below 0."""
    for option, value in numbers.items():
        if not value >= 0:
            raise OptionError(f"{name}: {option} must not be negative, and is {value}")


def by_step(
    state: dict[Any, Entry], params: Sequence[Any], starts: Mapping[str, float]
) -> list[tuple[list[Any], list[Entry]]]:
    """Parameters with their state, counted up by one step and sorted by how many steps each has had.

    Args:
        state: the optimizer's; entries that are missing are made.
        params: those to be updated.
        starts: what is remembered of a parameter, and the number that it starts with everywhere.
    """
    parts: dict[int, tuple[list[Any], list[Entry]]] = {}
    for parameter in params:
        entry = state.setdefault(parameter, {"step": 0})
        for name, start in starts.items():
            if name not in entry:
                entry[name] = full_like(parameter, start)
        entry["step"] += 1
        listed, entries = parts.setdefault(entry["step"], ([], []))
        listed.append(parameter)
        entries.append(entry)
    return list(parts.values())


def close_update(
    operation: Operation,
    params: Sequence[Any],
    entries: Sequence[Entry],
    names: Sequence[str],
    numbers: Callable[[int], Sequence[float]],
    attributes: tuple[Any, ...],
) -> None:
    """Record the update of parameters and of the named state, and compute it with everything pending.

    The operation takes parameters, gradients, state by name, numbers, and how many parameters there are with the other
    attributes; it gives the next parameters and the next state.

    Args:
        numbers: the run-time numbers, by the count of steps.
    """
    states = [entry[name] for name in names for entry in entries]
    step = entries[0]["step"]

    def later(steps: int) -> Sequence[float]:
        return numbers(step + steps)

    def advance(steps: int) -> None:
        for entry in entries:
            entry["step"] += steps

    inputs = [p._read() for p in params]
    inputs += [gradient_node(p) for p in params]
    inputs += [x._read() for x in states]
    inputs.append(numbers_node(numbers(step), later, advance))
    close(operation, inputs, (len(params), *attributes), [*params, *states])
