"""Storage: what tensors are views of. It holds its current version, a node that is pending or has a buffer.

Mutation makes a new version. Only pending nodes, and values saved for a backward pass, hold an old one.
"""

from __future__ import annotations

import warnings
from copy import copy
from typing import Any
from weakref import ref

import numpy as np

from retrograd.core import mode
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.errors import GraphError
from retrograd.core.inferred import INFERRED
from retrograd.core.interrupt import let_in
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.ops.arithmetic import IDENTITY, grafted
from retrograd.runtime.closing import Closing
from retrograd.runtime.evaluate import evaluate
from retrograd.tensor.bundle import Bundle
from retrograd.tensor.failures import fail_alone, failures
from retrograd.tensor.pending import Waiting, is_unbound, pending, take_pending
from retrograd.tensor.retained import has_history, retain, with_residuals

# A graph that nobody reads (`total += loss`) is computed once this many operations are waiting.
FLUSH_LIMIT = 4096


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
        inference: whether it was made under `inference_mode`.
    """

    __slots__ = ("node", "version", "lineage", "leaf", "exports", "memory", "viewed", "inference", "__weakref__")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0
        self.lineage = 0
        self.leaf: ref[Any] | None = None
        self.exports: list[Any] | None = None
        self.memory: Buffer | None = None
        self.viewed = False
        self.inference = mode.inferring.places > 0 and mode.state.inference
        if self.inference:
            INFERRED.add(node)
        if node.buffer is None:
            storages = pending.storages
            storages.append(ref(self))
            if len(storages) > FLUSH_LIMIT:
                flush()

    def read(self) -> Node:
        """The current value as operations read it."""
        if self.exports is None or not self.is_exported():
            return self.node
        assert self.memory is not None
        node, copied = self.node, self.memory.copy()
        return grafted(node, copied) if node.requires_grad else input_node(node.type, copied)

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
        if pending.traced_since is not None:
            self._require_inside(node, pending.traced_since)
        if self.leaf is not None:
            node = as_leaf(node, self.leaf)
        if self.exports is not None and self.is_exported():
            self._write_through(node)
        else:
            self.node = node
            if node.buffer is None:
                enlist(self)
        if self.inference:
            INFERRED.add(self.node)
        self.version += 1
        if not same_lineage:
            self.lineage += 1

    def export(self) -> np.ndarray[Any, Any]:
        """The memory as an array that sees later changes, and through which it can be changed."""
        if self.exports is None or not self.is_exported():
            value = self.value()
            assert isinstance(value, Buffer)
            # A copy: whoever has read the value before must not see what is written to the array.
            self.memory = value.copy()
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
        if self.exports is not None and not isinstance(self.exports[0], ref):
            return True
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

    def is_traced(self) -> bool:
        """Whether the current version depends on a placeholder."""
        return pending.traced_since is not None and is_unbound(self.node)

    def _require_inside(self, node: Node, traced_since: int) -> None:
        """Refuse to leave a value behind that stands for nothing once the trace is over."""
        if self.node.number < traced_since and is_unbound(node):
            raise GraphError(
                f"{pending.tracer}: a tensor from outside is being changed in place by a value that belongs to "
                f"{pending.part}; return the value instead, or pass the tensor as an argument"
            )

    def _write_through(self, node: Node) -> None:
        """Compute the new version now and copy it to where the arrays look."""
        memory = self.memory
        assert memory is not None
        if node.buffer is None:
            evaluate(with_residuals([node]))
        assert isinstance(node.buffer, Buffer)
        np.copyto(memory.array(), node.buffer.array())
        if has_history(node):
            self.node = node
            retain(self)
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


def enlist(storage: Waiting) -> None:
    """Have it computed by the next flush, if it is alive then."""
    storages = pending.storages
    storages.append(ref(storage))
    if len(storages) > FLUSH_LIMIT:
        flush()


def flush(wanted: Storage | None = None) -> None:
    """Compute everything pending that a live tensor holds, and `wanted`, by one program.

    Raises:
        GraphError: `wanted` depends on the arguments of a function that is being traced.
    """
    if pending.traced_since is not None and wanted is not None and is_unbound(wanted.node):
        raise GraphError(
            f"{pending.tracer}: a value that belongs to {pending.part} is asked for (item(), bool(), numpy(), "
            "printing, an index, or an operation whose shape depends on values), and there is none while the function "
            "is recorded once for all; use where() and other operations on tensors"
        )
    if failures.happened and wanted is not None and wanted.node in failures.errors:
        raise copy(failures.errors[wanted.node])
    storages = take_pending()
    if wanted is not None and wanted.node.buffer is None and wanted not in storages:
        storages.append(wanted)
    if not storages:
        return
    try:
        close_with(storages)
    except Exception as error:
        if wanted is not None and wanted.node.buffer is None:
            if len(storages) == 1:
                raise
            raise copy(failures.errors.get(wanted.node, error)) from error
    let_in()


def flush_recorded_until(number: int) -> None:
    """Compute what a live tensor holds of all that was recorded up to a node's number; the rest stays pending."""
    if pending.traced_since is not None:
        return
    storages = take_pending()
    later = [storage for storage in storages if storage.node.number > number]
    pending.storages.extend(ref(storage) for storage in later)
    earlier = [storage for storage in storages if storage.node.number <= number]
    if earlier:
        close_with(earlier)
        let_in()


def close_with(storages: list[Waiting], closing: Closing | None = None) -> None:
    """Compute storages whose version is pending, bundles, and a closing node, by one program.

    If that fails, the storages are computed one by one. Those that fail alone keep their error, which is raised again
    whenever somebody looks at them, and are in nobody's way any more; the others lose nothing.
    """
    roots = list(dict.fromkeys([storage.node for storage in storages]))
    try:
        _settle(storages, evaluate(with_residuals(roots), closing))
    except Exception as error:
        if any(isinstance(storage, Bundle) for storage in storages):
            storages = _taken_apart(storages)
            roots = list(dict.fromkeys([storage.node for storage in storages]))
        failed = {roots[0]: error} if len(roots) == 1 and closing is None else fail_alone(roots)
        # With more memory a value may be computed yet.
        failures.enter({node: copy(own) for node, own in failed.items() if not isinstance(own, MemoryError)})
        if failed or closing is not None:
            raise
        text = f"a program of {len(roots)} values failed, and each was computed by itself: {error}"
        warnings.warn(text, stacklevel=2)
    except BaseException:
        pending.storages.extend(ref(storage) for storage in storages)
        raise
    finally:
        for storage in storages:
            if isinstance(storage, Bundle):
                continue
            node = storage.node
            if node.requires_grad and node.buffer is not None and has_history(node):
                retain(storage)


def _settle(storages: list[Waiting], made: dict[Node, list[Buffer]]) -> None:
    """Give bundles their values."""
    if made:
        for storage in storages:
            if isinstance(storage, Bundle):
                storage.settle(made[storage.node])


def _taken_apart(storages: list[Waiting]) -> list[Waiting]:
    """The storages, and those of tensors in the place of bundles."""
    for bundle in storages:
        if isinstance(bundle, Bundle):
            bundle.hand_out()
    return [*[storage for storage in storages if isinstance(storage, Storage)], *take_pending()]
