"""`while`: a body that is run as long as a condition of its carries holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError, GraphError, ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Call, ControlFlow, record, register_flow, results
from retrograd.core.signature import Attributes
from retrograd.core.types import TensorType
from retrograd.ops.batch_axis import for_each, with_batch
from retrograd.ops.elementwise import select
from retrograd.ops.movement import reshape
from retrograd.ops.reduce import any_keepdim


def _infer(types: tuple[TensorType, ...], bodies: tuple[Graph, Graph], carries: int) -> tuple[TensorType, ...]:
    test, body = bodies
    if not carries:
        raise ShapeError("while_loop: there is no carry, so that the condition would never change")
    for part in bodies:
        if part.inputs != types:
            raise ShapeError(f"while_loop: a function takes {part.inputs}, and is given {types}")
    (condition,) = test.output_types
    if condition.shape:
        raise ShapeError(f"while_loop: the condition has shape {condition.shape}; it must be a single value")
    if condition.dtype is not bool_:
        raise DTypeError(f"while_loop: the condition has dtype {condition.dtype.name}; it must be bool (compare first)")
    before, after = types[:carries], body.output_types
    if before != after:
        raise ShapeError(f"while_loop: carries go in as {before} and come out as {after}; they must stay the same")
    return before


def _reference(run: Callable[[Graph, Sequence[Any]], list[Any]], *given: Any) -> list[Any]:
    *arrays, (test, body), carries = given
    state, constants = list(arrays[:carries]), arrays[carries:]
    while run(test, [*state, *constants])[0]:
        state = run(body, [*state, *constants])
    return state


def _gradient(call: Call) -> Sequence[Node | None]:
    raise GraphError(
        "while_loop: how many steps it takes is not known beforehand, so nothing is saved for a backward pass; use "
        "scan, which has a length, or no_grad()"
    )


def _batch(
    batch_body: Callable[..., Any], operands: tuple[Node, ...], has: tuple[bool, ...], attributes: Attributes, size: int
) -> tuple[list[Node], list[bool]]:
    """As long as the condition holds for any example; those for which it does not stay as they are."""
    (test, body), carries = attributes
    states = [with_batch(x, size, mark) for x, mark in zip(operands[:carries], has, strict=False)]
    given = [*states, *operands[carries:]]
    marks = [*[True] * carries, *has[carries:]]
    places = [input_node(x.type, None) for x in given]
    goes_on = _condition(batch_body, test, places, marks, size)
    made, made_marks = batch_body(body, places, marks, size)
    following = [
        select(for_each(goes_on, x.type.shape), with_batch(y, size, mark), x)
        for x, y, mark in zip(places[:carries], made, made_marks, strict=True)
    ]
    again = reshape(any_keepdim(goes_on, (0,)), ())
    bodies = Graph.from_nodes(places, [again]), Graph.from_nodes(places, following)
    outputs = results(record(WHILE, tuple(given), (bodies, carries)))
    return outputs, [True] * carries


def _condition(
    batch_body: Callable[..., Any], test: Graph, places: Sequence[Node], marks: Sequence[bool], size: int
) -> Node:
    (condition,), (mark,) = batch_body(test, places, marks, size)
    return with_batch(condition, size, mark)


WHILE = register_flow(ControlFlow("while", _infer, _reference, _gradient, _batch))
