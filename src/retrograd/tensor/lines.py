"""Functions along an axis take a single number for an axis of one element."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import Composite, project, record
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import operand


def line_of(name: str, input: Any) -> Node:
    """The node of a tensor that has an axis."""
    node = operand(name, input)
    return node if node.type.shape else reshape(node, (1,))


def along(name: str, operation: Composite, input: Any, dim: int, attributes: tuple[Any, ...] = ()) -> Any:
    """An operation along an axis, whose result has the shape of its input."""
    node = record(operation, (line_of(name, input),), (input._axis(dim), *attributes))
    return wrap(like_input(node, input))


def both_along(
    name: str,
    operation: Composite,
    input: Any,
    dim: int,
    attributes: tuple[Any, ...] = (),
    extra: tuple[Node, ...] = (),
) -> list[Any]:
    """An operation along an axis with two results, of as many axes as its input or one less."""
    node = record(operation, (line_of(name, input), *extra), (input._axis(dim), *attributes))
    return [wrap(like_input(project(node, i), input)) for i in range(2)]


def like_input(node: Node, input: TensorBase) -> Node:
    """The axis of a single number taken away again."""
    return node if input._type_shape() or not node.type.shape else reshape(node, ())
