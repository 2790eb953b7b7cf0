"""How recording goes on, for each thread of the user: whether gradients are followed, and who looks on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _State(threading.local):
    """What holds in a thread.

    Attributes:
        grad_enabled: whether recording follows gradients.
        inference: whether `inference_mode` is on.
        user_calls: how often a backward pass has called code of the user: a hook, or the backward of a Function. A step
            in which one was called cannot be repeated without Python.
    """

    grad_enabled = True
    inference = False
    user_calls = 0


state = _State()


class _Watch:
    """Who looks on while backward passes are recorded, in all threads.

    Attributes:
        call: given each node, the gradients that arrive at its outputs, those that it gives to its inputs, and whether
            the pass started there; None when nobody looks.
    """

    call: Callable[..., None] | None = None


watch = _Watch()


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
