"""What waits to be computed: storages whose version is pending, and bundles of gradients, for each thread of the user.

While a function is traced, what depends on its placeholders goes on waiting: nothing can compute it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias
from weakref import ref

from retrograd.core.node import Node
from retrograd.tensor.bundle import Bundle

if TYPE_CHECKING:
    from retrograd.tensor.storage import Storage

# What a flush computes.
Waiting: TypeAlias = "Storage | Bundle"


class Pending(threading.local):
    """Storages with a pending version, and bundles, for each thread of the user: what a flush computes.

    Attributes:
        traced_since: the number of the first placeholder, while a function is being traced.
        tracer, part: who traces it, and what a value inside belongs to, for messages.
    """

    def __init__(self) -> None:
        self.storages: list[ref[Waiting]] = []
        self.traced_since: int | None = None
        self.tracer = self.part = ""


pending = Pending()


@contextmanager
def traced(since: int, tracer: str = "vmap", part: str = "one example") -> Iterator[None]:
    """While a function is traced on placeholders: what depends on one is never computed.

    Args:
        since: the number of the first placeholder.
        tracer: who traces it, for messages.
        part: what a value inside belongs to.
    """
    before, outside = pending.traced_since, pending.storages
    named = pending.tracer, pending.part
    pending.traced_since, pending.storages = since, []
    pending.tracer, pending.part = tracer, part
    try:
        yield
    finally:
        inside, pending.storages, pending.traced_since = pending.storages, outside, before
        pending.tracer, pending.part = named
        outside += [weak for weak in inside if (storage := weak()) is not None and not is_unbound(storage.node)]


def is_tracing() -> bool:
    """Whether this thread is tracing a function."""
    return pending.traced_since is not None


def is_unbound(node: Node) -> bool:
    """Whether a value depends on a placeholder, so that nothing can compute it."""
    if node.buffer is not None:
        return False
    seen = {node}
    stack = [node]
    while stack:
        x = stack.pop()
        if x.signature is None:
            return True
        for y in x.inputs:
            if y.buffer is None and y not in seen:
                seen.add(y)
                stack.append(y)
    return False


def take_pending() -> list[Waiting]:
    """The live storages of this thread whose version is pending, and its bundles; the list starts anew."""
    waiting, pending.storages = pending.storages, []
    if pending.traced_since is not None:
        waiting = _bound(waiting)
    found: dict[Node, Waiting] = {}
    for weak in waiting:
        storage = weak()
        if storage is not None and storage.node.buffer is None:
            found[storage.node] = storage
    return list(found.values())


def _bound(waiting: list[ref[Waiting]]) -> list[ref[Waiting]]:
    """What can be computed; the rest goes on waiting."""
    bound: list[ref[Waiting]] = []
    for weak in waiting:
        storage = weak()
        if storage is not None:
            (pending.storages if is_unbound(storage.node) else bound).append(weak)
    return bound
