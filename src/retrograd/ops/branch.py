"""`cond`: one of two bodies, chosen by a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Call, ControlFlow, inline, record, register_flow, results
from retrograd.core.signature import Attributes
from retrograd.core.types import TensorType
from retrograd.ops.batch_axis import for_each, with_batch
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import select


def _infer(types: tuple[TensorType, ...], bodies: tuple[Graph, Graph]) -> tuple[TensorType, ...]:
    condition, *given = types
    if condition.shape:
        raise ShapeError(
            f"cond: the condition has shape {condition.shape}; it must be a single value (use any() or all())"
        )
    if condition.dtype is not bool_:
        raise DTypeError(f"cond: the condition has dtype {condition.dtype.name}; it must be bool (compare first)")
    for body in bodies:
        if body.inputs != tuple(given):
            raise ShapeError(f"cond: a branch takes {body.inputs}, and is given {tuple(given)}")
    first, second = (body.output_types for body in bodies)
    if first != second:
        raise ShapeError(f"cond: the branches give {first} and {second}; they must give the same shapes and dtypes")
    if not first:
        raise ShapeError("cond: the branches give nothing")
    return first


def _reference(run: Callable[[Graph, Sequence[Any]], list[Any]], condition: Any, *given: Any) -> list[Any]:
    *arrays, (chosen, other) = given
    return run(chosen if condition else other, arrays)


def _gradient(call: Call) -> Sequence[Node | None]:
    """The gradient of the branch that was taken, which runs again up to what its gradient needs."""
    (bodies,) = call.attributes
    condition, *given = call.inputs
    needs = call.needs[1:]
    wanted = [i for i, need in enumerate(needs) if need]
    branches = tuple(_branch_gradient(body, call, wanted) for body in bodies)
    made = results(record(COND, (condition, *given, *call.seeds.values()), (branches,))) if wanted else []
    found = dict(zip(wanted, made, strict=True))
    return [None, *(found.get(i) for i in range(len(given)))]


def _branch_gradient(body: Graph, call: Call, wanted: list[int]) -> Graph:
    places = [input_node(type_, None) for type_ in body.inputs]
    seeds = {i: input_node(g.type, None) for i, g in call.seeds.items()}
    gradients = call.pull_back(body, inline(body, places), call.needs[1:], seeds)
    outputs = [zeros(places[i].type) if (g := gradients[i]) is None else g for i in wanted]
    return Graph.from_nodes([*places, *seeds.values()], outputs)


def _batch(
    batch_body: Callable[..., Any], operands: tuple[Node, ...], has: tuple[bool, ...], attributes: Attributes, size: int
) -> tuple[list[Node], list[bool]]:
    """Where all examples take the same branch, that branch for all; else both, and a choice for each example."""
    (bodies,) = attributes
    condition, *given = operands
    if has[0]:
        columns = []
        for body in bodies:
            made, marks = batch_body(body, given, has[1:], size)
            columns.append([with_batch(x, size, mark) for x, mark in zip(made, marks, strict=True)])
        pairs = zip(*columns, strict=True)
        chosen = [select(for_each(condition, a.type.shape), a, b) for a, b in pairs]
        return chosen, [True] * len(chosen)
    branches = tuple(_batched_branch(batch_body, body, given, has[1:], size) for body in bodies)
    outputs = results(record(COND, (condition, *given), (branches,)))
    return outputs, [True] * len(outputs)


def _batched_branch(
    batch_body: Callable[..., Any], body: Graph, given: Sequence[Node], has: Sequence[bool], size: int
) -> Graph:
    places = [input_node(x.type, None) for x in given]
    made, marks = batch_body(body, places, has, size)
    return Graph.from_nodes(places, [with_batch(x, size, mark) for x, mark in zip(made, marks, strict=True)])


COND = register_flow(ControlFlow("cond", _infer, _reference, _gradient, _batch))
