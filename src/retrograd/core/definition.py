"""Graphs run by the NumPy definitions of their operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.core.graph import Graph, Step
from retrograd.core.operation import ControlFlow, Primitive

Array = np.ndarray[Any, Any]


def run_graph(graph: Graph, arrays: Sequence[Array]) -> list[Array]:
    """The outputs for these inputs; an output may share memory with an input."""
    values = dict(enumerate(arrays))
    count = len(values)
    for place, step in enumerate(graph.steps):
        made = run_step(step, [values[arg] for arg in step.args])
        values.update(enumerate(made, count))
        count += len(made)
        for dead in graph.ends.get(place, ()):
            del values[dead]
    return [values[i] for i in graph.outputs]


def run_step(step: Step, args: list[Array]) -> list[Array]:
    """The outputs of one step."""
    signature = step.signature
    operation = signature.operation
    # NumPy's sums and products round differently in another layout, and a result must not depend on where it came from.
    args = [np.asarray(x, order="C") for x in args]
    if isinstance(operation, ControlFlow):
        made = operation.reference(run_graph, *args, *signature.attributes)
    else:
        assert isinstance(operation, Primitive)
        made = [operation.reference(*args, *signature.attributes)]
    return [np.asarray(y, type_.dtype.numpy) for y, type_ in zip(made, signature.outputs, strict=True)]
