"""Whether recording follows gradients, for each thread of the user."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _State(threading.local):
    grad_enabled = True


state = _State()


@contextmanager
def no_grad() -> Iterator[None]:
    """Record without following gradients."""
    before, state.grad_enabled = state.grad_enabled, False
    try:
        yield
    finally:
        state.grad_enabled = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Follow gradients, also within `no_grad`."""
    before, state.grad_enabled = state.grad_enabled, True
    try:
        yield
    finally:
        state.grad_enabled = before
