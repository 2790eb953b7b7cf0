"""Verifier: what holds of every graph. Run in tests, and after each pass when RETROGRAD_CHECK=1."""

from __future__ import annotations

from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph
from retrograd.core.operation import ControlFlow, Primitive
from retrograd.core.types import TensorType


def verify(graph: Graph, *, primitives_only: bool = False) -> None:
    """Check a graph: values are defined before they are read, types agree, outputs are there.

    Args:
        graph: to be checked.
        primitives_only: whether composites and functions are wrong too, as they are for a backend.

    Raises:
        InternalError: with the step that is wrong, and why.
    """
    types: list[TensorType] = list(graph.inputs)
    for place, step in enumerate(graph.steps):
        signature = step.signature
        where = f"step {place}, {signature!r} of {step.args}"
        if len(step.args) != len(signature.inputs):
            raise InternalError(f"{where}: {len(step.args)} arguments for {len(signature.inputs)} inputs")
        for arg, wanted in zip(step.args, signature.inputs, strict=True):
            if not 0 <= arg < len(types):
                raise InternalError(f"{where}: value {arg} is read before it is defined; there are {len(types)} so far")
            if types[arg] is not wanted:
                raise InternalError(f"{where}: value {arg} is {types[arg]!r}, and the signature says {wanted!r}")
        if isinstance(signature.operation, ControlFlow):
            _verify_bodies(where, signature.attributes[0], primitives_only)
        elif primitives_only and not isinstance(signature.operation, Primitive):
            raise InternalError(f"{where}: {signature.operation.name} is no primitive")
        if signature.projects is not None:
            raise InternalError(f"{where}: a graph names the outputs of a step by their numbers, without project")
        types.extend(signature.outputs)
    missing = [value for value in graph.outputs if not 0 <= value < len(types)]
    if missing:
        raise InternalError(f"output {missing[0]} is not defined: there are {len(types)} values")


def _verify_bodies(where: str, bodies: tuple[Graph, ...], primitives_only: bool) -> None:
    for body in bodies:
        try:
            verify(body, primitives_only=primitives_only)
        except InternalError as error:
            raise InternalError(f"{where}: in its body: {error}") from error
