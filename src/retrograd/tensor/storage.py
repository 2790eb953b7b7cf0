"""Storage: what tensors are views of. It holds its current version, a node that is pending or has a buffer.

Mutation makes a new version. Only pending nodes, and values saved for a backward pass, hold an old one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import ref

import numpy as np

from retrograd.autodiff.backward import residuals
from retrograd.core import mode
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.ops.arithmetic import IDENTITY, grafted
from retrograd.runtime.evaluate import evaluate

# A graph that nobody reads (`total += loss`) is computed once this many operations are waiting.
FLUSH_LIMIT = 4096


class _Pending(threading.local):
    """Storages with a pending version, for each thread of the user: what a flush computes."""

    def __init__(self) -> None:
        self.storages: list[ref[Storage]] = []


class _Retained:
    """Storages whose value is there and whose history a later backward pass may still walk."""

    def __init__(self) -> None:
        self.storages: list[ref[Storage]] = []
        self.limit = 64

    def clean(self) -> None:
        """Forget those that are gone, or whose history was released."""
        self.storages = [weak for weak in self.storages if _walkable(weak())]
        self.limit = 2 * len(self.storages) + 64


_pending = _Pending()
_retained = _Retained()


class _Changes:
    """How often any storage was given a new version by an operation, rather than by an optimizer's closing node."""

    count = 0


changes = _Changes()


class Storage:
    """Elements that tensors share.

    While arrays share its memory, `memory` is what counts: operations read copies of it (others may write to it at any
    time), and `node` stands for the history alone.

    Attributes:
        node: the current version.
        version: how often it was changed.
        lineage: how often, changes apart that autodiff does not see: through `.data` and through arrays.
        leaf: the leaf tensor that is the whole of it, if there is one.
        exports: arrays that share its memory; None when there are none.
        memory: what they share.
        viewed: whether a tensor that is not detached is a view of it.
    """

    __slots__ = ("node", "version", "lineage", "leaf", "exports", "memory", "viewed", "__weakref__")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0
        self.lineage = 0
        self.leaf: ref[Any] | None = None
        self.exports: list[Any] | None = None
        self.memory: Buffer | None = None
        self.viewed = False
        if node.buffer is None:
            _enlist(self)

    def read(self) -> Node:
        """The current value as operations read it."""
        if self.exports is None or not self.is_exported():
            return self.node
        assert self.memory is not None
        return grafted(self.node, Buffer.copy_of(self.memory.array(), self.node.type))

    def value(self) -> Buffer | Scalar:
        """The current value, computed if it is pending."""
        if self.memory is not None:
            return self.memory
        if self.node.buffer is None:
            flush(self)
        assert self.node.buffer is not None
        return self.node.buffer

    def replace(self, node: Node, same_lineage: bool = False) -> None:
        """Make `node` the current version."""
        changes.count += 1
        if self.leaf is not None:
            node = as_leaf(node, self.leaf)
        if self.exports is not None and self.is_exported():
            self._write_through(node)
        else:
            self.node = node
            if node.buffer is None:
                _enlist(self)
        self.version += 1
        self.lineage += not same_lineage

    def export(self) -> np.ndarray[Any, Any]:
        """The memory as an array that sees later changes, and through which it can be changed."""
        if self.exports is None or not self.is_exported():
            value = self.value()
            assert isinstance(value, Buffer)
            # A copy: whoever has read the value before must not see what is written to the array.
            self.memory = Buffer.copy_of(value.array(), value.type)
        assert self.memory is not None
        array = self.memory.array()
        self.exports = [*(self.exports or ()), ref(array)]
        return array

    def share(self, array: np.ndarray[Any, Any]) -> None:
        """Stand for foreign memory, which the current buffer is over."""
        assert isinstance(self.node.buffer, Buffer)
        self.memory = self.node.buffer
        self.exports = [array]

    def overwritable(self, pinned: set[Buffer]) -> Buffer:
        """The buffer that a closing node may write the next version to."""
        if self.exports is not None and self.is_exported():
            assert self.memory is not None
            return self.memory
        buffer = self.node.buffer
        return buffer if isinstance(buffer, Buffer) and buffer not in pinned else Buffer(self.node.type)

    def overwritten(self, buffer: Buffer) -> None:
        """Note that `buffer` holds the next version."""
        self.version += 1
        self.lineage += 1
        if self.node.buffer is not buffer:
            self.node = input_node(self.node.type, buffer, self.leaf)

    def is_exported(self) -> bool:
        """Whether arrays share the memory still; if not, it becomes an ordinary value again."""
        alive = [item for item in self.exports or () if not isinstance(item, ref) or item() is not None]
        self.exports = alive or None
        if not alive and self.memory is not None:
            self._take_back(self.memory)
        return bool(alive)

    def _take_back(self, memory: Buffer) -> None:
        self.memory = None
        before = self.node.buffer
        if before is memory:
            return
        if not isinstance(before, Buffer) or before.array().tobytes() != memory.array().tobytes():
            self.node = grafted(self.node, memory)
            self.version += 1

    def _write_through(self, node: Node) -> None:
        """Compute the new version now and copy it to where the arrays look."""
        memory = self.memory
        assert memory is not None
        if node.buffer is None:
            evaluate(with_residuals([node]))
        assert isinstance(node.buffer, Buffer)
        np.copyto(memory.array(), node.buffer.array())
        if _has_history(node):
            self.node = node
            _retain(self)
        else:
            self.node = input_node(node.type, memory, node.leaf)


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
    if storages:
        close_with(storages)


def close_with(storages: list[Storage], closing: Node | None = None, into: Sequence[Buffer] = ()) -> None:
    """Compute storages whose version is pending, and a closing node, by one program."""
    roots = list(dict.fromkeys(storage.node for storage in storages))
    try:
        evaluate(with_residuals(roots), closing, into)
    except BaseException:
        _pending.storages.extend(ref(storage) for storage in storages)
        raise
    for storage in storages:
        if _has_history(storage.node):
            _retain(storage)


def with_residuals(roots: list[Node]) -> list[Node]:
    """The roots, and the values that backward passes from them will read, so that nothing is computed twice."""
    wanted = dict.fromkeys(roots)
    for node in roots:
        if _has_history(node):
            wanted.update(dict.fromkeys(x for x in residuals(node) if x.buffer is None and _outputs(x) == 1))
    return list(wanted)


def _outputs(x: Node) -> int:
    return 1 if x.signature is None else len(x.signature.outputs)


def _has_history(node: Node) -> bool:
    """Whether a later backward pass may walk what lies behind a node."""
    return node.requires_grad and not node.released and node.leaf is None


def _retain(storage: Storage) -> None:
    _retained.storages.append(ref(storage))
    if len(_retained.storages) > _retained.limit:
        _retained.clean()


def pinned_buffers(waiting: list[Storage]) -> set[Buffer]:
    """Values that a backward pass may still read: they must not be overwritten."""
    _retained.clean()
    stack = [storage.node for weak in _retained.storages if (storage := weak()) is not None]
    stack += [storage.node for storage in waiting if _has_history(storage.node)]
    seen = set(stack)
    while stack:
        for x in stack.pop().inputs:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return {node.buffer for node in seen if isinstance(node.buffer, Buffer)}


def _walkable(storage: Storage | None) -> bool:
    return storage is not None and not storage.node.released and bool(storage.node.inputs)
