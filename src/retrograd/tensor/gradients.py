"""The gradients that a backward pass gives to leaves, as long as nobody looks at one of them.

The gradients of all leaves are outputs of one node. A tensor for each would cost more than the pass itself, and in the
usual loop nobody sees them: an optimizer takes them all, and the next step forgets them. So leaves get one `Gradients`
together, and tensors when the first one is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from weakref import ref

from retrograd.autodiff.backward import Found
from retrograd.core import mode
from retrograd.core.fork import ForkSafeLock
from retrograd.core.node import Node
from retrograd.tensor import eager
from retrograd.tensor.base import wrap
from retrograd.tensor.bundle import Bundle
from retrograd.tensor.pending import is_tracing
from retrograd.tensor.storage import enlist

# Several threads may look at the same gradients.
_handing_out = ForkSafeLock()


class Gradients(Bundle):
    """What stands in the `_grad` of leaves for tensors that are not made yet.

    Args:
        node: what gives the gradients.
        first: which output of it is the first leaf's.
        leaves: the leaves, in the order of the outputs that are theirs; each once.
        before: what the leaves had, if it was of them all.
    """

    __slots__ = ("_leaves", "_ids")

    def __init__(self, node: Node, first: int, leaves: Sequence[Any], before: Gradients | None = None) -> None:
        super().__init__(node, first)
        # As long as a leaf has this, nothing else has its id.
        self._ids = tuple(map(id, leaves))
        same = before is not None and before._ids == self._ids
        self._leaves: list[ref[Any]] = before._leaves if same else list(map(ref, leaves))  # type: ignore[union-attr]
        for leaf in leaves:
            leaf._grad = self
        enlist(self)

    def hand_out(self) -> None:
        """Give each leaf that still has this a tensor of its own."""
        with _handing_out.held, mode.not_inferring():
            # Those of the last layers first, as they come.
            for place, weak in reversed(list(enumerate(self._leaves))):
                leaf = weak()
                if leaf is not None and leaf._grad is self:
                    leaf._grad = wrap(self.part(place))

    def is_of(self, leaves: Sequence[Any]) -> bool:
        """Whether leaves, each of which has this, are all that have it, and each stands there once."""
        return tuple(map(id, leaves)) == self._ids or len(leaves) == len(self._ids) == len(set(leaves))

    def order(self, leaves: Sequence[Any]) -> tuple[int, ...]:
        """The places of leaves, each of which has this, among the outputs of the node."""
        ids, first = tuple(map(id, leaves)), self.first
        if ids == self._ids:
            return tuple(range(first, first + len(ids)))
        places = dict(zip(self._ids, itertools.count(first)))
        return tuple([places[each] for each in ids])


def bundled(found: Found) -> bool:
    """Give leaves what a backward pass has found for them, if they have no gradient yet and no hooks see theirs."""
    call = found.call
    if call is None or len(found.nodes) < 2 or eager.state.enabled or is_tracing() or mode.state.inference:
        return False
    leaves = []
    for node in found.nodes:
        leaf = None if node.leaf is None else node.leaf()
        if leaf is None or leaf._grad is not None or leaf._hooks or leaf._after_hooks:
            return False
        leaves.append(leaf)
    if len(set(leaves)) < len(leaves):
        return False
    Gradients(call, 0, leaves)
    return True


def gradient_of(tensor: Any) -> Any:
    """The gradient of a tensor, as a tensor, or None."""
    found = tensor._grad
    if found.__class__ is Gradients:
        found.hand_out()
        found = tensor._grad
    return found


def pending_bundle(leaves: Sequence[Any]) -> Gradients | None:
    """What holds the gradients of all these leaves together, if something does and they are not computed yet."""
    found = leaves[0]._grad if leaves else None
    if not isinstance(found, Gradients) or not found.is_pending:
        return None
    for leaf in leaves:
        if leaf._grad is not found:
            return None
    return found
