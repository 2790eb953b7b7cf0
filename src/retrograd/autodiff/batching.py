"""Batching as a rewrite of the graph: a function of one example becomes a function of many at once.

Each primitive's batching rule takes operands with a new leading axis; what does not depend on a batched input is
computed once. Composites are batched through their bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from retrograd.core import mode
from retrograd.core.cache import Cache
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import ControlFlow, Function, Primitive, record, results
from retrograd.core.signature import Signature
from retrograd.core.types import TensorType
from retrograd.ops.movement import broadcast_to, reshape


def batched(graph: Graph, inputs: Sequence[Node], has_batch: Sequence[bool], size: int) -> list[Node]:
    """Record `graph` on batched inputs.

    Args:
        graph: a function of one example.
        inputs: its inputs, some with a leading axis of extent `size`.
        has_batch: which ones.
        size: how many examples there are.

    Returns:
        The outputs, all with the leading axis.

    Raises:
        NotImplementedError: a primitive has no batching rule.
    """
    outputs, has = _steps(graph, inputs, has_batch, size)
    return [
        x if batch else broadcast_to(reshape(x, (1, *x.type.shape)), (size, *x.type.shape))
        for x, batch in zip(outputs, has, strict=True)
    ]


def batched_call(
    signature: Signature, args: tuple[Node, ...], marks: tuple[bool, ...], size: int
) -> tuple[list[Node], list[bool]]:
    """Record one application on operands some of which have the leading axis; its outputs, and which of them do.

    A composite comes out as one node, that of a function which is derived once for its signature.
    """
    operation, attributes = signature.operation, signature.attributes
    if not any(marks):
        made = results(record(operation, args, attributes))
        return made, [False] * len(made)
    if isinstance(operation, ControlFlow):
        return operation.batch(_steps, args, marks, attributes, size)
    if isinstance(operation, Primitive):
        if operation.batch is None:
            raise NotImplementedError(f"vmap: {operation.name} has no batching rule")
        return [operation.batch(args, marks, attributes, size)], [True]
    types = tuple(x.type for x in args)
    key = signature, types, marks, size
    derived = _derived.get(key)
    if derived is None:
        derived = _derived.put(key, _derive(signature, types, marks, size))
    function, has = derived
    return results(record(function, args)), has


_derived: Final[Cache[tuple[object, ...], tuple[Function, list[bool]]]] = Cache(limit=1 << 11)


def _derive(
    signature: Signature, types: tuple[TensorType, ...], marks: tuple[bool, ...], size: int
) -> tuple[Function, list[bool]]:
    assert signature.graph is not None
    with mode.no_grad():
        inputs = [input_node(type_, None) for type_ in types]
        outputs, has = _steps(signature.graph, inputs, marks, size)
    return Function(signature.operation.name, Graph.from_nodes(inputs, outputs)), has


def _steps(graph: Graph, inputs: Sequence[Node], has_batch: Sequence[bool], size: int) -> tuple[list[Node], list[bool]]:
    values, has = list(inputs), list(has_batch)
    for step in graph.steps:
        args = tuple(values[arg] for arg in step.args)
        made, marks = batched_call(step.signature, args, tuple(has[arg] for arg in step.args), size)
        values.extend(made)
        has.extend(marks)
    return [values[i] for i in graph.outputs], [has[i] for i in graph.outputs]
