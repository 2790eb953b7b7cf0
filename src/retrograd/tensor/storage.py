"""Storage: what tensors are views of. It holds its current version, a node that is pending or has a buffer.

Mutation makes a new version. Only pending nodes, and values saved for a backward pass, hold an old one.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import ref

import numpy as np

from retrograd.autodiff.backward import residuals
from retrograd.core import mode
from retrograd.core.buffer import Buffer
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.ops.arithmetic import GRAFT, IDENTITY
from retrograd.runtime.evaluate import evaluate

# A graph that nobody reads (`total += loss`) is computed once this many operations are waiting.
FLUSH_LIMIT = 4096


class _Pending(threading.local):
    """Storages with a pending version, for each thread of the user: what a flush computes."""

    def __init__(self) -> None:
        self.storages: list[ref[Storage]] = []


_pending = _Pending()
# Storages whose value is there and whose history a later backward pass may still walk.
_retained: list[ref[Storage]] = []


class Storage:
    """Elements that tensors share.

    Attributes:
        node: the current version.
        version: how often it was changed.
        leaf: the leaf tensor that is a view of the whole of it, if there is one.
        exports: arrays that share its memory; None when there were never any.
    """

    __slots__ = ("node", "version", "leaf", "exports", "__weakref__")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0
        self.leaf: ref[Any] | None = None
        self.exports: list[Any] | None = None
        if node.buffer is None:
            _enlist(self)

    def read(self) -> Node:
        """The current value as operations read it: of memory that others may write to, a snapshot."""
        if self.exports is None or not self._exported():
            return self.node
        node = self.node
        assert isinstance(node.buffer, Buffer)
        snapshot = input_node(node.type, Buffer.copy_of(node.buffer.array(), node.type), node.leaf)
        if node.requires_grad and node.leaf is None:
            return record(GRAFT, (node, snapshot))
        return snapshot

    def replace(self, node: Node) -> None:
        """Make `node` the current version."""
        self.version += 1
        if self.leaf is not None:
            node = as_leaf(node, self.leaf)
        if self.exports is not None and self._exported():
            self._write_through(node)
        else:
            self.node = node
            if node.buffer is None:
                _enlist(self)

    def export(self) -> np.ndarray[Any, Any]:
        """The memory as an array that sees later changes, and through which it can be changed."""
        if self.node.buffer is None:
            flush(self)
        assert isinstance(self.node.buffer, Buffer)
        array = self.node.buffer.array()
        self.exports = [*(self.exports or ()), ref(array)]
        return array

    def overwritable(self, pinned: set[Node]) -> Buffer:
        """The buffer that a closing node may write the next version to."""
        node = self.node
        if self.exports is not None and self._exported():
            assert isinstance(node.buffer, Buffer)
            return node.buffer
        if node in pinned or not isinstance(node.buffer, Buffer):
            return Buffer(node.type)
        return node.buffer

    def overwritten(self, buffer: Buffer) -> None:
        """Note that `buffer` holds the next version."""
        self.version += 1
        if self.node.buffer is not buffer:
            self.node = input_node(self.node.type, buffer, self.leaf)

    def _exported(self) -> bool:
        alive = [item for item in self.exports or () if not isinstance(item, ref) or item() is not None]
        self.exports = alive or None
        return bool(alive)

    def _write_through(self, node: Node) -> None:
        """Compute the new version now and copy it to where the arrays look."""
        target = self.node.buffer
        assert isinstance(target, Buffer)
        if node.buffer is None:
            evaluate([node])
        assert isinstance(node.buffer, Buffer)
        if node.buffer is not target:
            np.copyto(target.array(), node.buffer.array())
        node.buffer = target
        self.node = node


def as_leaf(node: Node, leaf: ref[Any]) -> Node:
    """A node with the same value that stands for a leaf tensor."""
    if node.leaf is leaf:
        return node
    if node.buffer is not None:
        return input_node(node.type, node.buffer, leaf)
    with mode.no_grad():
        alias = record(IDENTITY, (node,))
    alias.requires_grad = True
    alias.leaf = leaf
    return alias


def _enlist(storage: Storage) -> None:
    storages = _pending.storages
    storages.append(ref(storage))
    if len(storages) > FLUSH_LIMIT:
        flush()


def take_pending() -> list[Storage]:
    """The live storages of this thread whose version is pending; the list starts anew."""
    waiting, _pending.storages = _pending.storages, []
    found: dict[Node, Storage] = {}
    for weak in waiting:
        storage = weak()
        if storage is not None and storage.node.buffer is None:
            found[storage.node] = storage
    return list(found.values())


def flush(wanted: Storage | None = None) -> None:
    """Compute everything pending that a live tensor holds, and `wanted`, by one program."""
    storages = take_pending()
    if wanted is not None and wanted.node.buffer is None and all(s is not wanted for s in storages):
        storages.append(wanted)
    roots = list(dict.fromkeys(storage.node for storage in storages))
    if not roots:
        return
    try:
        evaluate(with_residuals(roots, storages))
    except BaseException:
        _pending.storages.extend(ref(storage) for storage in storages)
        raise


def with_residuals(roots: list[Node], storages: list[Storage]) -> list[Node]:
    """The roots, and the values that backward passes from them will read, so that nothing is computed twice."""
    wanted = dict.fromkeys(roots)
    for storage in storages:
        node = storage.node
        if node.requires_grad and not node.released and node.leaf is None:
            _retained.append(ref(storage))
            wanted.update(dict.fromkeys(x for x in residuals(node) if x.buffer is None and len_outputs(x) == 1))
    return list(wanted)


def len_outputs(node: Node) -> int:
    return 1 if node.signature is None else len(node.signature.outputs)


def pinned_values(storages: list[Storage]) -> set[Node]:
    """Nodes with values that a backward pass may still read: their buffers must not be overwritten."""
    alive = [weak for weak in _retained if _walkable(weak())]
    _retained[:] = alive
    stack = [storage.node for weak in alive if (storage := weak()) is not None]
    stack += [s.node for s in storages if s.node.requires_grad and not s.node.released and s.node.leaf is None]
    seen = set(stack)
    while stack:
        for x in stack.pop().inputs:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return seen


def _walkable(storage: Storage | None) -> bool:
    return storage is not None and not storage.node.released and bool(storage.node.inputs)
