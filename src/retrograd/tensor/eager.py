"""Eager mode: every operation runs as it is recorded, on the reference backend, and its result is looked at.

For example:

    with retrograd.eager():
        loss = model(x)      # raises at the first operation, and line, whose result is not finite
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from retrograd.core.errors import RetrogradError
from retrograd.runtime.devices import use_backend


class NotFiniteError(RetrogradError, FloatingPointError):
    """An operation made a NaN or an infinity."""


class _State:
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
    retrograd.tensor.eager.NotFiniteError: log float32[1] made -inf (1 of 1 elements not finite); inputs: [0, 0]
    """
    before = state.enabled, state.check_finite
    state.enabled, state.check_finite = True, check_finite
    try:
        with use_backend("reference"):
            yield
    finally:
        state.enabled, state.check_finite = before


def check(tensor: Any) -> None:
    """Compute a tensor now; raise if its operation made something that is not finite."""
    node = tensor._storage.node
    if node.signature is None or node.buffer is not None:
        return
    inputs = node.inputs
    state.enabled = False
    try:
        value = tensor._value()
        if not state.check_finite or not tensor.dtype.is_floating_point or np.isfinite(value).all():
            return
        operands = [x.buffer.array() for x in inputs if x.buffer is not None and hasattr(x.buffer, "array")]
        if all(np.isfinite(x).all() for x in operands):
            bad = value[~np.isfinite(value)]
            ranges = ", ".join(f"[{x.min():g}, {x.max():g}]" for x in operands if x.size)
            raise NotFiniteError(
                f"{node.signature.operation.name} {node.type} made {bad.flat[0]} "
                f"({bad.size} of {value.size} elements not finite); inputs: {ranges}"
            )
    finally:
        state.enabled = True
