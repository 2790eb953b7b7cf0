"""Inline: every call of a composite or function is replaced by its body, until only what backends run is left.

float16 and bfloat16 are what numbers are stored in, and nothing is computed in them: a node of such numbers computes in
float32 from its inputs to its results, which are rounded once. Steps that only move numbers leave them as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from retrograd.core.dtype import DTYPES, float32
from retrograd.core.graph import Graph, Origin, Step
from retrograd.core.operation import ControlFlow, Primitive
from retrograd.core.signature import Operation, Signature
from retrograd.core.types import TensorType
from retrograd.ops.constant import CONST
from retrograd.ops.elementwise import BITCAST, CAST
from retrograd.passes.bodies import map_bodies
from retrograd.passes.builder import GraphBuilder

_STRUCTURES: Final = frozenset(("backward", "checkpoint", "checkpoint.backward"))
# What only says where numbers go, or is about their bits.
_MOVES: Final = frozenset(
    "reshape permute broadcast slice slice_put pad concat flip unfold take gather select const cast bitcast".split()
)


def is_structure(signature: Signature) -> bool:
    """Whether a call is no node of its own: its steps are."""
    return signature.operation.name in _STRUCTURES


def inline_calls(graph: Graph) -> Graph:
    """The same function in primitives and control flow alone, in its bodies too."""
    builder = GraphBuilder(graph.inputs)
    return builder.finish(_emit(builder, graph, list(range(len(graph.inputs)))))


def _emit(builder: GraphBuilder, graph: Graph, values: list[int]) -> list[int]:
    """Append the steps of `graph` on the values given for its inputs; the numbers of its outputs."""
    values, origin = list(values), builder.origin
    for step in graph.steps:
        args = [values[arg] for arg in step.args]
        signature = step.signature
        builder.origin = _origin(origin, step)
        if _computes_in_half(signature):
            values.extend(_rounded(builder, signature, args))
        elif isinstance(signature.operation, Primitive | ControlFlow):
            values.extend(_applied(builder, signature, args))
        else:
            assert signature.graph is not None
            values.extend(_emit(builder, signature.graph, args))
    builder.origin = origin
    return [values[i] for i in graph.outputs]


def _origin(around: Origin, step: Step) -> Origin:
    """Of what a step becomes: a composite or function enters its name."""
    origin = around + step.origin
    return origin if step.signature.graph is None else (*origin, step.signature.operation.name)


def _applied(builder: GraphBuilder, signature: Signature, args: Sequence[int]) -> range:
    first = builder.apply(map_bodies(inline_calls, signature), tuple(args))
    return range(first, first + len(signature.outputs))


# -- 16 bits ----------------------------------------------------------------------------------------------------------


def _has_half(types: Sequence[TensorType]) -> bool:
    return any(type_.dtype.is_half for type_ in types)


def _computes_in_half(signature: Signature) -> bool:
    """Whether a step is a node that computes with numbers of 16 bits.

    The backward pass of a whole structure, and what it computes again, are no nodes of their own: their steps are.
    """
    operation = signature.operation
    if not (_has_half(signature.inputs) or _has_half(signature.outputs)) or isinstance(operation, ControlFlow):
        return False
    return operation.name not in _MOVES if isinstance(operation, Primitive) else not _only_moves(operation, signature)


def _only_moves(operation: Operation, signature: Signature) -> bool:
    assert signature.graph is not None
    return is_structure(signature) or _moves(signature.graph)


@functools.lru_cache(maxsize=1 << 10)
def _moves(graph: Graph) -> bool:
    """Whether all that a body does to numbers of 16 bits is to move them."""
    return not any(
        _computes_in_half(step.signature) or isinstance(step.signature.operation, ControlFlow) for step in graph.steps
    )


def _rounded(builder: GraphBuilder, signature: Signature, args: Sequence[int]) -> list[int]:
    """A node computed in float32, and its results."""
    wide = [_wide(builder, arg) for arg in args]
    if isinstance(signature.operation, Primitive):
        made: Sequence[int] = [builder.record(signature.operation, tuple(wide), signature.attributes)]
    else:
        assert signature.graph is not None
        made = _emit_wide(builder, signature.graph, wide)
    return [_as(builder, value, type_) for value, type_ in zip(made, signature.outputs, strict=True)]


def _wide(builder: GraphBuilder, value: int) -> int:
    return builder.record(CAST, (value,), (float32.name,)) if builder.types[value].dtype.is_half else value


def _as(builder: GraphBuilder, value: int, type_: TensorType) -> int:
    """The value with the dtype of a type."""
    same = builder.types[value].dtype is type_.dtype
    return value if same else builder.record(CAST, (value,), (type_.dtype.name,))


def _emit_wide(builder: GraphBuilder, graph: Graph, values: list[int]) -> list[int]:
    """As `_emit`, with float32 in place of every type of 16 bits."""
    values, origin = list(values), builder.origin
    for step in graph.steps:
        args = [values[arg] for arg in step.args]
        builder.origin = _origin(origin, step)
        if step.signature.graph is not None:
            values.extend(_emit_wide(builder, step.signature.graph, args))
        else:
            values.extend(_applied_wide(builder, step, args))
    builder.origin = origin
    return [values[i] for i in graph.outputs]


def _applied_wide(builder: GraphBuilder, step: Step, args: list[int]) -> list[int]:
    signature, operation = step.signature, step.signature.operation
    if isinstance(operation, ControlFlow) or operation is BITCAST:
        # Bodies, and bits, are those of the types that they were written for.
        exact = [_as(builder, arg, type_) for arg, type_ in zip(args, signature.inputs, strict=True)]
        return [_wide(builder, value) for value in _applied(builder, signature, exact)]
    attributes = signature.attributes
    if operation is CAST or operation is CONST:
        place = 0 if operation is CAST else 1
        if DTYPES[attributes[place]].is_half:
            attributes = (*attributes[:place], float32.name, *attributes[place + 1 :])
        if operation is CAST and builder.types[args[0]].dtype is DTYPES[attributes[0]]:
            return [args[0]]
    return [builder.record(operation, tuple(args), attributes)]
