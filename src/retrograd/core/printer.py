"""Printer: a graph as text that people read.

For example:

    graph(%0: float32[2, 3], %1: float32[3])
      %2 = mul(%0, %1) : float32[2, 3]
      %3, %4 = max.dim(%2) {1, False} : float32[2], int64[2]
      return %3

The bodies of loops and branches stand beneath their step, with values numbered anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.core.graph import Graph
from retrograd.core.signature import Signature
from retrograd.core.types import TensorType


def to_text(graph: Graph, *, expand: bool = False, origins: bool = False) -> str:
    """The steps of a graph, one a line.

    Args:
        graph: to be printed.
        expand: print the bodies of composites and functions beneath, each once.
        origins: tell behind each step what it was inlined from.
    """
    lines = _lines("graph", graph, origins)
    if expand:
        for signature in _called(graph):
            assert signature.graph is not None
            lines += ["", *_lines(_title(signature), signature.graph)]
    return "\n".join(lines)


def _lines(title: str, graph: Graph, origins: bool = False) -> list[str]:
    inputs = ", ".join(f"%{i}: {type_!r}" for i, type_ in enumerate(graph.inputs))
    lines = [f"{title}({inputs})"]
    first = len(graph.inputs)
    for step in graph.steps:
        signature = step.signature
        outputs = range(first, first + len(signature.outputs))
        bodies, attributes = parts(signature)
        listed = f" {{{', '.join(map(repr, attributes))}}}" if attributes else ""
        call = f"{signature.operation.name}({_values(step.args)}){listed}"
        origin = f"  # {' > '.join(step.origin)}" if origins and step.origin else ""
        lines.append(f"  {_values(outputs)} = {call} : {_types(signature.outputs)}{origin}")
        lines += [f"    {line}" for body in bodies for line in _lines("body", body, origins)]
        first = outputs.stop
    return [*lines, f"  return {_values(graph.outputs)}".rstrip()]


def parts(signature: Signature) -> tuple[tuple[Graph, ...], tuple[object, ...]]:
    """The bodies of control flow, its first attribute, and the other attributes."""
    first, *rest = signature.attributes or (None,)
    if isinstance(first, tuple) and first and all(isinstance(body, Graph) for body in first):
        return first, tuple(rest)
    return (), signature.attributes


def _values(numbers: Sequence[int]) -> str:
    return ", ".join(f"%{number}" for number in numbers)


def _types(types: Sequence[TensorType]) -> str:
    return ", ".join(map(repr, types))


def _title(signature: Signature) -> str:
    attributes = ", ".join(map(repr, signature.attributes))
    return f"{signature.operation.name} {{{attributes}}} " if attributes else f"{signature.operation.name} "


def _called(graph: Graph) -> list[Signature]:
    """The composites and functions that a graph calls, and those that they call in turn."""
    found: dict[Signature, None] = {}
    stack = [graph]
    while stack:
        for step in stack.pop().steps:
            signature = step.signature
            stack += parts(signature)[0]
            if signature.graph is not None and signature not in found:
                found[signature] = None
                stack.append(signature.graph)
    return list(found)
