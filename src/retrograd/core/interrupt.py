"""Interrupts that wait: Ctrl-C mostly comes while a program runs, and Python raises it as soon as that returns.

By then the program has written over parameters, and nobody has noted that yet: to be raised there and then would have
the next evaluation run the same step again. So whoever runs a program puts the exception off, and whoever has noted all
results lets it in.
"""

from __future__ import annotations

import threading


class _Deferred(threading.local):
    """What waits in a thread; signals are handled in the main one."""

    error: BaseException | None = None


_deferred = _Deferred()


def defer(error: BaseException) -> None:
    """Have an exception, raised by a signal's handler, wait."""
    _deferred.error = error


def let_in() -> None:
    """Raise what waits."""
    error = _deferred.error
    if error is not None:
        _deferred.error = None
        raise error
