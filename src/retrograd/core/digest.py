"""What a graph computes as a short text that is the same in every process; object identities and keys are not.

Composites and functions count by the graphs that they stand for: whoever renames one, or writes its body another way
that comes to the same steps, changes no digest.
"""

from __future__ import annotations

import hashlib
from typing import Any

from retrograd.core.graph import Graph
from retrograd.core.signature import Signature

_BYTES = 20
_PLAIN = frozenset({bool, int, float, str, type(None)})


class _Undigested(Exception):
    """An attribute is an object of which nobody knows what it would be in another process."""


def digest_of(graph: Graph) -> str | None:
    """The digest of a graph, or None if it has one in this process only.

    >>> from retrograd.core.dtype import float32
    >>> from retrograd.core.graph import Graph
    >>> from retrograd.core.types import tensor_type
    >>> graph = Graph((tensor_type((2, 3), float32),), (), (0,))
    >>> digest_of(graph) == digest_of(Graph(graph.inputs, (), (0,))) != digest_of(Graph(graph.inputs, (), ()))
    True
    """
    try:
        return _of_graph(graph, {})
    except _Undigested:
        return None


def _of_graph(graph: Graph, known: dict[Signature, str]) -> str:
    """The digest; `known` are those of the signatures met so far."""
    lines = [repr(graph.inputs), repr(graph.outputs)]
    lines += [f"{_of_signature(step.signature, known)} {step.args}" for step in graph.steps]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=_BYTES).hexdigest()


def _of_signature(signature: Signature, known: dict[Signature, str]) -> str:
    found = known.get(signature)
    if found is None:
        if signature.graph is not None:
            found = _of_graph(signature.graph, known)
        else:
            found = f"{signature.operation.name} {_text(signature.attributes, known)} {signature.inputs}"
        known[signature] = found
    return found


def _text(attribute: Any, known: dict[Signature, str]) -> str:
    if attribute.__class__ in _PLAIN:
        return repr(attribute)
    if isinstance(attribute, tuple):  # named ones among them
        return f"({', '.join(_text(part, known) for part in attribute)})"
    if isinstance(attribute, Graph):
        return _of_graph(attribute, known)
    raise _Undigested
