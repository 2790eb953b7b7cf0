"""Batching as a rewrite of the graph: a function of one example becomes a function of many at once.

Each primitive's batching rule takes operands with a new leading axis; what does not depend on a batched input is
computed once. Composites are batched through their bodies.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.graph import Graph, Step
from retrograd.core.node import Node
from retrograd.core.operation import Primitive, record
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


def _steps(graph: Graph, inputs: Sequence[Node], has_batch: Sequence[bool], size: int) -> tuple[list[Node], list[bool]]:
    values, has = list(inputs), list(has_batch)
    for step in graph.steps:
        args = tuple(values[arg] for arg in step.args)
        marks = tuple(has[arg] for arg in step.args)
        if isinstance(step.signature.operation, Primitive):
            values.append(_primitive(step, args, marks, size))
            has.append(any(marks))
            continue
        assert step.signature.graph is not None
        made, made_marks = _steps(step.signature.graph, args, marks, size)
        values.extend(made)
        has.extend(made_marks)
    return [values[i] for i in graph.outputs], [has[i] for i in graph.outputs]


def _primitive(step: Step, args: tuple[Node, ...], marks: tuple[bool, ...], size: int) -> Node:
    operation, attributes = step.signature.operation, step.signature.attributes
    assert isinstance(operation, Primitive)
    if not any(marks):
        return record(operation, args, attributes)
    if operation.batch is None:
        raise NotImplementedError(f"{operation.name} has no batching rule")
    return operation.batch(args, marks, attributes, size)
