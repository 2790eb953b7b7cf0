"""Loops over time: `scan`, whose gradient is backpropagation through time (`ops/scan_gradient.py`).

With c_0 given, for t = 0, 1, ..., T - 1

    c_{t+1}, y_t = body(c_t, x_t, constants)

where there may be several of each; the outputs are the last carries c_T and the y_t, stacked along a new axis 0. A
reversed scan goes from t = T - 1 to 0. The body is a graph; it is no step of the one around it, however long the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import ControlFlow, record, register_flow, results
from retrograd.core.signature import Attributes
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops.batch_axis import with_batch
from retrograd.ops.loop import Loop
from retrograd.ops.movement import transpose
from retrograd.ops.scan_gradient import scan_gradient

# -- types ------------------------------------------------------------------------------------------------------------


def _infer(types: tuple[TensorType, ...], *attributes: Any) -> tuple[TensorType, ...]:
    loop = Loop.of(attributes)
    carries, streams, constants = loop.split(types)
    steps = [_step_type(stream, loop.length) for stream in streams]
    given = (*carries, *steps, *constants)
    if given != loop.body.inputs:
        raise ShapeError(f"scan: the body takes {loop.body.inputs}, and is given {given}")
    made = loop.body.output_types
    for place, (before, after) in enumerate(zip(carries, made, strict=False)):
        if before.dtype is not after.dtype:
            raise DTypeError(
                f"scan: carry {place} goes in as {before} and comes out as {after}; cast one, so that every step finds "
                "the same"
            )
        if before is not after:
            raise ShapeError(f"scan: carry {place} goes in as {before} and comes out as {after}; the shape must stay")
    stacked = [tensor_type((loop.length, *type_.shape), type_.dtype) for type_ in made[loop.carries :]]
    if not carries and not stacked:
        raise ShapeError("scan: a loop without carries, whose steps give nothing, has no result")
    return (*carries, *stacked)


def _step_type(stream: TensorType, length: int) -> TensorType:
    if not stream.shape or stream.shape[0] != length:
        raise ShapeError(f"scan: a stream has shape {stream.shape}; its first axis must have {length} steps")
    return tensor_type(stream.shape[1:], stream.dtype)


# -- the definition ---------------------------------------------------------------------------------------------------


def _reference(run: Callable[[Graph, Sequence[Any]], list[Any]], *given: Any) -> list[Any]:
    loop = Loop.of(given[-5:])
    state, streams, constants = loop.split(given[:-5])
    stacks = [np.zeros((loop.length, *t.shape), t.dtype.numpy) for t in loop.body.output_types[loop.carries :]]
    for time in loop.order:
        made = run(loop.body, [*state, *(stream[time] for stream in streams), *constants])
        state = made[: loop.carries]
        for stack, y in zip(stacks, made[loop.carries :], strict=True):
            stack[time] = y
    return [*state, *stacks]


# -- batching ---------------------------------------------------------------------------------------------------------


def _batch(
    batch_body: Callable[..., Any], operands: tuple[Node, ...], has: tuple[bool, ...], attributes: Attributes, size: int
) -> tuple[list[Node], list[bool]]:
    """Many loops at once: a carry is batched if it begins so, or if a step makes it so."""
    loop = Loop.of(attributes)
    carries, streams, constants = loop.split(operands)
    carried, streamed, constant = loop.split(has)
    # Time stays the first axis, the batch comes behind it.
    streams = [transpose(x, 0, 1) if mark else x for x, mark in zip(streams, streamed, strict=True)]
    while True:
        marks = [*carried, *streamed, *constant]
        body, made = _batched_body(loop, batch_body, marks, carried, size)
        grown = [a or b for a, b in zip(carried, made, strict=False)]
        if grown == carried:
            break
        carried = grown
    marked = zip(carries, carried, has, strict=False)
    starts = [with_batch(x, size) if mark and not before else x for x, mark, before in marked]
    batched = Loop(body, loop.carries, loop.streams, loop.length, loop.reverse)
    outputs = scan(batched, [*starts, *streams, *constants])
    marks = [*carried, *made[loop.carries :]]
    stacked = range(loop.carries, len(outputs))
    return [transpose(x, 0, 1) if i in stacked and marks[i] else x for i, x in enumerate(outputs)], marks


def _batched_body(
    loop: Loop, batch_body: Callable[..., Any], marks: list[bool], carried: list[bool], size: int
) -> tuple[Graph, list[bool]]:
    """The body on operands that are batched as `marks` say, and which of its outputs are."""
    places = [
        input_node(tensor_type((size, *type_.shape), type_.dtype) if mark else type_, None)
        for type_, mark in zip(loop.body.inputs, marks, strict=True)
    ]
    outputs, made = batch_body(loop.body, places, marks, size)
    lagging = [i for i in range(loop.carries) if carried[i] and not made[i]]
    outputs = [with_batch(x, size) if i in lagging else x for i, x in enumerate(outputs)]
    return Graph.from_nodes(places, outputs), made


# -- recording --------------------------------------------------------------------------------------------------------

SCAN = register_flow(ControlFlow("scan", _infer, _reference, scan_gradient, _batch))


def scan(loop: Loop, inputs: Sequence[Node]) -> list[Node]:
    """The last carries and the stacks of a loop.

    Args:
        loop: what to do.
        inputs: first carries, streams, constants.
    """
    return results(record(SCAN, tuple(inputs), loop.attributes))
