"""Locks and forks: a child process lives on with one thread, and nobody would ever give back what others hold."""

from __future__ import annotations

import os
import threading
import weakref


class ForkSafeLock:
    """A reentrant lock, which a child process gets anew.

    What it guards must be usable at any moment, as is what single operations of the interpreter change.

    Attributes:
        held: the lock, for `with`. Do not keep it.

    >>> lock = ForkSafeLock()
    >>> with lock.held:
    ...     print("alone")
    alone
    """

    __slots__ = ("held", "__weakref__")

    def __init__(self) -> None:
        self.renew()
        _locks.add(self)

    def renew(self) -> None:
        """Forget who holds it."""
        self.held = threading.RLock()


_locks: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
