"""Verifier: what holds of every graph. Run in tests, and after each pass when RETROGRAD_CHECK=1."""

from __future__ import annotations

from retrograd.core.errors import InternalError
from retrograd.core.graph import Graph, Step
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
        if len(step.args) != len(signature.inputs):
            raise InternalError(f"{_where(place, step)}: {len(step.args)} arguments for {len(signature.inputs)} inputs")
        for arg, wanted in zip(step.args, signature.inputs, strict=True):
            if not 0 <= arg < len(types):
                told = f"value {arg} is read before it is defined; there are {len(types)} so far"
                raise InternalError(f"{_where(place, step)}: {told}")
            if types[arg] is not wanted:
                told = f"value {arg} is {types[arg]!r}, and the signature says {wanted!r}"
                raise InternalError(f"{_where(place, step)}: {told}")
        if isinstance(signature.operation, ControlFlow):
            _verify_bodies(place, step, primitives_only)
        elif primitives_only and not isinstance(signature.operation, Primitive):
            raise InternalError(f"{_where(place, step)}: {signature.operation.name} is no primitive")
        if signature.projects is not None:
            told = "a graph names the outputs of a step by their numbers, without project"
            raise InternalError(f"{_where(place, step)}: {told}")
        types.extend(signature.outputs)
    missing = [value for value in graph.outputs if not 0 <= value < len(types)]
    if missing:
        raise InternalError(f"output {missing[0]} is not defined: there are {len(types)} values")


def _where(place: int, step: Step) -> str:
    """Written down where something is wrong alone: extents of graphs over extents stay what they are."""
    return f"step {place}, {step.signature!r} of {step.args}"


def _verify_bodies(place: int, step: Step, primitives_only: bool) -> None:
    for body in step.signature.attributes[0]:
        try:
            verify(body, primitives_only=primitives_only)
        except InternalError as error:
            raise InternalError(f"{_where(place, step)}: in its body: {error}") from error
