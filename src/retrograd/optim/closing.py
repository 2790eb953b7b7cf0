"""How an optimizer closes a step: its update, and everything pending, as one program that writes over what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from retrograd.core.buffer import Buffer
from retrograd.core.errors import GraphError
from retrograd.core.gather import HELD, Arguments, gather
from retrograd.core.interrupt import let_in
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.core.signature import Attributes, Operation
from retrograd.core.types import TensorType
from retrograd.runtime.closing import Closing, Held
from retrograd.tensor import eager
from retrograd.tensor.gradients import pending_bundle
from retrograd.tensor.pending import take_pending
from retrograd.tensor.retained import pinned_buffers
from retrograd.tensor.storage import close_with, enlist


class Closings:
    """The updates of an optimizer, each with what it held the last time: mostly it holds the same the next time.

    An update is known by its first parameter.
    """

    def __init__(self) -> None:
        self._known: dict[Any, tuple[list[Node], Held]] = {}

    def __reduce__(self) -> Any:
        return Closings, ()

    def held(self, tensors: Sequence[Any]) -> Held | None:
        """The buffers of tensors, if nobody but the tensors shows them, and they are different ones."""
        nodes = [storage.node for tensor in tensors if tensor._plain and (storage := tensor._storage).exports is None]
        before = self._known.get(tensors[0])
        if before is not None and before[0] == nodes:
            return before[1]
        buffers = [node.buffer for node in nodes if node.buffer.__class__ is Buffer]
        if len(buffers) < len(tensors):
            return None
        held = Held(buffers)
        if not held.is_distinct:
            return None
        self._known[tensors[0]] = nodes, held
        return held


def close(
    closings: Closings,
    operation: Operation,
    params: Sequence[Any],
    states: Sequence[Any],
    numbers: Node,
    attributes: Attributes,
) -> None:
    """Record the closing node and compute it with everything pending.

    It reads parameters, their gradients, states and numbers. Its outputs are the next parameters and the next states,
    its attributes how many parameters there are, and those given.

    Raises:
        GraphError: the shape or dtype of a gradient is not its parameter's.
    """
    tensors = [*params, *states]
    attributes = (len(params), *attributes)
    held = None if eager.state.enabled else closings.held(tensors)
    if held is not None:
        node = _held_update(operation, params, numbers, attributes, held)
        waiting = take_pending()
        if pinned_buffers(waiting).isdisjoint(held.places):
            close_with(waiting, Closing(node, held.buffers, held))
            note_changes(tensors)
            let_in()
            return
        for storage in waiting:
            enlist(storage)
    _close_apart(operation, params, tensors, numbers, attributes)
    let_in()


def _held_update(
    operation: Operation, params: Sequence[Any], numbers: Node, attributes: Attributes, held: Held
) -> Node:
    """The closing node that reads its parameters and states where they are held."""
    bundle, states = pending_bundle(params), len(held.types) - len(params)
    if bundle is None:
        gradients = _gradient_nodes(params, held.types)
        arguments = _from_each(len(params), states)
        return gather(operation, (*gradients, numbers), arguments, attributes, held.types)
    arguments = _from_bundle(bundle.order(params), states)
    return gather(operation, (bundle.node, numbers), arguments, attributes, held.types)


@lru_cache(maxsize=1 << 10)
def _from_each(params: int, states: int) -> Arguments:
    """What an update reads: held parameters, the gradient of each, held states, numbers."""
    return _update_arguments([(i, 0) for i in range(params)], states, params)


@lru_cache(maxsize=1 << 10)
def _from_bundle(order: tuple[int, ...], states: int) -> Arguments:
    """The same with gradients that are outputs of the first input."""
    return _update_arguments([(0, place) for place in order], states, 1)


def _update_arguments(gradients: list[tuple[int, int]], states: int, numbers: int) -> Arguments:
    params = len(gradients)
    held = [(HELD, place) for place in range(params + states)]
    return Arguments([*held[:params], *gradients, *held[params:], (numbers, 0)])


def _close_apart(
    operation: Operation, params: Sequence[Any], tensors: Sequence[Any], numbers: Node, attributes: Attributes
) -> None:
    """The same where tensors are views, where others show their memory, or may still read it."""
    count = len(params)
    nodes = [tensor._read() for tensor in tensors]
    gradients = _gradient_nodes(params, [node.type for node in nodes[:count]])
    inputs = (*nodes[:count], *gradients, *nodes[count:], numbers)
    node = record(operation, inputs, attributes)
    waiting = take_pending()
    pinned = pinned_buffers(waiting)
    into = [_target(tensor, pinned) for tensor in tensors]
    received = eager.values_before(inputs) if eager.state.enabled else None
    close_with(waiting, Closing(node, into))
    if received is not None:
        eager.check_update(operation.name, received, into)
    for tensor, buffer in zip(tensors, into, strict=True):
        storage = tensor._storage
        if storage.node.buffer is buffer:
            storage.version += 1
        elif tensor._plain:
            storage.overwritten(buffer)
        else:
            tensor._write(input_node(buffer.type, buffer))


def _target(tensor: Any, pinned: set[Buffer]) -> Buffer:
    """The buffer that a tensor's next value is written to: its own, unless others still read that."""
    if not tensor._plain:
        return Buffer(tensor._history().type)
    return tensor._storage.overwritable(pinned)  # type: ignore[no-any-return]


def _gradient_nodes(params: Sequence[Any], types: Sequence[TensorType]) -> list[Node]:
    """The nodes of the gradients of parameters, whose types are given.

    Raises:
        GraphError: the shape or dtype of one is not the parameter's.
    """
    gradients: list[Node] = [parameter.grad._read() for parameter in params]
    for type_, gradient in zip(types, gradients, strict=False):
        if gradient.type is not type_:
            raise GraphError(f"a gradient is {gradient.type}, and its parameter {type_}")
    return gradients


def note_changes(tensors: Iterable[Any]) -> None:
    """Count a new version of tensors that native code has changed by itself: what views remember of them is stale."""
    for tensor in tensors:
        tensor._storage.version += 1
