"""Loops as the native backend has them: steps with one value each, like all others.

A scan of several outputs becomes a step `scan`, whose value is the first output, and a step `scan.part` for each other.
"""

from __future__ import annotations

from typing import Any, Final

from retrograd.core.dtype import DTYPES
from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Primitive, signature_of
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.scan import SCAN
from retrograd.passes.builder import GraphBuilder, rewritten


def _infer_loop(types: tuple[TensorType, ...], *attributes: Any) -> TensorType:
    return signature_of(SCAN, types, attributes).type


def _infer_part(_: tuple[TensorType, ...], number: int, shape: Shape, dtype: str) -> TensorType:
    return tensor_type(shape, DTYPES[dtype])


def _no_reference(*_: Any) -> Any:
    raise InternalError("steps of the native backend have no reference: that of the scan is theirs")


LOOP: Final = Primitive("scan", _infer_loop, _no_reference, None, None)
PART: Final = Primitive("scan.part", _infer_part, _no_reference, None, None)


def single_valued(graph: Graph) -> Graph:
    """The graph with one value for each step."""
    if all(step.signature.operation is not SCAN for step in graph.steps):
        return graph
    return rewritten(graph, _in_parts)


def _in_parts(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> list[int] | None:
    signature = step.signature
    if signature.operation is not SCAN:
        return None
    first = builder.record(LOOP, args, signature.attributes)
    parts = [(number, type_.shape, type_.dtype.name) for number, type_ in enumerate(signature.outputs[1:], 1)]
    return [first, *(builder.record(PART, (first,), part) for part in parts)]
