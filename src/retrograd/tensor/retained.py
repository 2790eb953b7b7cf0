"""What a backward pass may read later: it is computed with the rest, kept, and not overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import ref

from retrograd.autodiff.backward import residuals
from retrograd.core.buffer import Buffer
from retrograd.core.node import Node

if TYPE_CHECKING:
    from retrograd.tensor.pending import Waiting
    from retrograd.tensor.storage import Storage


class Retained:
    """Storages whose value is there and whose history a later backward pass may still walk."""

    def __init__(self) -> None:
        self.storages: list[ref[Storage]] = []
        self.limit = 64

    def clean(self) -> None:
        """Forget those that are gone, or whose history was released."""
        self.storages = [weak for weak in self.storages if _walkable(weak())]
        self.limit = 2 * len(self.storages) + 64


retained = Retained()


def with_residuals(roots: list[Node]) -> list[Node]:
    """The roots, and the values that backward passes from them will read, so that nothing is computed twice."""
    walkable = [node for node in roots if node.requires_grad and has_history(node)]
    if not walkable:
        return roots
    wanted = dict.fromkeys(roots)
    for node in walkable:
        wanted.update(dict.fromkeys(x for x in residuals(node) if x.buffer is None and _outputs(x) == 1))
    return list(wanted)


def _outputs(x: Node) -> int:
    return 1 if x.signature is None else len(x.signature.outputs)


def has_history(node: Node) -> bool:
    """Whether a later backward pass may walk what lies behind a node."""
    return node.requires_grad and node.released is None and node.leaf is None


def retain(storage: Storage) -> None:
    """Note a storage whose value has been computed and has a history."""
    retained.storages.append(ref(storage))
    if len(retained.storages) > retained.limit:
        retained.clean()


def pinned_buffers(waiting: Sequence[Waiting]) -> set[Buffer]:
    """Values that a backward pass may still read: they must not be overwritten."""
    retained.clean()
    stack = [storage.node for weak in retained.storages if (storage := weak()) is not None]
    stack += [storage.node for storage in waiting if storage.node.requires_grad and has_history(storage.node)]
    seen = set(stack)
    while stack:
        for x in stack.pop().inputs:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return {node.buffer for node in seen if isinstance(node.buffer, Buffer)}


def _walkable(storage: Storage | None) -> bool:
    return storage is not None and storage.node.released is None and bool(storage.node.inputs)
