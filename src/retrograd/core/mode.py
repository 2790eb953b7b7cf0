"""How recording goes on, for each thread of the user: whether gradients are followed, and who looks on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _State(threading.local):
    """What holds in a thread.

    Attributes:
        grad_enabled: whether recording follows gradients.
        inference: whether `inference_mode` is on.
        user_calls: how often something has happened that a program does not repeat: a backward pass has called code of
            the user (a hook, or the backward of a Function), or a scheduler has set learning rates.
        autocast: makes the inputs of an operation those of its choice (`tensor/autocast.py`); None where it is off.
    """

    def __init__(self) -> None:
        self.grad_enabled = True
        self.inference = False
        self.user_calls = 0
        self.autocast: Callable[[Any, tuple[Any, ...]], tuple[Any, ...]] | None = None


state = _State()


def note_user_call() -> None:
    """Something happens that a program does not repeat."""
    state.user_calls += 1


class _Casting:
    """In how many places, of all threads, `autocast` is on: recording looks here first, for it is cheap."""

    places = 0


casting = _Casting()


class _Inferring:
    """In how many places, of all threads, `inference_mode` is on: as for `casting`."""

    places = 0


inferring = _Inferring()


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
def tracing() -> Iterator[None]:
    """Record the body of a composite: what it is made of hangs on nothing that is switched outside."""
    before, state.autocast = state.autocast, None
    try:
        with no_grad():
            yield
    finally:
        state.autocast = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Follow gradients, also within `no_grad`."""
    before, state.grad_enabled = state.grad_enabled, True
    try:
        yield
    finally:
        state.grad_enabled = before


@contextmanager
def not_inferring() -> Iterator[None]:
    """Outside of `inference_mode`, also within."""
    before, state.inference = state.inference, False
    try:
        yield
    finally:
        state.inference = before
