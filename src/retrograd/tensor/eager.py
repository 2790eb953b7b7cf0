"""Eager mode: every operation runs as it is recorded, on the reference backend, and its result is looked at.

For example:

    with retrograd.eager():
        loss = model(x)      # raises at the first operation, and line, whose result is not finite
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from retrograd.core.buffer import Buffer
from retrograd.core.node import Node
from retrograd.runtime.devices import use_backend
from retrograd.tensor import finite
from retrograd.tensor.finite import NotFiniteError, Site


class _State:
    """How operations are recorded.

    Attributes:
        enabled: whether each runs at once.
        check_finite: whether its result is looked at.
    """

    enabled = False
    check_finite = True


state = _State()


@contextmanager
def eager(check_finite: bool = True) -> Iterator[None]:
    """Run each operation at once, on NumPy.

    Args:
        check_finite: raise NotFiniteError at the first operation whose result has a NaN or an infinity that its
            inputs did not have.

    >>> import retrograd as rg
    >>> with rg.eager():
    ...     rg.tensor([0.0]).log()
    Traceback (most recent call last):
    ...
    retrograd.tensor.finite.NotFiniteError: log made -inf (1 of 1 elements of float32[1] not finite)
      input 0: float32[1] in [0, 0]
      recorded at <doctest retrograd.tensor.eager.eager[1]>:2: rg.tensor([0.0]).log()
    """
    with use_backend("reference"), running_at_once(check_finite):
        yield


@contextmanager
def running_at_once(check_finite: bool) -> Iterator[None]:
    """Run each operation at once, on the backend in force."""
    before = state.enabled, state.check_finite
    state.enabled, state.check_finite = True, check_finite
    try:
        yield
    finally:
        state.enabled, state.check_finite = before


def check(tensor: Any) -> None:
    """Compute a tensor now; raise if its operation made something that is not finite."""
    node = tensor._storage.node
    if node.signature is None or node.buffer is not None or tensor._storage.is_traced():
        return
    inputs = node.inputs
    site = finite.sites[node] = finite.user_site()
    state.enabled = False
    try:
        value = tensor._storage.value().array()
    finally:
        state.enabled = True
    operands = [x for x in map(finite.values_of, inputs) if x is not None]
    _require_finite(node.signature.operation.name, value, operands, site)


def values_before(inputs: Sequence[Node]) -> list[finite.Array]:
    """What an update reads: copies, since it writes over some of it."""
    return [x.copy() for x in map(finite.values_of, inputs) if x is not None]


def check_update(name: str, received: Sequence[finite.Array], made: Sequence[Buffer]) -> None:
    """Raise if an optimizer's update has made something that is not finite."""
    site = finite.user_site()
    for buffer in made:
        _require_finite(name, buffer.array(), received, site)


def _require_finite(name: str, value: finite.Array, operands: Sequence[finite.Array], site: Site | None) -> None:
    if state.check_finite and finite.is_new(value, operands):
        raise NotFiniteError(finite.made(name, value) + finite.received("input", operands) + finite.recorded(site))
