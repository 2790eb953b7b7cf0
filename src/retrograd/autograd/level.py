"""Levels of differentiation: functions of functions, one inside another.

A transform such as `func.grad` differentiates with respect to arguments of its own, whatever these are outside. It
gives the function *inputs* of a new level: aliases that require a gradient. What comes out requires one only if
something outside asks for it: a leaf, or the inputs of a level around this one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from retrograd.autodiff.backward import gradients
from retrograd.core import mode, tree
from retrograd.core.dtype import DType
from retrograd.core.errors import GraphError, OptionError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops.arithmetic import IDENTITY
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import cast
from retrograd.tensor.base import TensorBase, detached, wrap
from retrograd.tensor.tensor import from_array


class _Open(threading.local):
    """The inputs of the levels that are open in a thread, the outermost first."""

    def __init__(self) -> None:
        self.inputs: list[set[Node]] = []


_open = _Open()


class Level:
    """One function, differentiated with respect to some tensors.

    Args:
        name: of the transform, for messages.
        arguments: a tree of floating-point tensors.

    Attributes:
        arguments: the tree with the inputs of this level in the place of the tensors.
        inputs: their nodes.

    Raises:
        OptionError: a leaf of the tree is no floating-point tensor.
    """

    def __init__(self, name: str, arguments: Any) -> None:
        tensors = tree.leaves(arguments)
        for x in tensors:
            require_floating(name, x)
        self.inputs = [_alias(x._read()) for x in tensors]
        self.arguments = tree.rebuild(arguments, iter([wrap(node) for node in self.inputs]))

    @contextmanager
    def open(self) -> Iterator[None]:
        """The part in which the function runs, and gradients that are to be differentiated again are taken."""
        _open.inputs.append(set(self.inputs))
        try:
            with mode.enable_grad():
                yield
        finally:
            _open.inputs.pop()

    def pull_back(self, outputs: Sequence[Node], seeds: Sequence[Node | None]) -> list[Node | None]:
        """Gradients of the inputs from those of outputs; None where nothing depends on one."""
        return pull_back(self.inputs, outputs, seeds)


def pull_back(inputs: Sequence[Node], outputs: Sequence[Node], seeds: Sequence[Node | None]) -> list[Node | None]:
    """Gradients of nodes from those of outputs, to be differentiated in turn; None where nothing depends on one."""
    asked = [(y, seed) for y, seed in zip(outputs, seeds, strict=True) if y.requires_grad]
    found: dict[Node, Node] = {}
    if asked:
        roots, weights = zip(*asked, strict=True)
        found = gradients(roots, weights, inputs, retain_graph=True, create_graph=True)
    return [found.get(x) for x in inputs]


def filled(found: Sequence[Node | None], inputs: Sequence[Node]) -> list[Node]:
    """Gradients with zeros for those that are None."""
    return [zeros(x.type) if g is None else g for g, x in zip(found, inputs, strict=True)]


def unit_vectors(shape: Shape, dtype: DType) -> Any:
    """The unit vectors of a space of tensors, along a leading axis."""
    size = math.prod(shape)
    return from_array(np.eye(size, dtype=dtype.numpy).reshape(size, *shape))


def _alias(node: Node) -> Node:
    with mode.enable_grad():
        alias = record(IDENTITY, (node,))
    alias.requires_grad = True
    return alias


def require_floating(name: str, x: Any) -> None:
    """Refuse what cannot be differentiated with respect to."""
    if not isinstance(x, TensorBase):
        raise OptionError(f"{name}: gradients are taken with respect to tensors, and this is {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise OptionError(f"{name}: gradients are taken with respect to floating-point tensors, not {x.dtype.name}")


def outside(node: Node) -> Any:
    """A result as a tensor of the surroundings: it requires a gradient if something there does."""
    return wrap(node if not node.requires_grad or _is_asked_for(node) else detached(node))


def outside_tree(results: Any) -> Any:
    """`outside` for every tensor of a tree."""
    return tree.map_leaves(lambda x: outside(x._read()) if isinstance(x, TensorBase) else x, results)


def _is_asked_for(node: Node) -> bool:
    """Whether gradients flow from a node to a leaf, to a placeholder, or to the inputs of a level that is open."""
    seen, stack = {node}, [node]
    while stack:
        x = stack.pop()
        if x.leaf is not None or x.signature is None or any(x in inputs for inputs in _open.inputs):
            return True
        for y in x.inputs:
            if y.requires_grad and y not in seen:
                seen.add(y)
                stack.append(y)
    return False


def output_nodes(name: str, results: Any) -> list[Node]:
    """The nodes of a tree of tensors.

    Raises:
        OptionError: a leaf is no tensor.
    """
    leaves = tree.leaves(results)
    for x in leaves:
        if not isinstance(x, TensorBase):
            raise OptionError(f"{name}: the function must return tensors, and returned {type(x).__name__}")
    return [x._read() for x in leaves]


def seeds_for(name: str, outputs: Sequence[Node], cotangents: Any) -> list[Node | None]:
    """The nodes of a tree of cotangents, one for each output, of its shape.

    Raises:
        GraphError: their number or a shape differs.
    """
    given = tree.leaves(cotangents)
    if len(given) != len(outputs):
        raise GraphError(f"{name}: {len(given)} vectors for {len(outputs)} tensors; give one for each")
    nodes: list[Node | None] = []
    for place, (x, y) in enumerate(zip(given, outputs, strict=True)):
        if not isinstance(x, TensorBase):
            raise TypeError(f"{name}: vector {place} must be a tensor, and is {type(x).__name__}")
        if tuple(x.shape) != y.type.shape:
            raise GraphError(f"{name}: vector {place} has shape {tuple(x.shape)}, and its tensor {y.type.shape}")
        nodes.append(cast(x._read(), y.type.dtype) if y.type.dtype.is_floating_point else None)
    return nodes
