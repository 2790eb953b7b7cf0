"""Signatures: an operation as it is applied, to inputs of certain types with certain attributes.

There is one signature for each, which every node has that applies the operation so. Signatures of composites that come
with many different extents follow from a general one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from retrograd.core.family import Fitter, Numbers, TypesAt
from retrograd.core.graph import Graph
from retrograd.core.types import TensorType

Attributes = tuple[Any, ...]
_next_key = itertools.count().__next__


class Operation:
    """Something with a name that nodes apply."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def __repr__(self) -> str:
        return self.name


class Signature:
    """An operation with its attributes and input types: what a structure key is made of.

    Attributes:
        key: a number that stands for it.
        outputs: the types of its outputs; `type` is the first, `width` their number.
        graph: the body, for composites and functions. That of an instance is made when somebody looks at it.
        instance: the general signature that this one follows from, and the values of its symbols.
        projects: for `project`, which output it selects.
        projections: the signatures of `project` of its outputs, once they were asked for.
        differentiable: whether an output is of floating-point numbers.
    """

    __slots__ = (
        "operation",
        "attributes",
        "inputs",
        "outputs",
        "type",
        "width",
        "key",
        "instance",
        "_graph",
        "projects",
        "projections",
        "gradients",
        "differentiable",
    )

    def __init__(
        self,
        operation: Operation,
        attributes: Attributes,
        inputs: tuple[TensorType, ...],
        outputs: tuple[TensorType, ...],
        graph: Graph | Callable[[], Graph] | None,
        instance: Instance | None = None,
    ) -> None:
        self.operation: Final = operation
        self.attributes: Final = attributes
        self.inputs: Final = inputs
        self.outputs: Final = outputs
        self.type: Final = outputs[0]
        self.width: Final = len(outputs)
        self.instance: Final = instance
        self._graph = graph
        self.projects: int | None = attributes[0] if operation.name == "project" else None
        self.projections: tuple[Signature, ...] = ()
        self.gradients: dict[Any, Any] = {}
        self.differentiable = any(type_.dtype.is_floating_point for type_ in outputs)
        self.key = _next_key()

    def hold_body(self) -> None:
        """Have the body made now, before what it depends on changes."""
        _ = self.graph

    @property
    def graph(self) -> Graph | None:
        graph = self._graph
        if graph is not None and not isinstance(graph, Graph):
            graph = self._graph = graph()
        return graph

    def __repr__(self) -> str:
        extra = f" {self.attributes}" if self.attributes else ""
        return f"{self.operation.name}{extra}({', '.join(map(repr, self.inputs))})"


class GeneralSignature:
    """A composite or function over extents.

    Attributes:
        signature: with expressions for extents.
        guards: of these.
        outputs: the types of the outputs, by their extents, which each member gives (`Member.results`).
    """

    def __init__(self, signature: Signature, fitter: Fitter) -> None:
        self.signature, self.guards = signature, fitter.guards
        self.outputs = TypesAt(signature.outputs)
        fitter.want(self.outputs.extents)


class Instance(NamedTuple):
    """Says that a signature follows from a general one."""

    general: GeneralSignature
    values: Numbers
