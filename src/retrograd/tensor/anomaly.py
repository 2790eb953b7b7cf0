"""Anomaly detection: the first operation whose value, or whose gradient, is not finite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from retrograd.core import mode
from retrograd.core.node import Node
from retrograd.runtime.evaluate import evaluate
from retrograd.tensor import eager, finite
from retrograd.tensor.finite import NotFiniteError
from retrograd.tensor.gradient_function import operation_name
from retrograd.tensor.pending import is_unbound


class detect_anomaly:
    """Find where a number stops being finite: a context manager.

    Within, each operation runs as it is recorded, on the backend in force, and backward passes are walked node by node.
    The first operation that makes a NaN or an infinity out of what was finite, forward or backward, raises an error
    that names it, the ranges of what it received, and the line of the program that recorded it: for a gradient, the
    line of the forward operation. An infinity that came in (a mask of -inf) is nobody's fault. Training is much slower
    within.

    Args:
        check_nan: look at values; False only remembers lines.

    Raises:
        NotFiniteError: (within) a RuntimeError, as described.

    Source: torch.autograd.detect_anomaly. Deviation: it finds values and infinities too, not only gradients and NaNs.

    >>> import retrograd as rg
    >>> w = rg.zeros(1, requires_grad=True)
    >>> with rg.autograd.detect_anomaly():
    ...     loss = w.sqrt().sum()
    ...     loss.backward()
    Traceback (most recent call last):
    ...
    retrograd.tensor.finite.NotFiniteError: the gradient of sqrt made inf (1 of 1 elements of float32[1] not finite)
      gradient of output 0: float32[1] in [1, 1]
      input 0: float32[1] in [0, 0]
      recorded at <doctest retrograd.tensor.anomaly.detect_anomaly[2]>:2: loss = w.sqrt().sum()
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> Self:
        self._before = _state()
        _switch(True, self._check_nan)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _restore(self._before)


class set_detect_anomaly:
    """Switch anomaly detection on or off: at once, and as a context manager for a while. See `detect_anomaly`.

    Source: torch.autograd.set_detect_anomaly.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _state()
        _switch(mode, check_nan)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _restore(self._before)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on. Source: torch.is_anomaly_enabled."""
    return mode.watch.call is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks at values. Source: torch.is_anomaly_check_nan_enabled."""
    return is_anomaly_enabled() and eager.state.check_finite


def _state() -> tuple[bool, bool, bool]:
    return eager.state.enabled, eager.state.check_finite, is_anomaly_enabled()


def _restore(before: tuple[bool, bool, bool]) -> None:
    eager.state.enabled, eager.state.check_finite = before[:2]
    mode.watch.call = _watch if before[2] else None


def _switch(enabled: bool, check_nan: bool) -> None:
    eager.state.enabled = enabled
    eager.state.check_finite = check_nan if enabled else True
    mode.watch.call = _watch if enabled else None


def _watch(node: Node, arrived: Mapping[int, Node], found: Sequence[Node | None], is_root: bool) -> None:
    """Look at the gradients that a node gives to its inputs."""
    given = [g for g in found if g is not None]
    if not eager.state.check_finite or any(is_unbound(g) for g in given):
        return
    pending = list(dict.fromkeys(g for g in [*arrived.values(), *given] if g.buffer is None))
    if pending:
        evaluate(pending)
    name, where = operation_name(node), finite.recorded(finite.sites.get(node))
    gradients = _values(arrived.values())
    for value in gradients:
        # What made it would have been named: only adding up can have.
        if not is_root and finite.is_new(value, []):
            raise NotFiniteError(finite.made(f"adding up the gradients that arrive at {name}", value) + where)
    for value in _values(given):
        if finite.is_new(value, gradients):
            received = finite.received("gradient of output", gradients) + finite.received("input", _values(node.inputs))
            raise NotFiniteError(finite.made(f"the gradient of {name}", value) + received + where)


def _values(nodes: Iterable[Node]) -> list[finite.Array]:
    return [x for x in map(finite.values_of, nodes) if x is not None]
